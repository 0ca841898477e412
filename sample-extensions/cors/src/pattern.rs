//! Origins, headers and paths, as text or as regular expressions.

use std::cmp::Reverse;

use costrel::http::uri::Authority;
use costrel::{Error, ErrorKind};
use regex_lite::{Regex, RegexBuilder};

/// A text, or a regular expression that the whole value must match.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Any,
    /// In the case in which it was written; it is compared without regard to it.
    Text(String),
    Regex(Regex),
}

/// How patterns are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A regular expression matches the whole value.
    #[default]
    Whole,
    /// A regular expression matches the beginning of the value, as Flask-CORS has it.
    Beginning,
}

impl Pattern {
    /// Reads a pattern for origins and headers: as Flask-CORS does, one with a character of regular expressions is one.
    ///
    /// # Errors
    /// If it is no regular expression, or looks like a wildcard of another kind.
    pub(crate) fn parse(text: &str, reading: Reading) -> Result<Self, Error> {
        // Flask-CORS turns `*` into `.*`.
        if matches!(text, "*" | ".*") {
            return Ok(Self::Any);
        }
        if !is_regex(text) {
            return Ok(Self::Text(text.to_owned()));
        }
        if reading == Reading::Whole && has_bare_star(text) {
            return Err(wrong(
                text,
                "a `*` is a regular expression's here: write `.*` for any text, and `\\.` for a dot",
            ));
        }
        Self::regex(text, reading, true)
    }

    /// Reads a pattern for origins. A text that no browser sends as an origin would match nothing, in silence.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse); if a text is no origin.
    pub(crate) fn parse_origin(text: &str, reading: Reading) -> Result<Self, Error> {
        let pattern = Self::parse(text, reading)?;
        if reading == Reading::Whole && pattern.text().is_some_and(|text| !is_origin(text)) {
            return Err(wrong(
                text,
                "no browser sends this as an origin: write scheme://host[:port], such as \"https://shop.example\", without a slash at \
                 the end, and several origins as a list",
            ));
        }
        Ok(pattern)
    }

    /// Reads a pattern for paths, in which `*` is any text. Flask-CORS takes one with a character of regular expressions for
    /// such an expression, and compares another as it is.
    ///
    /// # Errors
    /// If it is no regular expression, or one where only a `*` has a meaning.
    pub(crate) fn parse_path(text: &str, reading: Reading) -> Result<Self, Error> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if reading == Reading::Whole && (text.contains(".*") || is_regex(&text.replace('*', ""))) {
            return Err(wrong(
                text,
                "a path is no regular expression here: write `*` for any text, as in \"/api/*\", and one `.resource(..)` for each \
                 of several paths",
            ));
        }
        if reading == Reading::Beginning && is_regex(text) {
            return Self::regex(text, reading, false);
        }
        let star = if reading == Reading::Whole { ".*" } else { r"\*" };
        let parts: Vec<_> = text.split('*').map(regex_lite::escape).collect();
        Self::regex(&parts.join(star), Reading::Whole, false)
    }

    fn regex(text: &str, reading: Reading, ignores_case: bool) -> Result<Self, Error> {
        let anchored = match reading {
            Reading::Whole => format!("^(?:{text})$"),
            Reading::Beginning => format!("^(?:{text})"),
        };
        let built = RegexBuilder::new(&anchored).case_insensitive(ignores_case).dot_matches_new_line(true).build();
        built.map(Self::Regex).map_err(|error| wrong(text, &error.to_string()))
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(text) => text.eq_ignore_ascii_case(value),
            Self::Regex(regex) => regex.is_match(value),
        }
    }

    /// The place of a pattern for paths among others: texts come before expressions, then those with more `/`, then the longer.
    pub(crate) fn place(text: &str) -> impl Ord + use<> {
        (is_regex(text), Reverse(text.matches('/').count()), Reverse(text.len()))
    }

    /// The text of a pattern that is no regular expression.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether a browser may send the text in `Origin` (RFC 6454, 7): `null`, or a scheme, a host, and a port that is not its usual one.
fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return text == "null" };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_authority = rest.parse::<Authority>().is_ok_and(|authority| {
        let usual = match &*scheme.to_ascii_lowercase() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        !rest.contains('@')
            && !rest.ends_with(':')
            && !authority.host().is_empty()
            && (authority.port().is_none() || authority.port_u16() != usual)
    });
    is_scheme && is_authority && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
}

/// Whether Flask-CORS takes the text for a regular expression.
fn is_regex(text: &str) -> bool {
    text.contains(['*', '\\', ']', '?', '$', '^', '[', '(', ')'])
}

/// Whether there is a `*` after a character that no pattern repeats, as in `https://*.example`.
fn has_bare_star(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[1] == b'*' && matches!(pair[0], b'/' | b':' | b'-'))
        || text.starts_with('*')
}

fn wrong(text: &str, what: &str) -> Error {
    Error::new(ErrorKind::Setup, format!("CORS: the pattern {text:?}: {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*", "https://any.example", true)]
    #[case("https://a.example", "HTTPS://A.example", true)]
    #[case("https://a.example", "https://a.example.evil", false)]
    #[case(r"https://.*\.a\.example", "https://x.a.example", true)]
    #[case(r"https://.*\.a\.example", "https://x.a.example.evil.example", false)]
    #[case(r"https://a\.example|https://b\.example", "https://b.example", true)]
    #[case(r"https://a\.example|https://b\.example", "https://a.example.evil", false)]
    #[case(r"https://a\.example", "https://axexample", false)]
    #[case(r"(.+)", "https://a.example\nx", true)]
    fn an_origin_is_matched_as_a_whole(#[case] pattern: &str, #[case] origin: &str, #[case] matches: bool) {
        assert_eq!(Pattern::parse(pattern, Reading::Whole).unwrap().matches(origin), matches);
    }

    #[test]
    fn flask_matches_the_beginning() {
        let pattern = Pattern::parse(r"https://a\.example", Reading::Beginning).unwrap();
        assert!(pattern.matches("https://a.example.evil.example"));
    }

    #[rstest]
    #[case("https://*.example", "write `.*` for any text")]
    #[case("*.example", "write `.*` for any text")]
    #[case("https://(", "CORS: the pattern \"https://(\"")]
    fn what_is_no_pattern_is_refused(#[case] pattern: &str, #[case] message: &str) {
        let error = Pattern::parse(pattern, Reading::Whole).unwrap_err();
        assert!(error.message().contains(message), "{error}");
    }

    #[rstest]
    #[case("https://a.example/", false)]
    #[case("https://a.example/path", false)]
    #[case("a.example", false)]
    #[case("a.example:8000", false)]
    #[case("//a.example", false)]
    #[case("https://", false)]
    #[case("https://a.example|https://b.example", false)]
    #[case("https://a.example,https://b.example", false)]
    #[case("https://a.example https://b.example", false)]
    #[case("https://ada@a.example", false)]
    #[case("https://a.example:443", false)]
    #[case("http://a.example:80", false)]
    #[case("https://a.example:", false)]
    #[case("", false)]
    #[case("null", true)]
    #[case("https://a.example:8443", true)]
    #[case("http://localhost:3000", true)]
    #[case("HTTPS://A.example", true)]
    #[case("chrome-extension://abcdef", true)]
    #[case("capacitor://localhost", true)]
    fn an_origin_that_no_browser_sends_is_refused(#[case] text: &str, #[case] is_origin: bool) {
        match Pattern::parse_origin(text, Reading::Whole) {
            Ok(pattern) => assert!(is_origin && pattern.matches(text)),
            Err(error) => assert!(!is_origin && error.message().contains("write scheme://host[:port]"), "{error}"),
        }
        assert!(Pattern::parse_origin(text, Reading::Beginning).is_ok(), "Flask-CORS takes any");
    }

    #[test]
    fn flask_takes_a_path_for_a_regular_expression_or_for_text() {
        let matches =
            |pattern: &str, path: &str| Pattern::parse_path(pattern, Reading::Beginning).unwrap().matches(path);
        assert!(matches("/api/*", "/apix/y") && matches("/*", "/any/where"));
        assert!(matches("*", "/any/where"));
        assert!(matches("/api.v1", "/api.v1") && !matches("/api.v1", "/apixv1") && !matches("/api", "/api/x"));
    }

    #[rstest]
    fn a_path_that_is_meant_as_a_regular_expression_is_refused(
        #[values(r"/api/.*", r"/a\.b", "^/api", "/api$", "/(a|b)", "/[ab]", "/ab?")] pattern: &str,
    ) {
        let error = Pattern::parse_path(pattern, Reading::Whole).unwrap_err();
        assert!(error.message().contains("write `*` for any text"), "{error}");
        Pattern::parse_path(pattern, Reading::Beginning).unwrap();
    }

    #[rstest]
    #[case("/api/*", "/api/a/b", true)]
    #[case("/api/*", "/apix", false)]
    #[case("/a.b", "/axb", false)]
    #[case("/*/public", "/a/public", true)]
    #[case("/API", "/api", false)]
    fn a_path_is_matched_as_a_whole(#[case] pattern: &str, #[case] path: &str, #[case] matches: bool) {
        assert_eq!(Pattern::parse_path(pattern, Reading::Whole).unwrap().matches(path), matches);
    }
}

//! The values that a client accepts, best first: the headers `Accept`, `Accept-Language`, `Accept-Encoding` and `Accept-Charset`.

use std::cmp::Reverse;

use http::HeaderValue;

use super::header_list::{split_unquoted, unquoted};

/// The values of an `Accept` header with their qualities: Werkzeug's `request.accept_mimetypes`, `accept_languages` and
/// the like. Without the header it is empty, and nothing matches.
///
/// ```
/// use costrel::{App, request};
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let languages = request().accept_languages();
///     languages.best_match(&["en", "de", "fr"]).unwrap_or("en")
/// });
/// let page = app.test_client().get("/").header("accept-language", "fr-CH, fr;q=0.9, en;q=0.8").wait()?;
/// assert_eq!(page.text(), "fr");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accept {
    kind: AcceptKind,
    /// The best first; in the client's order where they are equally good.
    ranges: Vec<AcceptRange>,
}

/// How offered values are matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AcceptKind {
    /// The match of a whole name, or by `*`: encodings and charsets.
    #[default]
    Token,
    /// `text/*` too, and parameters.
    Mimetype,
    /// `en` for `en-GB` too, and the other way round.
    Language,
}

/// A value that a client accepts, in lower case.
#[derive(Clone, Debug, PartialEq)]
struct AcceptRange {
    value: String,
    /// In lower case and sorted, without `q`.
    parameters: Vec<(String, String)>,
    quality: f32,
}

/// How closely a value matches; a closer match is greater.
type Closeness = usize;

impl Accept {
    /// Parses the header's lines. What is malformed is left out, as by Werkzeug.
    pub(super) fn parse<'v>(kind: AcceptKind, lines: impl Iterator<Item = &'v HeaderValue>) -> Self {
        let lines = lines.filter_map(|line| line.to_str().ok());
        let items = lines.flat_map(|line| split_unquoted(line, b','));
        let mut ranges: Vec<_> = items.filter_map(AcceptRange::parse).collect();
        ranges.sort_by(|one, other| other.quality.total_cmp(&one.quality));
        Self { kind, ranges }
    }

    /// Returns that of the offered values which the client likes best; of equally good ones the one that it names most
    /// closely, and then the first. `None` if it accepts none of them, or said nothing.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || {
    ///     let types = request().accept_mimetypes();
    ///     types.best_match(&["text/html", "application/json"]).unwrap_or("text/html")
    /// });
    /// let client = app.test_client();
    /// for (accept, best) in [("application/json, */*;q=0.1", "application/json"), ("text/*", "text/html")] {
    ///     assert_eq!(client.get("/").header("accept", accept).wait()?.text(), best);
    /// }
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn best_match<'o>(&self, offered: &[&'o str]) -> Option<&'o str> {
        let matches = offered.iter().enumerate().filter_map(|(at, value)| {
            let (closeness, quality) = self.find(value)?;
            (quality > 0.0).then_some((quality, closeness, Reverse(at), *value))
        });
        let best = matches
            .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| (one.1, one.2).cmp(&(other.1, other.2))));
        best.map(|(.., value)| value)
    }

    /// Returns the quality of an offered value, from 0, which is not accepted, to 1. The closest match counts
    /// (RFC 9110, section 12.5.1).
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().accept_encodings().quality("gzip").to_string());
    /// assert_eq!(app.test_client().get("/").header("accept-encoding", "gzip;q=0.5, *;q=0.1").wait()?.text(), "0.5");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn quality(&self, offered: &str) -> f32 {
        self.find(offered).map_or(0.0, |(_, quality)| quality)
    }

    /// Whether the client accepts this value.
    pub fn accepts(&self, offered: &str) -> bool {
        self.quality(offered) > 0.0
    }

    /// Each value that the client named, in lower case, with its quality; the best first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f32)> {
        self.ranges.iter().map(|range| (range.value.as_str(), range.quality))
    }

    /// Whether the client named no value.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    fn find(&self, offered: &str) -> Option<(Closeness, f32)> {
        let (value, parameters) = split_parameters(offered);
        let matches = self.ranges.iter().filter_map(|range| {
            let closeness = match self.kind {
                AcceptKind::Token => range.closeness_of_token(&value),
                AcceptKind::Mimetype => range.closeness_of_mimetype(&value, &parameters),
                AcceptKind::Language => range.closeness_of_language(&value),
            };
            Some((closeness?, range.quality))
        });
        // The first of equally close ones, which is the better one.
        matches.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

impl AcceptRange {
    fn parse(item: &str) -> Option<Self> {
        let (value, mut parameters) = split_parameters(item);
        let quality = match parameters.iter().position(|(name, _)| name == "q") {
            Some(at) => parse_quality(&parameters.remove(at).1)?,
            None => 1.0,
        };
        (!value.is_empty()).then_some(Self { value, parameters, quality })
    }

    fn closeness_of_token(&self, offered: &str) -> Option<Closeness> {
        match &*self.value {
            "*" => Some(0),
            value => (value == offered).then_some(1),
        }
    }

    fn closeness_of_mimetype(&self, offered: &str, parameters: &[(String, String)]) -> Option<Closeness> {
        let (offered_type, _) = offered.split_once('/')?;
        match self.value.split_once('/') {
            None if self.value == "*" => Some(0),
            Some(("*", "*")) => Some(0),
            Some((range_type, "*")) => (range_type == offered_type).then_some(1),
            Some(_) if self.value != offered => None,
            Some(_) if self.parameters.is_empty() => Some(2),
            Some(_) => (self.parameters == parameters).then_some(3),
            None => None,
        }
    }

    fn closeness_of_language(&self, offered: &str) -> Option<Closeness> {
        let primary = |tag: &str| tag.split(['-', '_']).next().map(str::to_owned);
        match &*self.value {
            "*" => Some(0),
            value if value.replace('_', "-") == offered.replace('_', "-") => Some(3),
            // What is refused is this very tag alone.
            value if primary(value).as_deref() == Some(offered) && self.quality > 0.0 => Some(2),
            value => (primary(offered).as_deref() == Some(value)).then_some(1),
        }
    }
}

/// Returns the value and its parameters, in lower case; the parameters sorted.
fn split_parameters(item: &str) -> (String, Vec<(String, String)>) {
    let mut parts = split_unquoted(item, b';');
    let value = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let parameters = parts.filter_map(|part| part.split_once('='));
    let mut parameters: Vec<_> =
        parameters.map(|(name, value)| (lower(name), lower(&unquoted(value.trim())))).collect();
    parameters.sort();
    (value, parameters)
}

fn lower(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn parse_quality(text: &str) -> Option<f32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let quality: f32 = text.parse().ok().filter(|_| is_plain)?;
    (0.0..=1.0).contains(&quality).then_some(quality)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn accept(kind: AcceptKind, text: &str) -> Accept {
        Accept::parse(kind, [HeaderValue::from_str(text).unwrap()].iter())
    }

    #[rstest]
    #[case("text/html, application/json", &["application/json", "text/html"], Some("application/json"))]
    #[case("text/html;q=0.4, application/json;q=0.5", &["text/html", "application/json"], Some("application/json"))]
    #[case("text/*;q=0.3, text/html;q=0.7, text/html;level=1, */*;q=0.5", &["text/plain", "text/html"], Some("text/html"))]
    #[case("text/html;level=1", &["text/html"], None)]
    #[case("text/html;level=1", &["text/html;Level=\"1\""], Some("text/html;Level=\"1\""))]
    #[case("text/html;q=0.1, */*", &["text/html", "image/png"], Some("image/png"))]
    #[case("text/html;q=0, */*", &["text/html"], None)]
    #[case("*/*", &["image/png", "text/html"], Some("image/png"))]
    #[case("image/png, */*", &["text/html", "image/png"], Some("image/png"))]
    #[case("TEXT/HTML", &["text/html"], Some("text/html"))]
    #[case("", &["text/html"], None)]
    #[case("text/html;q=x", &["text/html"], None)]
    #[case("text/html;q=2", &["text/html"], None)]
    #[case("text/html;q=1e-1", &["text/html"], None)]
    #[case("text/html;a=\"x,y;q=0\"", &["text/html;a=\"x,y;q=0\""], Some("text/html;a=\"x,y;q=0\""))]
    #[case(",;,q=1,;q=1", &["text/html"], None)]
    fn the_best_mimetype(#[case] header: &str, #[case] offered: &[&str], #[case] best: Option<&str>) {
        assert_eq!(accept(AcceptKind::Mimetype, header).best_match(offered), best);
    }

    #[rstest]
    #[case("en-US", &["en"], Some("en"))]
    #[case("en", &["en-US"], Some("en-US"))]
    #[case("en_us", &["en-US"], Some("en-US"))]
    #[case("en-GB, en-US;q=0.9", &["en-US", "en-GB"], Some("en-GB"))]
    #[case("de-AT, en;q=0.5", &["en", "de"], Some("de"))]
    #[case("de, *;q=0.1", &["fr"], Some("fr"))]
    #[case("en-GB", &["en-US"], None)]
    #[case("en-US;q=0, *", &["en"], Some("en"))]
    #[case("en;q=0, *", &["en-US"], None)]
    fn the_best_language(#[case] header: &str, #[case] offered: &[&str], #[case] best: Option<&str>) {
        assert_eq!(accept(AcceptKind::Language, header).best_match(offered), best);
    }

    #[test]
    fn an_encoding_is_matched_as_a_whole() {
        let accept = accept(AcceptKind::Token, "gzip;q=0.5, *;q=0.1, br;q=0");
        let shown = ["gzip", "GZIP", "zstd", "br"].map(|name| accept.quality(name).to_string());
        assert_eq!(shown, ["0.5", "0.5", "0.1", "0"]);
        assert_eq!(accept.iter().map(|(value, _)| value).collect::<Vec<_>>(), ["gzip", "*", "br"]);
    }
}

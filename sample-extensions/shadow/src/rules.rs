//! The rules file: what is left out of the comparison, and what is masked.

use std::fs;
use std::path::Path;

use costrel::{Error, ErrorKind};
use regex_lite::Regex;
use serde::{Deserialize, Deserializer};

/// What counts as equal, read from a TOML file.
///
/// ```
/// use costrel_shadow::Rules;
///
/// let rules = Rules::parse(
///     r#"
///     ignore_headers = ["x-request-id"]
///     json_order = true
///     [[mask]]
///     where = "json /items/*/created"
///     [[mask]]
///     where = "body"
///     pattern = 'name="csrf_token" value="[^"]*"'
/// "#,
/// )?;
/// assert!(Rules::parse("unknown = 1").is_err());
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Headers that may differ, beside those of the connection, `Date`, `Server` and `Via`. Default: none.
    pub ignore_headers: Vec<String>,
    /// Whether responses must be written alike: what is equal by HTTP, JSON or HTML and other text, or another order of
    /// cookies, is a difference then. Default: no.
    pub exact: bool,
    /// Whether objects with the same values in another order are a difference. Default: no.
    pub json_order: bool,
    /// The cookie with Flask's signed session, which is compared by its content. Default: `session`.
    pub session_cookie: String,
    /// What is replaced on both sides before they are compared. Default: nothing.
    #[serde(rename = "mask")]
    pub masks: Vec<Mask>,
}

impl Default for Rules {
    fn default() -> Self {
        let session_cookie = "session".into();
        Self { ignore_headers: Vec::new(), exact: false, json_order: false, session_cookie, masks: Vec::new() }
    }
}

/// A part that is replaced on both sides, such as a date or a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The part: `body`, `header NAME`, `cookie NAME`, or `json /path` with `*` for any name or index.
    #[serde(rename = "where", deserialize_with = "place")]
    pub place: Place,
    /// What is replaced in it; all of it without a pattern.
    #[serde(default, deserialize_with = "pattern")]
    pub pattern: Option<Regex>,
}

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The body as text.
    Body,
    /// The values of a header; the name in lower case.
    Header(String),
    /// The value of a cookie.
    Cookie(String),
    /// A value in a JSON body, by the parts of its path.
    Json(Vec<String>),
}

/// The headers of the connection and of the moment, which say nothing about the app.
const NEVER_COMPARED: [&str; 9] =
    ["date", "server", "connection", "keep-alive", "transfer-encoding", "via", "content-length", "set-cookie", "age"];

impl Rules {
    /// Reads rules from TOML.
    ///
    /// # Errors
    /// If the text is not TOML, or no rules.
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::new(ErrorKind::Other, format!("the rules are wrong: {error}")))
    }

    /// Reads rules from a file.
    ///
    /// # Errors
    /// If the file cannot be read, or its text is no rules.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let wrong =
            |error: &dyn std::fmt::Display| Error::new(ErrorKind::Other, format!("{}: {error}", path.display()));
        Self::parse(&fs::read_to_string(path).map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))
    }

    pub(crate) fn compares(&self, header: &str) -> bool {
        !NEVER_COMPARED.contains(&header) && !self.ignores(header)
    }

    pub(crate) fn ignores(&self, header: &str) -> bool {
        self.ignore_headers.iter().any(|ignored| ignored.eq_ignore_ascii_case(header))
    }

    pub(crate) fn masked(&self, place: &Place, text: &str) -> String {
        let masks = self.masks.iter().filter(|mask| mask.place == *place);
        masks.fold(text.to_owned(), |text, mask| match &mask.pattern {
            Some(pattern) => pattern.replace_all(&text, MASKED).into_owned(),
            None => MASKED.to_owned(),
        })
    }

    /// The mask of a value in a JSON body.
    pub(crate) fn json_mask(&self, path: &[String]) -> Option<&Mask> {
        self.masks.iter().find(|mask| matches!(&mask.place, Place::Json(masked) if is_at(masked, path)))
    }
}

/// What stands in the place of what is masked.
pub(crate) const MASKED: &str = "***";

fn is_at(masked: &[String], path: &[String]) -> bool {
    masked.len() == path.len() && masked.iter().zip(path).all(|(masked, part)| masked == "*" || masked == part)
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(match text.split_once(' ').unwrap_or((&text, "")) {
        ("body", "") => Place::Body,
        ("header", name) if !name.is_empty() => Place::Header(name.to_lowercase()),
        ("cookie", name) if !name.is_empty() => Place::Cookie(name.to_owned()),
        ("json", path) if path.starts_with('/') => Place::Json(path[1..].split('/').map(str::to_owned).collect()),
        _ => {
            let message = format!(
                "{text:?} is no part of a response: write `body`, `header etag`, `cookie id` or `json /user/*/age`"
            );
            return Err(serde::de::Error::custom(message));
        }
    })
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text).map(Some).map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
}

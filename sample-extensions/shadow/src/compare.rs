//! The comparison of two responses, part by part.

use std::collections::BTreeSet;
use std::time::SystemTime;

use costrel::http::header::{self, HeaderMap, HeaderValue};
use costrel::{Bytes, StatusCode};

use crate::cookies;
use crate::difference::{Difference, bytes, moment, text};
use crate::exact;
use crate::html;
use crate::json;
use crate::rules::{Place, Rules};

/// A response of one of the two sides.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The error behind a 500, if it is known.
    pub error: Option<String>,
}

impl Answer {
    /// The answer with the date that a server adds, from which the lifetimes of cookies are counted.
    pub(crate) fn with_date(mut self) -> Self {
        if !self.headers.contains_key(header::DATE) {
            let now = httpdate::fmt_http_date(SystemTime::now());
            self.headers.extend(HeaderValue::try_from(now).map(|now| (header::DATE, now)));
        }
        self
    }

    fn status_line(&self) -> String {
        let error = self.error.as_ref().map(|error| format!(": {error}"));
        format!("{}{}", self.status.as_u16(), error.unwrap_or_default())
    }
}

/// Returns the differences between the old app's response and the new one's; none if they are equal by `rules`.
///
/// ```
/// use costrel::{HeaderMap, StatusCode};
/// use costrel_shadow::{Answer, Rules, compare};
///
/// let answer = |body: &'static str| {
///     let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), "application/json".parse().unwrap())]);
///     Answer { status: StatusCode::OK, headers, body: body.into(), error: None }
/// };
/// let rules = Rules::default();
/// assert!(compare(&answer(r#"{"a": 1, "b": 2}"#), &answer(r#"{"b":2,"a":1}"#), &rules).is_empty());
/// assert_eq!(compare(&answer(r#"{"a": 1}"#), &answer(r#"{"a": 2}"#), &rules)[0].part, "JSON /a");
/// ```
pub fn compare(old: &Answer, new: &Answer, rules: &Rules) -> Vec<Difference> {
    let mut found = Vec::new();
    if old.status != new.status {
        found.push(Difference::new("status", &old.status_line(), &new.status_line()));
    }
    if rules.exact {
        found.extend(exact::compare_headers(&old.headers, &new.headers, rules));
        found.extend(exact::compare_bodies(&old.body, &new.body, rules));
        return found;
    }
    found.extend(headers(old, new, rules));
    found.extend(cookies::compare(&old.headers, &new.headers, rules));
    found.extend(bodies(old, new, rules));
    found
}

fn headers(old: &Answer, new: &Answer, rules: &Rules) -> Vec<Difference> {
    let names: BTreeSet<_> = old.headers.keys().chain(new.headers.keys()).map(header::HeaderName::as_str).collect();
    let mut compared: Vec<_> = names.into_iter().filter(|name| rules.compares(name)).collect();
    // Without a body, its length is all that is known of it.
    if old.body.is_empty() && new.body.is_empty() && old.headers.contains_key(header::CONTENT_LENGTH) {
        compared.push("content-length");
    }
    let values = |answer: &Answer, name: &str| values(&answer.headers, name, rules);
    compared
        .into_iter()
        .filter_map(|name| {
            Difference::of(format!("header {name}"), values(old, name).as_deref(), values(new, name).as_deref())
        })
        .collect()
}

/// The values of a header as one text, in the form in which equal ones are the same.
fn values(headers: &HeaderMap, name: &str, rules: &Rules) -> Option<String> {
    let place = Place::Header(name.to_owned());
    let values = headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let values: Vec<_> = values.map(|value| rules.masked(&place, &value)).collect();
    if values.is_empty() {
        return None;
    }
    let joined = values.join(", ");
    Some(match name {
        // Lists whose order says nothing.
        "vary" | "allow" | "cache-control" | "access-control-allow-methods" | "access-control-allow-headers" => {
            let words: BTreeSet<_> = joined.to_lowercase().split(',').map(|word| word.trim().to_owned()).collect();
            words.into_iter().collect::<Vec<_>>().join(", ")
        }
        "content-type" => joined.to_lowercase().replace("; ", ";"),
        "expires" | "last-modified" => moment(&joined),
        _ => joined,
    })
}

fn bodies(old: &Answer, new: &Answer, rules: &Rules) -> Vec<Difference> {
    if old.body == new.body {
        return Vec::new();
    }
    let (Ok(old_text), Ok(new_text)) = (str::from_utf8(&old.body), str::from_utf8(&new.body)) else {
        return vec![bytes(&old.body, &new.body)];
    };
    let [old_text, new_text] = [old_text, new_text].map(|text| rules.masked(&Place::Body, text));
    match kind(old) {
        _ if old_text == new_text => Vec::new(),
        Kind::Json => json::compare(&old_text, &new_text, rules),
        Kind::Html => html::compare(&old_text, &new_text),
        Kind::Other => text(&old_text, &new_text).into_iter().collect(),
    }
}

enum Kind {
    Json,
    Html,
    Other,
}

fn kind(answer: &Answer) -> Kind {
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_lowercase();
    match &*kind {
        "application/json" => Kind::Json,
        "text/html" | "application/xhtml+xml" => Kind::Html,
        kind if kind.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

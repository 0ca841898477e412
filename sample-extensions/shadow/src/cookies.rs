//! Cookies, attribute by attribute; Flask's session by its content.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use costrel::http::header::{self, HeaderMap};
use flate2::read::ZlibDecoder;
use serde_json::Value;

use crate::difference::{Difference, moment};
use crate::json;
use crate::rules::{Place, Rules};

/// The largest session that is read, in bytes.
const MOST: u64 = 1 << 20;

/// The seconds by which the ends of two cookies may differ, because the two responses are made one after the other.
const TOLERANCE: i64 = 5;

/// A cookie that a response sets.
struct Set {
    value: String,
    /// By their names in lower case, with the name as it was written and the value.
    attributes: BTreeMap<String, (String, String)>,
    /// The cookie's end, if `Expires` says it and `Max-Age`, which wins, does not.
    end: Option<End>,
}

/// The end of a cookie, in seconds.
#[derive(Clone, Copy)]
struct End {
    /// Since 1970.
    at: i64,
    /// Since the response's date, if that is known.
    after: Option<i64>,
}

impl End {
    /// Whether two cookies end at the same time, or last as long from their responses on, which are made one after the other.
    fn is_like(self, other: Self) -> bool {
        let apart = match (self.after, other.after) {
            (Some(old), Some(new)) => old - new,
            _ => self.at - other.at,
        };
        self.at == other.at || apart.abs() <= TOLERANCE
    }

    fn shown(self, written: &str) -> String {
        self.after.map_or_else(|| written.to_owned(), |after| format!("{after} s after the response"))
    }
}

/// Returns the differences between the cookies that two responses set, whatever their order.
pub(crate) fn compare(old: &HeaderMap, new: &HeaderMap, rules: &Rules) -> Vec<Difference> {
    let (old, new) = (read(old), read(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let part = format!("cookie {}", name.0);
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => {
                found.extend(values(&name.0, &part, old, new, rules));
                found.extend(attributes(&part, old, new));
            }
            (old, new) => {
                let value = |set: Option<&Set>| set.map(|set| rules.masked(&Place::Cookie(name.0.clone()), &set.value));
                found.extend(Difference::of(part, value(old).as_deref(), value(new).as_deref()));
            }
        }
    }
    found
}

/// Reads the cookies by name, path and domain, because those make a cookie.
fn read(headers: &HeaderMap) -> BTreeMap<(String, usize), Set> {
    let mut cookies = BTreeMap::new();
    let date = headers.get(header::DATE).and_then(|date| seconds(date.to_str().ok()?));
    for line in headers.get_all(header::SET_COOKIE) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut parts = line.split(';').map(|part| part.trim().split_once('=').unwrap_or((part.trim(), "")));
        let Some((name, value)) = parts.next() else { continue };
        let attributes: BTreeMap<_, _> =
            parts.map(|(name, value)| (name.to_lowercase(), (name.to_owned(), value.to_owned()))).collect();
        let ends = attributes.get("expires").filter(|_| !attributes.contains_key("max-age"));
        let at = ends.and_then(|(_, value)| seconds(value));
        let end = at.map(|at| End { at, after: date.map(|date| at - date) });
        // Several with one name are compared in their order.
        let place = (0..=cookies.len()).find(|place| !cookies.contains_key(&(name.to_owned(), *place))).unwrap_or(0);
        cookies.insert((name.to_owned(), place), Set { value: value.to_owned(), attributes, end });
    }
    cookies
}

/// Reads a date of HTTP as seconds since 1970.
fn seconds(date: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn values(name: &str, part: &str, old: &Set, new: &Set, rules: &Rules) -> Vec<Difference> {
    if name == rules.session_cookie
        && let (Some(old), Some(new)) = (content(&old.value), content(&new.value))
    {
        return json::compare_values("session", &old, &new, rules);
    }
    let [old, new] = [old, new].map(|set| rules.masked(&Place::Cookie(name.to_owned()), &set.value));
    Difference::of(format!("{part}: value"), Some(&old), Some(&new)).into_iter().collect()
}

fn attributes(part: &str, old: &Set, new: &Set) -> Vec<Difference> {
    let names: BTreeSet<_> = old.attributes.keys().chain(new.attributes.keys()).collect();
    let is_like = old.end.zip(new.end).is_some_and(|(old, new)| old.is_like(new));
    let shown = |set: &Set, name: &str| {
        let (_, value) = set.attributes.get(name)?;
        Some(match name {
            "expires" => set.end.filter(|_| !is_like).map_or_else(|| moment(value), |end| end.shown(value)),
            "domain" => value.trim_start_matches('.').to_lowercase(),
            "samesite" => value.to_lowercase(),
            _ if value.is_empty() => "set".to_owned(),
            _ => value.clone(),
        })
    };
    let difference = |name: &String| {
        let written = old.attributes.get(name).or(new.attributes.get(name)).map_or(name, |(written, _)| written);
        Difference::of(format!("{part}: {written}"), shown(old, name).as_deref(), shown(new, name).as_deref())
    };
    names.into_iter().filter_map(difference).collect()
}

/// The content of a session that itsdangerous has signed; the signature has the time in it, and is another each time.
fn content(cookie: &str) -> Option<Value> {
    let encoded = cookie.trim_start_matches('.').split('.').next()?;
    let data = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    if !cookie.starts_with('.') {
        return serde_json::from_slice(&data).ok();
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(&*data).take(MOST).read_to_end(&mut inflated).ok()?;
    serde_json::from_slice(&inflated).ok()
}

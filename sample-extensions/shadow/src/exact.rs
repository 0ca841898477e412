//! Two responses as they are written: what says the same in other words differs.

use std::collections::{BTreeMap, BTreeSet};

use costrel::Bytes;
use costrel::http::header::HeaderMap;

use crate::difference::{Difference, NONE, bytes, text};
use crate::rules::{Place, Rules};

/// The headers of the connection and of the moment, which are other ones each time.
const NEVER_COMPARED: [&str; 3] = ["date", "server", "connection"];

/// Returns the differences between two lists of headers: of values, of their order, and of their number.
pub(crate) fn compare_headers(old: &HeaderMap, new: &HeaderMap, rules: &Rules) -> Vec<Difference> {
    let (old, new) = (values(old, rules), values(new, rules));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let difference = |name: &String| {
        let (old, new) = (old.get(name), new.get(name));
        (old != new).then(|| Difference::new(format!("header {name}"), &shown(old), &shown(new)))
    };
    names.into_iter().filter_map(difference).collect()
}

fn shown(values: Option<&Vec<String>>) -> String {
    values.map_or_else(|| NONE.to_owned(), |values| values.join(" | "))
}

/// Returns the first difference between two bodies.
pub(crate) fn compare_bodies(old: &Bytes, new: &Bytes, rules: &Rules) -> Option<Difference> {
    if old == new {
        return None;
    }
    match (str::from_utf8(old), str::from_utf8(new)) {
        (Ok(old), Ok(new)) => text(&rules.masked(&Place::Body, old), &rules.masked(&Place::Body, new)),
        _ => Some(bytes(old, new)),
    }
}

/// The values of each header that is compared; a set where the order says nothing.
fn values(headers: &HeaderMap, rules: &Rules) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    let compared = |name: &str| !NEVER_COMPARED.contains(&name) && !rules.ignores(name);
    for (name, value) in headers.iter().filter(|(name, _)| compared(name.as_str())) {
        let place = Place::Header(name.as_str().to_owned());
        let value = rules.masked(&place, &String::from_utf8_lossy(value.as_bytes()));
        let values = all.entry(name.as_str().to_owned()).or_default();
        match name.as_str() {
            "allow" => values.extend(words(&value)),
            "vary" => values.extend(words(&value.to_ascii_lowercase())),
            "set-cookie" => values.push(with_sorted_attributes(&value)),
            _ => values.push(value),
        }
    }
    for name in ["allow", "vary"] {
        if let Some(values) = all.get_mut(name) {
            values.sort();
            values.dedup();
        }
    }
    all
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(|word| word.trim().to_owned()).collect()
}

/// A cookie with its attributes, whose order says nothing, in that of the alphabet.
fn with_sorted_attributes(cookie: &str) -> String {
    let mut parts = cookie.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    let attributes: BTreeSet<_> = parts.collect();
    std::iter::once(pair).chain(attributes).collect::<Vec<_>>().join("; ")
}

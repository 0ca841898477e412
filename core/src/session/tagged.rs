//! Values that JSON does not know, written as Flask's tagged JSON writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

/// The first second of the year 10000.
const LATEST: u64 = 253_402_300_800;

/// A value of one of the types that Flask keeps apart in sessions though JSON does not know them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Tagged {
    /// Python's `tuple`.
    Tuple(Vec<Value>),
    /// Python's `bytes`.
    Bytes(Vec<u8>),
    /// Text that is HTML already.
    Markup(String),
    /// Python's `UUID`.
    Uuid(Uuid),
    /// Python's `datetime`, to the second.
    DateTime(SystemTime),
}

impl Tagged {
    /// Checks that a time is one that Flask's format can express.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Self::DateTime(time) = self else { return Ok(()) };
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) if since.as_secs() < LATEST => Ok(()),
            _ => Err(Error::new(ErrorKind::Other, "a time in the session must be in the years 1970 to 9999")),
        }
    }

    pub(crate) fn into_wire(self) -> Value {
        let (tag, value) = match self {
            Self::Tuple(items) => (" t", Value::Array(items.into_iter().map(escaped).collect())),
            Self::Bytes(bytes) => (" b", STANDARD.encode(bytes).into()),
            Self::Markup(text) => (" m", text.into()),
            Self::Uuid(uuid) => (" u", uuid.simple().to_string().into()),
            Self::DateTime(time) => (" d", httpdate::fmt_http_date(time).into()),
        };
        object(tag, value)
    }

    pub(super) fn from_wire(value: &Value) -> Option<Self> {
        let (tag, value) = only_entry(value)?;
        match tag {
            " t" => Some(Self::Tuple(value.as_array()?.iter().map(plain).collect())),
            " b" => STANDARD.decode(value.as_str()?).ok().map(Self::Bytes),
            " m" => value.as_str().map(|text| Self::Markup(text.to_owned())),
            " u" => Uuid::parse_str(value.as_str()?).ok().map(Self::Uuid),
            " d" => httpdate::parse_http_date(value.as_str()?).ok().map(Self::DateTime),
            _ => None,
        }
    }
}

/// Returns the value as plain JSON: tuples as arrays, the others as text.
pub(super) fn plain(value: &Value) -> Value {
    if let Some((tag, inner)) = only_entry(value).filter(|(tag, _)| tag.starts_with(' ')) {
        if let (" di", Some((key, value))) = (tag, only_entry(inner)) {
            return object(key.strip_suffix("__").unwrap_or(key), plain(value));
        }
        match Tagged::from_wire(value) {
            Some(Tagged::Tuple(items)) => return Value::Array(items),
            Some(Tagged::Uuid(uuid)) => return uuid.to_string().into(),
            Some(_) => return inner.clone(),
            None => {}
        }
    }
    each(value, plain)
}

/// Returns the value with every object that looks like a tag escaped, so that it is not read as one.
pub(super) fn escaped(value: Value) -> Value {
    // The inner values come first, because the tags added here would be escaped again otherwise.
    let value = each(&value, |value| escaped(value.clone()));
    match only_entry(&value) {
        Some((key @ (" t" | " b" | " m" | " u" | " d" | " di"), inner)) => {
            object(" di", object(&format!("{key}__"), inner.clone()))
        }
        _ => value,
    }
}

fn each(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(change).collect()),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), change(value))).collect(),
        other => other.clone(),
    }
}

fn only_entry(value: &Value) -> Option<(&str, &Value)> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    entries.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

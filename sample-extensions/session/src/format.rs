//! The value of a session in the store: msgpack or JSON, as Flask-Session writes them by msgspec.
//!
//! Costrel's sessions are in Flask's tagged JSON, where an object with one key such as `" b"` is a value that JSON does not know.
//! msgpack has bytes and times of its own; tuples and the others go as arrays and text, as msgspec writes them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use costrel::Error;
use rmpv::Value as Packed;
use serde_json::{Map, Value};

/// The format of values that are written. Both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    MsgPack,
    Json,
}

/// The deepest nesting that is read, because Flask may share the store with others.
const DEEPEST: usize = 64;

/// The type of msgpack's extension for times.
const TIMESTAMP: i8 = -1;

impl Format {
    /// Returns the bytes of `data`. In msgpack, a value that is in `before` stays as it is there, because Python may have put in one
    /// that is more than Costrel's session can tell, such as a part of a second.
    ///
    /// # Errors
    /// If the data cannot be written.
    pub(crate) fn encode(self, data: &Map<String, Value>, before: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        match self {
            Self::Json => Ok(serde_json::to_vec(&plain(&pack_map(data)))?),
            Self::MsgPack => {
                let (mut bytes, packed) = (Vec::new(), pack_changed(data, before));
                rmpv::encode::write_value(&mut bytes, &packed)?;
                Ok(bytes)
            }
        }
    }

    /// Returns the session in `bytes`, whichever of the two formats they are in; `None` if in neither.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Map<String, Value>> {
        let data = read_packed(bytes).map(|packed| unpack(&packed));
        match data.or_else(|| serde_json::from_slice(bytes).ok().map(|value| escape(&value)))? {
            // One key that looks like a tag was escaped, which the session itself must not be.
            Value::Object(entries) => Some(unescaped_once(entries)),
            _ => None,
        }
    }
}

/// Packs `data`, with the entries of `before` that have not changed.
fn pack_changed(data: &Map<String, Value>, before: Option<&[u8]>) -> Packed {
    let mut before: HashMap<String, (Packed, Packed)> = match before.and_then(read_packed) {
        Some(Packed::Map(entries)) => entries.into_iter().map(|entry| (key_of(&entry.0), entry)).collect(),
        _ => HashMap::new(),
    };
    let entry = |(key, value): (&String, &Value)| match before.remove(key) {
        Some(entry) if unpack(&entry.1) == *value => entry,
        _ => (key.as_str().into(), pack(value)),
    };
    Packed::Map(data.iter().map(entry).collect())
}

/// Reads a map in msgpack.
fn read_packed(mut bytes: &[u8]) -> Option<Packed> {
    let packed = rmpv::decode::read_value_with_max_depth(&mut bytes, DEEPEST).ok()?;
    (packed.is_map() && bytes.is_empty()).then_some(packed)
}

fn pack_map(entries: &Map<String, Value>) -> Packed {
    Packed::Map(entries.iter().map(|(key, value)| (key.as_str().into(), pack(value))).collect())
}

fn pack(value: &Value) -> Packed {
    match value {
        Value::Null => Packed::Nil,
        Value::Bool(value) => Packed::Boolean(*value),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => Packed::Array(items.iter().map(pack).collect()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().unwrap_or_default().into(),
        },
        Value::Object(entries) => only_entry(entries).and_then(pack_tagged).unwrap_or_else(|| pack_map(entries)),
    }
}

/// Returns a value that Flask tags; `None` if the key is no tag.
fn pack_tagged((tag, value): (&str, &Value)) -> Option<Packed> {
    match tag {
        " t" => Some(pack(value)),
        " b" => STANDARD.decode(value.as_str()?).ok().map(Packed::Binary),
        " m" | " u" if value.is_string() => Some(pack(value)),
        " d" => Some(pack_time(httpdate::parse_http_date(value.as_str()?).ok()?)),
        " di" => {
            let (key, value) = only_entry(value.as_object()?)?;
            Some(Packed::Map(vec![(key.strip_suffix("__")?.into(), pack(value))]))
        }
        _ => None,
    }
}

fn pack_time(time: SystemTime) -> Packed {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Of 32, 34 or 64 bits; before the longest there are nanoseconds.
    let bytes = match u32::try_from(seconds) {
        Ok(seconds) => seconds.to_be_bytes().to_vec(),
        Err(_) if seconds < 1 << 34 => seconds.to_be_bytes().to_vec(),
        Err(_) => [&[0; 4], &seconds.to_be_bytes()[..]].concat(),
    };
    Packed::Ext(TIMESTAMP, bytes)
}

fn unpack(packed: &Packed) -> Value {
    match packed {
        Packed::Nil => Value::Null,
        Packed::Boolean(value) => (*value).into(),
        Packed::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (_, number) => number.into(),
        },
        Packed::F32(number) => f64::from(*number).into(),
        Packed::F64(number) => (*number).into(),
        Packed::String(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        Packed::Array(items) => items.iter().map(unpack).collect(),
        Packed::Map(entries) => escaped(entries.iter().map(|(key, value)| (key_of(key), unpack(value))).collect()),
        Packed::Ext(TIMESTAMP, bytes) => {
            unpack_time(bytes).map_or(Value::Null, |time| tagged(" d", httpdate::fmt_http_date(time).into()))
        }
        Packed::Binary(bytes) | Packed::Ext(_, bytes) => tagged(" b", STANDARD.encode(bytes).into()),
    }
}

/// The key of a map, which in Python may be a number too.
fn key_of(key: &Packed) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// Returns a time to the second, from one of msgpack's three forms; `None` before 1970.
fn unpack_time(bytes: &[u8]) -> Option<SystemTime> {
    let seconds: u64 = match bytes.len() {
        4 => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        // Nanoseconds have the upper 30 bits.
        8 => u64::from_be_bytes(bytes.try_into().ok()?) & ((1 << 34) - 1),
        12 => i64::from_be_bytes(bytes[4..].try_into().ok()?).try_into().ok()?,
        _ => return None,
    };
    // The first second of the year 10000, which Flask's format cannot express.
    (seconds < 253_402_300_800).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Returns a value as msgspec writes it in JSON: bytes in Base64, times as RFC 3339 has them.
fn plain(packed: &Packed) -> Value {
    match packed {
        Packed::Array(items) => items.iter().map(plain).collect(),
        Packed::Map(entries) => entries.iter().map(|(key, value)| (key_of(key), plain(value))).collect(),
        Packed::Binary(bytes) => STANDARD.encode(bytes).into(),
        Packed::Ext(_, bytes) => unpack_time(bytes).and_then(rfc_3339).into(),
        other => unpack(other),
    }
}

/// Returns a time as RFC 3339 has it, made of the parts of `Tue, 14 Nov 2023 22:13:20 GMT`.
fn rfc_3339(time: SystemTime) -> Option<String> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = httpdate::fmt_http_date(time);
    let month = MONTHS.find(text.get(8..11)?)? / 3 + 1;
    Some(format!("{}-{month:02}-{}T{}Z", text.get(12..16)?, text.get(5..7)?, text.get(17..25)?))
}

/// Returns plain JSON in Flask's format.
fn escape(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(escape).collect(),
        Value::Object(entries) => escaped(entries.iter().map(|(key, value)| (key.clone(), escape(value))).collect()),
        other => other.clone(),
    }
}

/// Returns an object that is no tag, escaped if it looks like one.
fn escaped(entries: Map<String, Value>) -> Value {
    match only_entry(&entries) {
        Some((tag @ (" t" | " b" | " m" | " u" | " d" | " di"), value)) => {
            tagged(" di", tagged(&format!("{tag}__"), value.clone()))
        }
        _ => Value::Object(entries),
    }
}

fn unescaped_once(entries: Map<String, Value>) -> Map<String, Value> {
    match only_entry(&entries) {
        Some((" di", Value::Object(inner))) => {
            inner.iter().map(|(key, value)| (key.strip_suffix("__").unwrap_or(key).to_owned(), value.clone())).collect()
        }
        _ => entries,
    }
}

fn tagged(tag: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(tag.to_owned(), value)]))
}

fn only_entry(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = entries.iter();
    entries.next().filter(|_| entries.len() == 0).map(|(key, value)| (key.as_str(), value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Values that were not in the store before; the tests of whole requests have those that were.
    #[test]
    fn new_values_are_written_as_flask_session_writes_them() {
        let fixture = include_str!("../tests/it/fixtures/flask_session.json");
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        for vector in fixture["values"].as_array().unwrap() {
            let hex = vector["msgpack"].as_str().unwrap();
            let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
            let data = Format::decode(&bytes).unwrap();
            assert_eq!(Format::MsgPack.encode(&data, None).unwrap(), bytes, "{}", vector["name"]);
        }
    }
}

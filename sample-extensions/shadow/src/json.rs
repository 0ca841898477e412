//! JSON by value, and the order of its keys where that counts.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::difference::{Difference, text};
use crate::rules::{MASKED, Rules};

/// Returns the differences between two JSON texts; the first line that differs if one of them is no JSON.
pub(crate) fn compare(old: &str, new: &str, rules: &Rules) -> Vec<Difference> {
    let (Ok(old_value), Ok(new_value)) = (serde_json::from_str(old), serde_json::from_str(new)) else {
        return text(old, new).into_iter().collect();
    };
    let mut found = compare_values("JSON", &old_value, &new_value, rules);
    if found.is_empty() && rules.json_order {
        let keys = |text| serde_json::from_str::<Keys>(text).map(|keys| keys.0.join(" ")).unwrap_or_default();
        found.extend(Difference::of("JSON: order of keys", Some(&keys(old)), Some(&keys(new))));
    }
    found
}

/// Returns the differences between two values, each named by its path.
pub(crate) fn compare_values(name: &str, old: &Value, new: &Value, rules: &Rules) -> Vec<Difference> {
    let mut comparison = Comparison { name, rules, path: Vec::new(), found: Vec::new() };
    comparison.compare(Some(old), Some(new));
    comparison.found
}

struct Comparison<'r> {
    name: &'r str,
    rules: &'r Rules,
    path: Vec<String>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn compare(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
                for name in names {
                    self.at(name, old.get(name), new.get(name));
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                for at in 0..old.len().max(new.len()) {
                    self.at(&at.to_string(), old.get(at), new.get(at));
                }
            }
            (Some(Value::Number(old)), Some(Value::Number(new)))
                if old == new || (old.as_f64() == new.as_f64() && !both_whole(old, new)) => {}
            _ => {
                let part = format!("{} /{}", self.name, self.path.join("/"));
                let [old, new] = [old, new].map(|value| value.map(ToString::to_string));
                self.found.extend(Difference::of(part, old.as_deref(), new.as_deref()));
            }
        }
    }

    fn at(&mut self, name: &str, old: Option<&Value>, new: Option<&Value>) {
        self.path.push(name.to_owned());
        match self.rules.json_mask(&self.path) {
            // What is masked must be there on both sides nevertheless.
            Some(mask) => {
                let masked = |value: Option<&Value>| {
                    let text = value?.to_string();
                    Some(Value::String(match &mask.pattern {
                        Some(pattern) => pattern.replace_all(&text, MASKED).into_owned(),
                        None => MASKED.to_owned(),
                    }))
                };
                self.compare(masked(old).as_ref(), masked(new).as_ref());
            }
            None => self.compare(old, new),
        }
        self.path.pop();
    }
}

/// Whether both are integers, of which large ones are the same as floating point numbers though they differ.
fn both_whole(old: &serde_json::Number, new: &serde_json::Number) -> bool {
    !old.is_f64() && !new.is_f64()
}

/// The keys of all objects of a JSON text, in their order.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

macro_rules! without_keys {
    ($($visit:ident $value:ty),*) => {$(
        fn $visit<E>(self, _: $value) -> Result<Keys, E> {
            Ok(Keys::default())
        }
    )*};
}

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    without_keys!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str);

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some(Keys(inner)) = items.next_element()? {
            keys.extend(inner);
        }
        Ok(Keys(keys))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, Keys(inner))) = entries.next_entry::<String, Keys>()? {
            keys.push(key);
            keys.extend(inner);
        }
        Ok(Keys(keys))
    }
}

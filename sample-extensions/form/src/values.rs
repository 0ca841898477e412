//! Texts by the names of their inputs.

use std::collections::{BTreeMap, BTreeSet};

use costrel::MultiDict;
use serde_json::{Map, Value};

/// The texts of a form, or of data that a form shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    texts: BTreeMap<String, Vec<String>>,
}

impl Values {
    pub(crate) fn of_fields(fields: &MultiDict) -> Self {
        let mut values = Self::default();
        for (name, text) in fields.iter() {
            values.texts.entry(name.to_owned()).or_default().push(text.to_owned());
        }
        values
    }

    /// The fields of an object, by their whole names: a client could make names that are longer than all it sent, were those
    /// of objects in it put together.
    pub(crate) fn of_json(object: &Map<String, Value>) -> Self {
        Self { texts: object.iter().map(|(name, value)| (name.clone(), texts(value))).collect() }
    }

    /// The fields of data, and of structs in it, by the names that their inputs have.
    pub(crate) fn of_data(data: &Value) -> Self {
        let mut values = Self::default();
        values.add(String::new(), data);
        values
    }

    fn add(&mut self, name: String, value: &Value) {
        let child = |key: &str| child(&name, key);
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.add(child(key), value)),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                items.iter().enumerate().for_each(|(index, item)| self.add(child(&index.to_string()), item));
            }
            value => {
                self.texts.insert(name, texts(value));
            }
        }
    }

    /// The number of texts.
    pub(crate) fn count(&self) -> usize {
        self.texts.values().map(Vec::len).sum()
    }

    /// The texts of an input.
    pub(crate) fn get(&self, name: &str) -> &[String] {
        self.texts.get(name).map_or(&[], Vec::as_slice)
    }

    /// The first text of an input; empty if there is none.
    pub(crate) fn first(&self, name: &str) -> &str {
        self.get(name).first().map_or("", String::as_str)
    }

    /// Whether there is an input of this name, or for a field of it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name) || self.inside(name).next().is_some()
    }

    /// Whether the inputs for the fields of a field are blank.
    pub(crate) fn is_blank(&self, name: &str) -> bool {
        self.inside(name).all(|(_, texts)| texts.iter().all(|text| text.trim().is_empty()))
    }

    /// The indices of the inputs `name-0`, `name-7-street` and so on.
    pub(crate) fn indices(&self, name: &str) -> impl Iterator<Item = usize> + use<> {
        let keys = self.inside(name).filter_map(|(rest, _)| rest.split('-').next());
        let canonical = |digits: &str| digits.parse().ok().filter(|index: &usize| index.to_string() == digits);
        keys.filter_map(canonical).collect::<BTreeSet<_>>().into_iter()
    }

    /// Returns the texts of the inputs with these names.
    pub(crate) fn only(mut self, names: &BTreeSet<String>) -> Self {
        self.texts.retain(|name, _| names.contains(name));
        self
    }

    /// The inputs whose names begin with this one, and what follows it.
    fn inside(&self, name: &str) -> impl Iterator<Item = (&str, &[String])> {
        let start = format!("{name}-");
        let from = self.texts.range(start.clone()..);
        from.map_while(move |(name, texts)| Some((name.strip_prefix(&start)?, texts.as_slice())))
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The name of the input for a part of a field, as in WTForms; of the form itself if `of` is empty.
pub(crate) fn child(of: &str, name: &str) -> String {
    if of.is_empty() { name.to_owned() } else { format!("{of}-{name}") }
}

/// Whether the text of a box says that it is ticked. A box that is not ticked sends nothing.
pub(crate) fn is_ticked(text: &str) -> bool {
    !matches!(text.trim(), "" | "false")
}

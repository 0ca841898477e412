//! A map of names with one or more values each, for queries and forms.

/// A map of names with one or more values each, in the order they came.
///
/// ```
/// use costrel::MultiDict;
///
/// let query = MultiDict::parse(b"tag=a&tag=b%20c&page=2");
/// assert_eq!(query.get("page"), Some("2"));
/// assert_eq!(query.get_list("tag").collect::<Vec<_>>(), ["a", "b c"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiDict {
    pairs: Vec<(String, String)>,
}

impl MultiDict {
    /// Parses `a=1&b=2`, percent-encoded. Bytes that are not UTF-8 become the replacement character.
    pub fn parse(encoded: &[u8]) -> Self {
        Self { pairs: form_urlencoded::parse(encoded).into_owned().collect() }
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`.
    pub fn get_list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, name: String, value: String) {
        self.pairs.push((name, value));
    }

    /// Returns these values, with those of `other` after them.
    pub(super) fn combined_with(mut self, other: &Self) -> Self {
        self.pairs.extend(other.pairs.iter().cloned());
        self
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

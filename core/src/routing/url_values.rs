//! The values of a URL's variables, by name.

use std::sync::Arc;

use super::arg::{ArgValue, FromArg};

/// The values of a URL's variables, when the URL is read or built: the argument of
/// [`url_value_preprocessor`](crate::App::url_value_preprocessor) and [`url_defaults`](crate::App::url_defaults).
///
/// ```
/// let mut values = costrel::UrlValues::default();
/// values.set("lang", "de");
/// values.set_default("lang", "en");
/// assert_eq!(values.get::<String>("lang").as_deref(), Some("de"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct UrlValues {
    endpoint: Option<Arc<str>>,
    values: Vec<(Arc<str>, ArgValue)>,
}

impl UrlValues {
    pub(crate) fn new(endpoint: Option<Arc<str>>, values: Vec<(Arc<str>, ArgValue)>) -> Self {
        Self { endpoint, values }
    }

    /// The endpoint; `None` if no rule matched.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The value of `name` as a `T`; `None` if there is none, or if it does not fit.
    pub fn get<T: FromArg>(&self, name: &str) -> Option<T> {
        self.value(name).and_then(T::from_arg)
    }

    /// Whether there is a value of `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Sets the value of `name`, and replaces the one there is.
    pub fn set(&mut self, name: &str, value: impl Into<ArgValue>) {
        self.values.retain(|(known, _)| &**known != name);
        self.add(name, value);
    }

    /// Sets the value of `name` if it has none yet.
    pub fn set_default(&mut self, name: &str, value: impl Into<ArgValue>) {
        if !self.contains(name) {
            self.add(name, value);
        }
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<ArgValue>) {
        self.values.push((name.into(), value.into()));
    }

    /// The first value of `name`.
    pub(super) fn value(&self, name: &str) -> Option<&ArgValue> {
        self.values.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Returns every name with its value, in the order set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArgValue)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }
}

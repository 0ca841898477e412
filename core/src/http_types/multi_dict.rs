//! A map of names with one or more values each, for queries and forms.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::Error;

/// A map of names with one or more values each, in the order they came.
///
/// ```
/// use costrel::MultiDict;
///
/// let query = MultiDict::parse(b"tag=a&tag=b%20c&page=2");
/// assert_eq!(query.get("page"), Some("2"));
/// assert_eq!(query.get_list("tag").collect::<Vec<_>>(), ["a", "b c"]);
/// ```
#[doc(alias = "ImmutableMultiDict")]
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
    #[doc(alias = "getlist")]
    pub fn get_list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of `name` as a `T`; `None` if it is missing or cannot be read as one: Flask's
    /// `args.get("page", type=int)`.
    ///
    /// ```
    /// let args = costrel::MultiDict::parse(b"page=2&size=many");
    /// assert_eq!(args.get_as::<u32>("page"), Some(2));
    /// assert_eq!(args.get_as::<u32>("size").unwrap_or(20), 20);
    /// ```
    pub fn get_as<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// Every value of `name` that can be read as a `T`: Flask's `args.getlist("id", type=int)`.
    ///
    /// ```
    /// let args = costrel::MultiDict::parse(b"id=1&id=x&id=3");
    /// assert_eq!(args.get_list_as("id").collect::<Vec<u32>>(), [1, 3]);
    /// ```
    pub fn get_list_as<T: FromStr>(&self, name: &str) -> impl Iterator<Item = T> {
        self.get_list(name).filter_map(|value| value.parse().ok())
    }

    /// The first value of `name` as a `T`, such as a `String` or a number: Flask's `form["title"]`.
    ///
    /// ```
    /// use costrel::{App, Error, request};
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", async || {
    ///     let form = request().form().await?;
    ///     let (title, stars): (String, u8) = (form.required("title")?, form.required("stars")?);
    ///     Ok::<_, Error>(format!("{title}: {stars}"))
    /// });
    /// let client = app.test_client();
    /// assert_eq!(client.post("/").form(&[("title", "Dune"), ("stars", "5")]).wait()?.text(), "Dune: 5");
    /// let refused = client.post("/").form(&[("title", "Dune")]).wait()?;
    /// assert!(refused.status() == 400 && refused.text().contains("stars"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// A 400 that names `name`, if it is missing or cannot be read as a `T`.
    #[track_caller]
    pub fn required<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Error> {
        let bad = |what: String| Error::status(400).with_message(format!("The value of {name:?} is {what}."));
        let value = self.get(name).ok_or_else(|| bad("missing".to_owned()))?;
        value.parse().map_err(|error| bad(format!("not valid: {error}")))
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

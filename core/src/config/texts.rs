//! The type of a setting that is one text, or a list of texts.

use serde::de::value::Error as NotOne;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// A text, or a list of texts: a setting that takes several and is often one, such as `TRUSTED_HOSTS`.
///
/// [`Config::try_get`](crate::Config::try_get) reads it; a struct of settings has a list instead, by [`list`](Self::list).
///
/// ```
/// use costrel::Texts;
///
/// let mut app = costrel::App::new("docs");
/// app.config.set("SHOP_METHODS", "POST")?;
/// let methods = app.config.try_get::<Texts>("SHOP_METHODS")?;
/// assert_eq!(methods.map(Texts::into_vec), Some(vec!["POST".to_owned()]));
///
/// app.config.set("SHOP_METHODS", 5)?;
/// let error = app.config.try_get::<Texts>("SHOP_METHODS").unwrap_err();
/// assert_eq!(error.message(), "the setting SHOP_METHODS: expected a text or a list of texts");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum Texts {
    /// A single text.
    One(String),
    /// A list of texts.
    Several(Vec<String>),
}

impl Texts {
    /// Returns the texts as a list, which has one if it was no list.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }

    /// Reads a field of a struct of settings, each text as a `T`, such as an enum of what the setting knows.
    ///
    /// ```
    /// use costrel::Texts;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, Debug, PartialEq)]
    /// #[serde(rename_all = "lowercase")]
    /// enum Place {
    ///     Headers,
    ///     Cookies,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Settings {
    ///     #[serde(deserialize_with = "Texts::list")]
    ///     places: Vec<Place>,
    /// }
    ///
    /// let read = |json| serde_json::from_str::<Settings>(json).map(|settings| settings.places);
    /// assert_eq!(read(r#"{ "places": "cookies" }"#)?, [Place::Cookies]);
    /// assert_eq!(read(r#"{ "places": ["headers", "cookies"] }"#)?, [Place::Headers, Place::Cookies]);
    /// assert!(read(r#"{ "places": "header" }"#).unwrap_err().to_string().contains("unknown variant `header`"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is neither a text nor a list of texts, or a text is no `T`.
    pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
        let texts = Self::deserialize(deserializer)?.into_vec();
        let read =
            |text: String| T::deserialize(text.into_deserializer()).map_err(|error: NotOne| D::Error::custom(error));
        texts.into_iter().map(read).collect()
    }

    /// Reads a field that may be null, `None`; otherwise as [`list`](Self::list) does.
    ///
    /// # Errors
    /// Those of [`list`](Self::list).
    pub fn optional_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
        Ok(Option::<Self>::deserialize(deserializer)?.map(Self::into_vec))
    }
}

//! The options as they were written, and Flask's names for them.

use std::time::Duration;

use costrel::{Config, Error};
use costrel_ext_kit::{Texts, settings};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The options that were given; what is `None` has its default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "the options have Flask-CORS's names")]
pub(crate) struct Options {
    #[serde(deserialize_with = "Texts::optional_list")]
    pub(crate) origins: Option<Vec<String>>,
    #[serde(deserialize_with = "Texts::optional_list")]
    pub(crate) methods: Option<Vec<String>>,
    #[serde(deserialize_with = "Texts::optional_list")]
    pub(crate) allow_headers: Option<Vec<String>>,
    #[serde(deserialize_with = "Texts::optional_list")]
    pub(crate) expose_headers: Option<Vec<String>>,
    pub(crate) supports_credentials: Option<bool>,
    #[serde(deserialize_with = "seconds")]
    pub(crate) max_age: Option<Duration>,
    pub(crate) send_wildcard: Option<bool>,
    pub(crate) vary_header: Option<bool>,
    pub(crate) always_send: Option<bool>,
    pub(crate) allow_private_network: Option<bool>,
    pub(crate) automatic_options: Option<bool>,
    /// The patterns of paths, each with options of its own.
    #[serde(deserialize_with = "resources")]
    pub(crate) resources: Option<Vec<(String, Self)>>,
    /// Always so here, because a browser keeps an error page without the headers from the script that asked.
    intercept_exceptions: Option<bool>,
}

impl Options {
    /// The options with those of `defaults` where none was given.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        let list = |own: Option<Vec<String>>, other: &Option<Vec<String>>| own.or_else(|| other.clone());
        Self {
            origins: list(self.origins, &defaults.origins),
            methods: list(self.methods, &defaults.methods),
            allow_headers: list(self.allow_headers, &defaults.allow_headers),
            expose_headers: list(self.expose_headers, &defaults.expose_headers),
            supports_credentials: self.supports_credentials.or(defaults.supports_credentials),
            max_age: self.max_age.or(defaults.max_age),
            send_wildcard: self.send_wildcard.or(defaults.send_wildcard),
            vary_header: self.vary_header.or(defaults.vary_header),
            always_send: self.always_send.or(defaults.always_send),
            allow_private_network: self.allow_private_network.or(defaults.allow_private_network),
            automatic_options: self.automatic_options.or(defaults.automatic_options),
            resources: self.resources.or_else(|| defaults.resources.clone()),
            intercept_exceptions: self.intercept_exceptions.or(defaults.intercept_exceptions),
        }
    }

    /// The settings `CORS_ORIGINS`, `CORS_MAX_AGE` and so on. One that is null has its default.
    ///
    /// # Errors
    /// If a setting is unknown or does not fit; the message names it.
    pub(crate) fn from_config(config: &Config) -> Result<Self, Error> {
        let read: Self = settings(config, "CORS_", &Map::new())?;
        if read.intercept_exceptions == Some(false) {
            let remedy = "take the setting out, because error pages always have the headers";
            return Err(Error::setup(format!("CORS_INTERCEPT_EXCEPTIONS: false is not possible: {remedy}")));
        }
        Ok(read)
    }
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
}

/// Reads patterns as Flask-CORS takes them: one text, a list of texts, or a map to the options of each.
fn resources<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<(String, Options)>>, D::Error> {
    let patterns = match Value::deserialize(from)? {
        Value::Null => return Ok(None),
        Value::Object(map) => map.into_iter().collect(),
        other => {
            let texts = serde_json::from_value::<Texts>(other);
            let texts = texts.map_err(|_| D::Error::custom("expected a text, a list of texts, or a map to options"))?;
            texts.into_vec().into_iter().map(|text| (text, Value::Object(Map::new()))).collect::<Vec<_>>()
        }
    };
    let read = |(pattern, options)| match serde_json::from_value(options) {
        Ok(Options { resources: Some(_), .. } | Options { intercept_exceptions: Some(_), .. }) => {
            Err(D::Error::custom(format!("{pattern:?}: `resources` and `intercept_exceptions` are of the app alone")))
        }
        Ok(options) => Ok((pattern, options)),
        Err(error) => Err(D::Error::custom(format!("{pattern:?}: {error}"))),
    };
    patterns.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

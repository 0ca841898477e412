//! The options as they were written, and Flask's names for them.

use std::time::Duration;

use costrel::{Config, Error};
use serde::Deserialize;

/// The options that were given; what is `None` has its default.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_field_names, reason = "the options have Flask-CORS's names")]
pub(crate) struct Options {
    pub(crate) origins: Option<Vec<String>>,
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) allow_headers: Option<Vec<String>>,
    pub(crate) expose_headers: Option<Vec<String>>,
    pub(crate) supports_credentials: Option<bool>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) send_wildcard: Option<bool>,
    pub(crate) vary_header: Option<bool>,
    pub(crate) always_send: Option<bool>,
    pub(crate) allow_private_network: Option<bool>,
    pub(crate) automatic_options: Option<bool>,
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
        }
    }

    /// The settings `CORS_ORIGINS`, `CORS_MAX_AGE` and so on.
    ///
    /// # Errors
    /// If a setting is there and does not fit; the message names it.
    pub(crate) fn from_config(config: &Config) -> Result<Self, Error> {
        let list = |key: &str| Ok::<_, Error>(config.try_get::<OneOrMore>(key)?.map(OneOrMore::into_list));
        Ok(Self {
            origins: list("CORS_ORIGINS")?,
            methods: list("CORS_METHODS")?,
            allow_headers: list("CORS_ALLOW_HEADERS")?,
            expose_headers: list("CORS_EXPOSE_HEADERS")?,
            supports_credentials: config.try_get("CORS_SUPPORTS_CREDENTIALS")?,
            max_age: config.try_get("CORS_MAX_AGE")?.map(Duration::from_secs),
            send_wildcard: config.try_get("CORS_SEND_WILDCARD")?,
            vary_header: config.try_get("CORS_VARY_HEADER")?,
            always_send: config.try_get("CORS_ALWAYS_SEND")?,
            allow_private_network: config.try_get("CORS_ALLOW_PRIVATE_NETWORK")?,
            automatic_options: config.try_get("CORS_AUTOMATIC_OPTIONS")?,
        })
    }
}

/// A list of texts, or one text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts,
        }
    }
}

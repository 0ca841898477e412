//! The settings of a limiter that the app's config has too: `RATELIMIT_ENABLED` and so on.

use costrel::{Config, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The settings of a limiter, each `None` until it is set; the fields have Flask-Limiter's names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) enabled: Option<bool>,
    pub(crate) default: Option<String>,
    pub(crate) defaults_per_method: Option<bool>,
    pub(crate) defaults_cost: Option<u64>,
    pub(crate) application: Option<String>,
    pub(crate) application_per_method: Option<bool>,
    pub(crate) application_cost: Option<u64>,
    pub(crate) meta: Option<String>,
    pub(crate) headers_enabled: Option<bool>,
    pub(crate) draft_headers: Option<bool>,
    pub(crate) header_limit: Option<String>,
    pub(crate) header_remaining: Option<String>,
    pub(crate) header_reset: Option<String>,
    pub(crate) header_retry_after: Option<String>,
    pub(crate) header_retry_after_value: Option<RetryAfter>,
    pub(crate) strategy: Option<String>,
    pub(crate) swallow_errors: Option<bool>,
    pub(crate) fail_on_first_breach: Option<bool>,
    pub(crate) counts_options: Option<bool>,
    pub(crate) key_prefix: Option<String>,
}

/// What `Retry-After` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryAfter {
    DeltaSeconds,
    HttpDate,
}

impl Settings {
    /// Returns these settings, and where one is not set, that of the app's config.
    pub(crate) fn or(&self, config: &Config) -> Result<Self, Error> {
        let mut all = config.get_namespace("RATELIMIT_");
        if let Value::Object(own) = serde_json::to_value(self)? {
            all.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
        }
        // Each by itself first, because the error of a whole does not say which of them is wrong.
        for (name, value) in &all {
            let one = Map::from_iter([(name.clone(), value.clone())]);
            let wrong = |error| Error::setup(format!("RATELIMIT_{}: {error}", name.to_ascii_uppercase()));
            serde_json::from_value::<Self>(one.into()).map_err(wrong)?;
        }
        Ok(serde_json::from_value(all.into())?)
    }
}

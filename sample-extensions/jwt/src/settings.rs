//! The settings by Flask-JWT-Extended's names.

use std::time::Duration;

use costrel::{Config, Cookie, Error, HeaderName, Method, Response, SameSite, set_cookie};
use costrel_ext_kit::Texts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::keys::Keys;

/// A place in requests where tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// A header, by default `Authorization: Bearer <token>`.
    Headers,
    /// A cookie, with a second token against CSRF.
    Cookies,
    /// An argument of the query, by default `jwt`. Use it only for tokens that soon expire, because the log of each server on
    /// the way has the query in clear, this app's too.
    QueryString,
    /// A member of a JSON body, by default `access_token` or `refresh_token`.
    Json,
}

impl Location {
    /// The name in `JWT_TOKEN_LOCATION`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::QueryString => "query_string",
            Self::Json => "json",
        }
    }
}

/// Whether a token is for views, or for new tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Access,
    Refresh,
}

/// The settings of one app.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys: Keys,
    pub(crate) common: Common,
    access: OfKind,
    refresh: OfKind,
}

/// The settings that begin with `JWT_`.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "settings that are on or off, each by its own name")]
pub(crate) struct Common {
    #[serde(deserialize_with = "Texts::list")]
    pub(crate) token_location: Vec<Location>,
    pub(crate) header_name: String,
    pub(crate) header_type: String,
    pub(crate) query_string_name: String,
    pub(crate) query_string_value_prefix: String,
    pub(crate) json_key: String,
    pub(crate) refresh_json_key: String,
    pub(crate) cookie_secure: bool,
    pub(crate) cookie_domain: Option<String>,
    pub(crate) cookie_samesite: Option<SameSite>,
    pub(crate) session_cookie: bool,
    pub(crate) cookie_csrf_protect: bool,
    pub(crate) csrf_in_cookies: bool,
    pub(crate) csrf_check_form: bool,
    #[serde(deserialize_with = "Texts::list")]
    pub(crate) csrf_methods: Vec<String>,
    pub(crate) identity_claim: String,
    pub(crate) error_message_key: String,
    /// Text, a list of texts, or null.
    #[serde(deserialize_with = "audience")]
    pub(crate) encode_audience: Value,
    pub(crate) encode_issuer: Option<String>,
    pub(crate) encode_nbf: bool,
    /// Empty for any.
    #[serde(deserialize_with = "any_or_some")]
    pub(crate) decode_audience: Vec<String>,
    /// Empty for any.
    #[serde(deserialize_with = "any_or_some")]
    pub(crate) decode_issuer: Vec<String>,
    /// In seconds.
    pub(crate) decode_leeway: f64,
    pub(crate) verify_sub: bool,
}

/// The settings that begin with `JWT_ACCESS_`, or `JWT_REFRESH_`.
#[derive(Debug, Deserialize)]
pub(crate) struct OfKind {
    pub(crate) cookie_name: String,
    pub(crate) cookie_path: String,
    pub(crate) csrf_cookie_name: String,
    pub(crate) csrf_cookie_path: String,
    pub(crate) csrf_field_name: String,
    pub(crate) csrf_header_name: String,
    /// The longest there is for tokens that do not expire.
    #[serde(deserialize_with = "seconds")]
    pub(crate) token_expires: Duration,
}

impl Settings {
    /// Reads the settings; `has_key` says whether a function of the app gives the keys that verify.
    ///
    /// # Errors
    /// If a setting is there and does not fit, or a key is missing; the message names the setting.
    pub(crate) fn read(config: &Config, has_key: bool) -> Result<Self, Error> {
        let common = json!({
            "token_location": "headers", "header_name": "Authorization", "header_type": "Bearer",
            "query_string_name": "jwt", "query_string_value_prefix": "",
            "json_key": "access_token", "refresh_json_key": "refresh_token",
            "cookie_secure": false, "cookie_domain": null, "cookie_samesite": null, "session_cookie": true,
            "cookie_csrf_protect": true, "csrf_in_cookies": true, "csrf_check_form": false,
            "csrf_methods": ["POST", "PUT", "PATCH", "DELETE"],
            "identity_claim": "sub", "error_message_key": "msg",
            "encode_audience": null, "encode_issuer": null, "encode_nbf": true,
            "decode_audience": null, "decode_issuer": null, "decode_leeway": 0, "verify_sub": true,
        });
        let of_kind = |kind: &str, expires: u32| {
            json!({
                "cookie_name": format!("{kind}_token_cookie"), "cookie_path": "/",
                "csrf_cookie_name": format!("csrf_{kind}_token"), "csrf_cookie_path": "/",
                "csrf_field_name": "csrf_token", "csrf_header_name": "X-CSRF-TOKEN", "token_expires": expires,
            })
        };
        let (keys, common) = (Keys::read(config, has_key)?, read(config, "JWT_", &common)?);
        let access = read(config, "JWT_ACCESS_", &of_kind("access", 15 * 60))?;
        let refresh = read(config, "JWT_REFRESH_", &of_kind("refresh", 30 * 24 * 60 * 60))?;
        let settings = Self { keys, common, access, refresh };
        settings.check(&config.session_cookie_name)?;
        Ok(settings)
    }

    pub(crate) fn of(&self, kind: Kind) -> &OfKind {
        if kind == Kind::Access { &self.access } else { &self.refresh }
    }

    fn check(&self, of_session: &str) -> Result<(), Error> {
        let wrong = |name: &str, why: &str| Err(Error::setup(format!("the setting JWT_{name}: {why}")));
        let (common, access, refresh) = (&self.common, &self.access, &self.refresh);
        if common.token_location.is_empty() {
            return wrong("TOKEN_LOCATION", "name one or more of headers, cookies, query_string, json");
        }
        if common.decode_leeway < 0.0 {
            return wrong("DECODE_LEEWAY", "write seconds, zero or more");
        }
        for name in &common.csrf_methods {
            if name.parse::<Method>().is_err() {
                return wrong("CSRF_METHODS", &format!("{name:?} is no method"));
            }
            if *name != name.to_uppercase() {
                return wrong("CSRF_METHODS", &format!("write {:?}, not {name:?}", name.to_uppercase()));
            }
        }
        for (setting, name) in [
            ("HEADER_NAME", &common.header_name),
            ("ACCESS_CSRF_HEADER_NAME", &access.csrf_header_name),
            ("REFRESH_CSRF_HEADER_NAME", &refresh.csrf_header_name),
        ] {
            if HeaderName::try_from(name).is_err() {
                return wrong(setting, &format!("{name:?} is no name of a header"));
            }
        }
        let mut known = vec![of_session];
        for (setting, name, path) in [
            ("ACCESS_COOKIE_NAME", &access.cookie_name, &access.cookie_path),
            ("REFRESH_COOKIE_NAME", &refresh.cookie_name, &refresh.cookie_path),
            ("ACCESS_CSRF_COOKIE_NAME", &access.csrf_cookie_name, &access.csrf_cookie_path),
            ("REFRESH_CSRF_COOKIE_NAME", &refresh.csrf_cookie_name, &refresh.csrf_cookie_path),
        ] {
            if known.contains(&name.as_str()) {
                return wrong(setting, &format!("{name:?} is another cookie too: give each one a name of its own"));
            }
            known.push(name);
            let mut cookie = Cookie::build((name.clone(), "")).path(path.clone()).build();
            common.cookie_domain.iter().for_each(|domain| cookie.set_domain(domain.clone()));
            if let Err(error) = set_cookie(&mut Response::default(), cookie) {
                return wrong(setting, error.message());
            }
        }
        Ok(())
    }
}

/// Reads the settings that begin with `prefix`, of which null is as good as none, each with an error of its own.
fn read<T: DeserializeOwned>(config: &Config, prefix: &str, defaults: &Value) -> Result<T, Error> {
    let mut all = defaults.clone();
    for (name, value) in config.get_namespace(prefix).into_iter().filter(|(_, value)| !value.is_null()) {
        let mut alone = defaults.clone();
        alone[&name] = value.clone();
        let unfit = |error| Error::setup(format!("the setting {prefix}{}: {error}", name.to_uppercase()));
        serde_json::from_value::<T>(alone).map_err(unfit)?;
        all[&name] = value;
    }
    Ok(serde_json::from_value(all)?)
}

/// Reads whose tokens are taken; null is for any. An empty list takes none, so the app cannot mean it.
fn any_or_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if items.is_empty() => Err(D::Error::custom("name one or more, or write null for any")),
        value => Texts::list(value).map_err(D::Error::custom),
    }
}

/// Reads whom tokens are for: a text, or a list of them. What is empty is as good as null.
fn audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(items) if items.iter().all(Value::is_string) && !items.is_empty() => Ok(items.into()),
        Value::String(text) if !text.is_empty() => Ok(text.into()),
        Value::Null | Value::String(_) => Ok(Value::Null),
        Value::Array(items) if items.is_empty() => Ok(Value::Null),
        _ => Err(D::Error::custom("write text, or a list of texts")),
    }
}

/// Reads seconds; `false` is for ever.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let time = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = time.or((value == Value::Bool(false)).then_some(Duration::MAX));
    time.ok_or_else(|| D::Error::custom("write seconds, zero or more; false for tokens that do not expire"))
}

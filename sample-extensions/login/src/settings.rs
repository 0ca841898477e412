//! The extension's settings in `app.config`, by Flask-Login's names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cookie::time::OffsetDateTime;
use costrel::{Config, Cookie, Error, ErrorKind, Response, SameSite, set_cookie};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// What becomes of a session that another browser or address sends than the one that signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SessionProtection {
    /// The session stays as it is.
    None,
    /// The user stays signed in, but the login is no longer fresh.
    #[default]
    Basic,
    /// The user is signed out, unless the session is permanent; then as `Basic`.
    Strong,
}

/// How the extension behaves where Flask-Login has a fault, and which identifier it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Safe,
    FlaskLogin06,
    FlaskLogin07,
}

/// The settings, read when the app is built.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    remember_cookie_name: Option<String>,
    /// In seconds.
    remember_cookie_duration: Option<f64>,
    remember_cookie_domain: Option<String>,
    remember_cookie_path: Option<String>,
    remember_cookie_secure: bool,
    remember_cookie_httponly: Option<bool>,
    remember_cookie_samesite: Option<SameSite>,
    pub(crate) remember_cookie_refresh_each_request: bool,
    /// `None` if the app's config does not say.
    #[serde(deserialize_with = "null_for_none")]
    pub(crate) session_protection: Option<SessionProtection>,
    pub(crate) use_session_for_next: bool,
    pub(crate) force_host_for_redirects: Option<String>,
}

impl Settings {
    /// # Errors
    /// If a setting has a value that does not fit, with the name of that setting.
    pub(crate) fn read(config: &Config) -> Result<Self, Error> {
        let own = config.get_namespace("");
        for (key, value) in &own {
            let alone = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
            let unfit = |error| Error::setup(format!("the setting {}: {error}", key.to_uppercase()));
            serde_json::from_value::<Self>(alone).map_err(unfit)?;
        }
        let settings: Self = serde_json::from_value(own.into())?;
        settings.expires(None)?;
        settings.check_cookie()?;
        Ok(settings)
    }

    /// Checks what every sign-in puts into the cookie.
    fn check_cookie(&self) -> Result<(), Error> {
        let (whole, plain) = (self.bare_cookie(), || Cookie::new("a", ""));
        let (mut domain, mut path) = (plain(), plain());
        whole.domain().map(str::to_owned).into_iter().for_each(|own| domain.set_domain(own));
        whole.path().map(str::to_owned).into_iter().for_each(|own| path.set_path(own));
        let parts = [("NAME", Cookie::new(self.cookie_name().to_owned(), "")), ("DOMAIN", domain), ("PATH", path)];
        parts.into_iter().try_for_each(|(part, cookie)| {
            let refused = |error| Error::setup(format!("the setting REMEMBER_COOKIE_{part}: {error}"));
            set_cookie(&mut Response::default(), cookie).map_err(refused)
        })
    }

    /// The time at which a remember cookie that is set now expires, after these seconds or those of the setting.
    ///
    /// # Errors
    /// If that is no time that a cookie can have.
    pub(crate) fn expires(&self, seconds: Option<f64>) -> Result<OffsetDateTime, Error> {
        let seconds = seconds.or(self.remember_cookie_duration).unwrap_or(365.0 * 24.0 * 60.0 * 60.0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let end = Duration::try_from_secs_f64(seconds).ok().and_then(|lasts| now.checked_add(lasts));
        let end = end.and_then(|end| OffsetDateTime::from_unix_timestamp(end.as_secs().try_into().ok()?).ok());
        end.ok_or_else(|| {
            let message =
                format!("a remember cookie cannot last {seconds} seconds: set a time from now to the year 9999");
            Error::new(ErrorKind::Other, message)
        })
    }

    /// The name of the remember cookie.
    pub(crate) fn cookie_name(&self) -> &str {
        self.remember_cookie_name.as_deref().unwrap_or("remember_token")
    }

    /// The remember cookie with the name, domain and path by which a client knows it.
    pub(crate) fn bare_cookie(&self) -> Cookie<'static> {
        let mut cookie = Cookie::new(self.cookie_name().to_owned(), "");
        cookie.set_path(self.remember_cookie_path.clone().unwrap_or_else(|| "/".into()));
        // As in Flask, an empty domain is none.
        let domain = self.remember_cookie_domain.iter().filter(|domain| !domain.is_empty());
        domain.for_each(|domain| cookie.set_domain(domain.clone()));
        cookie
    }

    /// The remember cookie with all its attributes but the time it lasts.
    pub(crate) fn cookie(&self) -> Cookie<'static> {
        let mut cookie = self.bare_cookie();
        cookie.set_secure(self.remember_cookie_secure.then_some(true));
        cookie.set_http_only(self.remember_cookie_httponly.unwrap_or(true).then_some(true));
        cookie.set_same_site(self.remember_cookie_samesite.map(Into::into));
        cookie
    }
}

/// Reads null as no protection, which is not the same as no setting.
fn null_for_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SessionProtection>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or(SessionProtection::None)))
}

//! The settings by Flask-WTF's names.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use costrel::{Application, Config, Error, current_app};
use costrel_ext_kit::Texts;
use serde::de::DeserializeOwned;

/// The state of the extension on one app: its settings, which are read when the app is built, so that they may be set after it.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    settings: OnceLock<Arc<Settings>>,
}

impl Protection {
    /// # Errors
    /// If a setting is there and does not fit; the message names it.
    pub(crate) fn read_settings(app: &Application) -> Result<(), Error> {
        let settings = Settings::read(app.handle().config())?;
        app.handle().extension::<Self>()?.settings.get_or_init(|| Arc::new(settings));
        Ok(())
    }
}

/// The settings of one app.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `WTF_CSRF_ENABLED`.
    pub(crate) enabled: bool,
    /// `WTF_CSRF_CHECK_DEFAULT`: whether every request is checked, and not only those of `protect`.
    pub(crate) check_default: bool,
    /// `WTF_CSRF_METHODS`.
    pub(crate) methods: Vec<String>,
    /// `WTF_CSRF_FIELD_NAME`: the name of the form's field, and the session's key.
    pub(crate) field_name: String,
    /// `WTF_CSRF_HEADERS`.
    pub(crate) headers: Vec<String>,
    /// `WTF_CSRF_META_NAME`: the name of the tag of `csrf_meta_tag()`.
    #[cfg(feature = "templates")]
    pub(crate) meta_name: String,
    /// `WTF_CSRF_TIME_LIMIT`; `None` for no limit.
    pub(crate) time_limit: Option<Duration>,
    /// `WTF_CSRF_SSL_STRICT`: whether a request over HTTPS must say from which page it comes.
    pub(crate) ssl_strict: bool,
    /// `WTF_CSRF_SECRET_KEY`; the app's own keys if it is `None`.
    pub(crate) secret_key: Option<String>,
}

impl Settings {
    /// The settings of the current app.
    ///
    /// # Errors
    /// If the extension was not initialised on it.
    pub(crate) fn current() -> Result<Arc<Self>, Error> {
        let built = current_app().extension::<Protection>()?.settings.get().cloned();
        built.ok_or_else(|| Error::setup("`Csrf` reads its settings when the app is built, which it is not yet"))
    }

    /// # Errors
    /// If a setting is there and does not fit; the message names it.
    fn read(config: &Config) -> Result<Self, Error> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        // A limit that is there and null is none.
        let time_limit = config.try_get::<Option<u64>>("WTF_CSRF_TIME_LIMIT")?.unwrap_or(Some(3_600));
        let list = |key| get::<Texts>(config, key).map(|texts| texts.map(Texts::into_vec));
        let (methods, headers) = (list("WTF_CSRF_METHODS")?, list("WTF_CSRF_HEADERS")?);
        Ok(Self {
            enabled: get(config, "WTF_CSRF_ENABLED")?.unwrap_or(true),
            check_default: get(config, "WTF_CSRF_CHECK_DEFAULT")?.unwrap_or(true),
            methods: methods.unwrap_or_else(|| texts(&["POST", "PUT", "PATCH", "DELETE"])),
            field_name: get(config, "WTF_CSRF_FIELD_NAME")?.unwrap_or_else(|| "csrf_token".to_owned()),
            headers: headers.unwrap_or_else(|| texts(&["X-CSRFToken", "X-CSRF-Token"])),
            #[cfg(feature = "templates")]
            meta_name: get(config, "WTF_CSRF_META_NAME")?.unwrap_or_else(|| "csrf-token".to_owned()),
            time_limit: time_limit.map(Duration::from_secs),
            ssl_strict: get(config, "WTF_CSRF_SSL_STRICT")?.unwrap_or(true),
            secret_key: get(config, "WTF_CSRF_SECRET_KEY")?,
        })
    }
}

/// The value of a setting; `None` if it is not there or null.
fn get<T: DeserializeOwned>(config: &Config, key: &str) -> Result<Option<T>, Error> {
    Ok(config.try_get::<Option<T>>(key)?.flatten())
}

//! The settings of a cache on one app: those set in code, else Flask-Caching's `CACHE_*` keys, else the defaults.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use costrel::{App, Error};
use costrel_stores::{Entries as Store, name_part, open_entries};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The version of the original that the compat mode follows.
const ORIGINAL: &str = "flask-caching 2.5";

/// The settings of a cache that code has set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) threshold: Option<usize>,
    pub(crate) fill_timeout: Option<Duration>,
    pub(crate) compat: Option<String>,
}

/// The settings of a cache on one app.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether nothing is kept.
    pub(crate) is_off: bool,
    /// The number of entries in memory.
    pub(crate) threshold: usize,
    pub(crate) default_timeout: Duration,
    /// The beginning of all keys in a store.
    pub(crate) key_prefix: String,
    /// The time for which one process may hold the turn to fill an entry in.
    pub(crate) fill_timeout: Duration,
    pub(crate) enable_signals: bool,
    /// Whether to do as the original does.
    pub(crate) is_compat: bool,
}

impl Settings {
    pub(crate) fn of(app: &App, chosen: &Chosen, has_store: bool) -> Result<Self, Error> {
        let seconds: f64 = setting(app, "CACHE_DEFAULT_TIMEOUT")?.unwrap_or(300.0);
        let timeout = Duration::try_from_secs_f64(seconds);
        let prefix: Option<String> = setting(app, "CACHE_KEY_PREFIX")?;
        Ok(Self {
            is_off: is_off(class(app)?.as_deref(), has_store)?,
            threshold: chosen.threshold.or(setting(app, "CACHE_THRESHOLD")?).unwrap_or(500),
            default_timeout: timeout.map_err(|error| wrong("CACHE_DEFAULT_TIMEOUT", error))?,
            key_prefix: prefix.unwrap_or_else(|| format!("costrel_cache/{}/", name_part(app.name()))),
            fill_timeout: chosen.fill_timeout.unwrap_or(Duration::from_secs(10)),
            enable_signals: setting(app, "CACHE_ENABLE_SIGNALS")?.unwrap_or(false),
            is_compat: is_compat(chosen.compat.as_deref())?,
        })
    }
}

fn setting<T: DeserializeOwned>(app: &App, key: &str) -> Result<Option<T>, Error> {
    let Some(value) = app.config.get::<Value>(key) else { return Ok(None) };
    serde_json::from_value(value).map_err(|error| wrong(key, error))
}

fn wrong(key: &str, error: impl Display) -> Error {
    Error::setup(format!("the setting {key}: {error}"))
}

/// The store that the config names, if it is Flask-Caching's on Redis.
///
/// # Errors
/// If there is no URL for it, or a wrong one.
pub(crate) fn store_by_type(app: &App) -> Result<Option<Arc<dyn Store>>, Error> {
    if class(app)?.as_deref() != Some("RedisCache") {
        return Ok(None);
    }
    let url: Option<String> = setting(app, "CACHE_REDIS_URL")?;
    let url = url.ok_or_else(|| {
        let remedy =
            "set CACHE_REDIS_URL, such as \"redis://localhost:6379/0\", or give a store to `Cache::new().store(..)`";
        Error::setup(format!("the setting CACHE_TYPE: \"RedisCache\" needs a URL: {remedy}"))
    })?;
    open_entries(&url).map(Some)
}

/// The last part of `CACHE_TYPE`, which is a class or a path to one.
fn class(app: &App) -> Result<Option<String>, Error> {
    let path: Option<String> = setting(app, "CACHE_TYPE")?;
    Ok(path.and_then(|path| path.rsplit('.').next().map(str::to_owned)))
}

/// Whether `CACHE_TYPE` names the cache that keeps nothing.
fn is_off(class: Option<&str>, has_store: bool) -> Result<bool, Error> {
    match class {
        Some("NullCache") => Ok(true),
        None | Some("SimpleCache") => Ok(false),
        Some(_) if has_store => Ok(false),
        Some(class) => Err(Error::setup(format!(
            "the setting CACHE_TYPE: {class:?} needs a store: give one to `Cache::new().store(..)`, or use \"RedisCache\" with \
             CACHE_REDIS_URL, \"SimpleCache\" or \"NullCache\""
        ))),
    }
}

fn is_compat(version: Option<&str>) -> Result<bool, Error> {
    match version {
        None => Ok(false),
        Some(ORIGINAL) => Ok(true),
        Some(version) => {
            let message = format!("`compat({version:?})` is not known: write `compat({ORIGINAL:?})`, or leave it out");
            Err(Error::setup(message))
        }
    }
}

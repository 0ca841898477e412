//! The settings by Flask-Session's names.

use std::sync::Arc;

use costrel::{Config, Error};
use costrel_stores::Entries;
use serde::de::DeserializeOwned;

use crate::format::Format;
use crate::id::Signer;

/// What becomes of the changes of two requests of one client at a time, such as those of a page and of its script.
///
/// There is no lock, because one request that takes long would hold up all others of its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtOnce {
    /// The changes are put together key by key: a key has the value that was set last, and no request takes back what another
    /// has set under another key. A session that another request has ended, or given a new id, is not brought back; that one of them has removed the last key counts as ended.
    #[default]
    Merge,
    /// The session is as the request that ends last has it, as in Flask-Session.
    LastWins,
}

/// What code has set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) at_once: Option<AtOnce>,
    pub(crate) compat: Option<String>,
}

/// The settings of one app.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `SESSION_KEY_PREFIX`.
    pub(crate) key_prefix: String,
    /// `SESSION_PERMANENT`: whether a new session outlives the browser.
    pub(crate) permanent: bool,
    /// `SESSION_ID_LENGTH`, in random bytes.
    pub(crate) id_length: usize,
    /// `SESSION_SERIALIZATION_FORMAT`.
    pub(crate) format: Format,
    /// `SESSION_USE_SIGNER`; `None` for ids that are not signed.
    pub(crate) signer: Option<Signer>,
    pub(crate) at_once: AtOnce,
    /// Whether every request opens and refreshes its session, as the original does.
    pub(crate) is_compat: bool,
}

/// The fewest random bytes of an id that no client can guess.
const SHORTEST_ID: usize = 16;

/// The version of the original that the compat mode follows.
const ORIGINAL: &str = "flask-session 0.8";

impl Settings {
    /// # Errors
    /// If a setting is there and does not fit; the message names it.
    pub(crate) fn read(config: &Config, chosen: &Chosen) -> Result<Self, Error> {
        let is_compat = is_compat(chosen.compat.as_deref())?;
        let at_once = if is_compat { AtOnce::LastWins } else { AtOnce::Merge };
        let key_prefix = get::<String>(config, "SESSION_KEY_PREFIX")?;
        let id_length = get::<usize>(config, "SESSION_ID_LENGTH")?.unwrap_or(32);
        if !(SHORTEST_ID..=128).contains(&id_length) {
            return Err(wrong("SESSION_ID_LENGTH", &id_length, "an id has 16 to 128 random bytes"));
        }
        Ok(Self {
            key_prefix: key_prefix.unwrap_or_else(|| "session:".to_owned()),
            permanent: get(config, "SESSION_PERMANENT")?.unwrap_or(true),
            id_length,
            format: format(config)?,
            signer: signer(config)?,
            at_once: chosen.at_once.unwrap_or(at_once),
            is_compat,
        })
    }

    /// The store that `SESSION_TYPE` names; `None` for the memory of this process.
    pub(crate) fn store_by_type(config: &Config) -> Result<Option<Arc<dyn Entries>>, Error> {
        match get::<String>(config, "SESSION_TYPE")?.map(|name| name.to_lowercase()).as_deref() {
            None | Some("memory") => Ok(None),
            #[cfg(feature = "redis")]
            Some("redis") => {
                let url = get::<String>(config, "SESSION_REDIS")?;
                Ok(Some(Arc::new(redis(url.as_deref().unwrap_or("redis://localhost:6379"))?)))
            }
            #[cfg(not(feature = "redis"))]
            Some("redis") => Err(wrong("SESSION_TYPE", &"redis", "costrel-session needs its feature `redis` for that")),
            Some(other) => {
                let remedy = "write \"memory\" or \"redis\", or give a store to `Sessions::new().store(..)`";
                Err(wrong("SESSION_TYPE", &other, remedy))
            }
        }
    }
}

/// The sessions on a Redis server, with a 503 while it is away.
#[cfg(feature = "redis")]
#[track_caller]
pub(crate) fn redis(url: &str) -> Result<impl Entries + use<>, Error> {
    use costrel_stores::{FailClosed, Failover, RedisEntries};
    // The keys have a prefix of their own already.
    Ok(Failover::new(RedisEntries::open(url)?.prefix(""), FailClosed))
}

fn format(config: &Config) -> Result<Format, Error> {
    match get::<String>(config, "SESSION_SERIALIZATION_FORMAT")?.as_deref() {
        None | Some("msgpack") => Ok(Format::MsgPack),
        Some("json") => Ok(Format::Json),
        Some(other) => Err(wrong("SESSION_SERIALIZATION_FORMAT", &other, "write \"msgpack\" or \"json\"")),
    }
}

fn signer(config: &Config) -> Result<Option<Signer>, Error> {
    if !get(config, "SESSION_USE_SIGNER")?.unwrap_or(false) {
        return Ok(None);
    }
    let secret = config.secret_key.as_deref().filter(|key| !key.is_empty());
    let secret = secret.ok_or_else(|| {
        Error::setup("SESSION_USE_SIGNER signs ids with a secret key: set `app.config.secret_key` before `app.init`")
    })?;
    let fallbacks = config.secret_key_fallbacks.iter().map(String::as_str).filter(|key| !key.is_empty());
    Ok(Some(Signer::new([secret].into_iter().chain(fallbacks))))
}

fn is_compat(version: Option<&str>) -> Result<bool, Error> {
    match version {
        None => Ok(false),
        Some(ORIGINAL) => Ok(true),
        Some(version) => {
            let remedy = format!("write `compat({ORIGINAL:?})`, or leave it out");
            Err(Error::setup(format!("`compat({version:?})` is not known: {remedy}")))
        }
    }
}

/// A setting; `None` if it is not there, or null.
fn get<T: DeserializeOwned>(config: &Config, key: &str) -> Result<Option<T>, Error> {
    Ok(config.try_get::<Option<T>>(key)?.flatten())
}

fn wrong(key: &str, value: &dyn std::fmt::Debug, remedy: &str) -> Error {
    Error::setup(format!("the setting {key}: {value:?} is not known here: {remedy}"))
}

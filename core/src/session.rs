//! The session: a signed cookie in Flask's own format, so that both can read it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;

pub(crate) mod signing;

use signing::Signer;

/// The data kept for one client between requests. A handle: clones are the same session.
///
/// Everyone can read what is in it, but nobody can change it: it travels in a signed cookie.
///
/// ```
/// # use costrel::{App, Error, session};
/// fn visit() -> Result<String, Error> {
///     let visits = session().get("visits").unwrap_or(0) + 1;
///     session().set("visits", visits)?;
///     Ok(format!("visit {visits}"))
/// }
///
/// # let mut app = App::new("docs");
/// # app.config.secret_key = Some("dev".into());
/// # app.route("/", visit);
/// # let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "visit 1");
/// assert_eq!(client.get("/").wait()?.text(), "visit 2");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    signer: Option<Signer>,
    lifetime: Duration,
    cookie: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until somebody looks: a request that does not use its session does not pay for it.
    data: Option<Map<String, Value>>,
    accesses: u64,
    modified: bool,
}

/// What is to be done with the cookie when the request is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    /// Nobody looked at the session.
    Untouched,
    /// It was only read.
    Read,
    /// It was emptied: the cookie goes.
    Delete,
    /// It was changed: the cookie's new value.
    Write(String),
}

impl Session {
    pub(crate) fn open(signer: Option<Signer>, lifetime: Duration, cookie: Option<String>) -> Self {
        Self { shared: Arc::new(Shared { signer, lifetime, cookie, state: Mutex::default() }) }
    }

    /// The value of `key`; `None` if there is none or it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.read(|data| data.get(key).and_then(|value| T::deserialize(value).ok()))
    }

    /// Whether there is a value for `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.read(|data| data.contains_key(key))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.read(Map::is_empty)
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// If no secret key is set, or `value` cannot be written as JSON.
    pub fn set(&self, key: &str, value: impl Serialize) -> Result<(), Error> {
        if self.shared.signer.is_none() {
            return Err(Error::new(
                crate::ErrorKind::Setup,
                "The session is unavailable because no secret key was set. Set `app.config.secret_key` to a unique \
                 and secret value.",
            ));
        }
        let value = serde_json::to_value(value)?;
        self.change(|data| data.insert(key.to_owned(), value));
        Ok(())
    }

    /// Takes `key` out and gives its value.
    pub fn remove(&self, key: &str) -> Option<Value> {
        // Like Python's `pop` with a default: taking what is not there changes nothing.
        if !self.contains(key) {
            return None;
        }
        self.change(|data| data.remove(key))
    }

    /// Takes everything out.
    pub fn clear(&self) {
        self.change(Map::clear);
    }

    /// How often it was looked at or changed so far in this request: a cache compares two readings to learn
    /// whether a view's answer depends on the client.
    pub fn accesses(&self) -> u64 {
        self.shared.state.lock().accesses
    }

    fn read<R>(&self, look: impl FnOnce(&Map<String, Value>) -> R) -> R {
        let mut state = self.shared.state.lock();
        state.accesses += 1;
        look(state.data.get_or_insert_with(|| self.load()))
    }

    fn change<R>(&self, change: impl FnOnce(&mut Map<String, Value>) -> R) -> R {
        let mut state = self.shared.state.lock();
        state.accesses += 1;
        state.modified = true;
        change(state.data.get_or_insert_with(|| self.load()))
    }

    /// What the cookie says. A missing, forged, outdated or broken one is an empty session, not an error.
    fn load(&self) -> Map<String, Value> {
        let shared = &self.shared;
        let loaded = || {
            let payload =
                shared.signer.as_ref()?.verify(shared.cookie.as_deref()?, SystemTime::now(), shared.lifetime)?;
            serde_json::from_slice(&payload).ok()
        };
        loaded().unwrap_or_default()
    }

    pub(crate) fn saving(&self) -> Result<Saving, Error> {
        let state = self.shared.state.lock();
        let Some(data) = &state.data else { return Ok(Saving::Untouched) };
        match &self.shared.signer {
            Some(_) if state.modified && data.is_empty() => Ok(Saving::Delete),
            Some(signer) if state.modified => Ok(Saving::Write(signer.sign(data, SystemTime::now())?)),
            _ => Ok(Saving::Read),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

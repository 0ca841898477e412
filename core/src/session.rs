//! The session: the data kept for one client between requests.

mod tagged;
mod open_and_save;
mod deferred;
mod signing;
mod interface;
mod for_interface;
mod changed_keys;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::type_map::TypeMap;

use changed_keys::ChangedKeys;
use deferred::Deferred;
pub(crate) use deferred::Early;
pub(crate) use interface::check_session_cookie;
pub use interface::{SessionInterface, session_cookie};
pub(crate) use open_and_save::{Saving, Sessions};
pub use signing::BadSignature;
pub(crate) use signing::Signer;
pub use tagged::Tagged;

/// The data kept for one client between requests. A handle: clones are the same session.
///
/// Unless the app has a [`SessionInterface`](crate::SessionInterface) of its own, the session travels in a signed
/// cookie, in Flask's own format: a client can read the data in it, but cannot change it.
///
/// ```
/// use costrel::{App, Error, session};
///
/// fn visit() -> Result<String, Error> {
///     let visits = session().get("visits").unwrap_or(0) + 1;
///     session().set("visits", visits)?;
///     Ok(format!("visit {visits}"))
/// }
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("dev".into());
/// # app.route("/", visit);
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "visit 1");
/// assert_eq!(client.get("/").wait()?.text(), "visit 2");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Sessions, cookies and messages](../costrel_book/sessions/index.html).
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    state: Mutex<State>,
    /// Whether code of the app has got the session.
    handed_out: AtomicBool,
}

/// The source of the data, read at the first access.
enum Source {
    Cookie {
        signer: Option<Signer>,
        lifetime: Duration,
        cookie: Option<String>,
    },
    /// The app's own interface, which puts the data in before the request's code begins.
    Given {
        cookie: Option<String>,
    },
    /// The app's own interface, asked at the first access.
    Deferred(Deferred),
}

#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Default)]
struct State {
    /// `None` until the first access, so that a request that does not use its session does not pay for it.
    data: Option<Map<String, Value>>,
    accesses: u64,
    changes: u64,
    /// The keys that were changed, for an interface that puts the changes of several requests together.
    changed_keys: ChangedKeys,
    /// Whether the app's own interface has put its data in.
    filled: bool,
    /// The error of code that looked at a session which could not be opened.
    failed: Option<Error>,
    /// The number of changes that the app's own interface has been asked to save.
    saved: u64,
    /// Whether the response says that the session could not be opened.
    failure_is_told: bool,
    /// Whether the interface is to keep the session under a new id.
    new_id: bool,
    /// Whether the head of the response has left, with the session open for later changes.
    head_left: bool,
    /// Whether the interface is asked to save changes that came after the head of the response.
    saved_late: bool,
    /// The notes that the interface keeps for itself.
    notes: TypeMap,
    /// Whether the session was saved, so that a change would no longer reach the client.
    closed: bool,
}

/// The session's key that says whether it outlives the browser; Flask's own.
const PERMANENT: &str = "_permanent";

impl Session {
    /// Makes a session that is read from its cookie at the first access.
    pub(crate) fn in_cookie(signer: Option<Signer>, lifetime: Duration, cookie: Option<String>) -> Self {
        Self::new(Source::Cookie { signer, lifetime, cookie }, None)
    }

    /// Whether the request came with the session's cookie.
    fn came_with_cookie(&self) -> bool {
        matches!(self.shared.source, Source::Cookie { cookie: Some(_), .. })
    }

    /// Makes a session that the app's own interface fills before the request's code begins.
    fn given(cookie: Option<String>) -> Self {
        Self::new(Source::Given { cookie }, Some(Map::new()))
    }

    fn new(source: Source, data: Option<Map<String, Value>>) -> Self {
        let (state, handed_out) = (Mutex::new(State { data, ..State::default() }), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { source, state, handed_out }) }
    }

    /// Makes a session that is opened at the first access.
    fn deferred(deferred: Deferred) -> Self {
        Self::new(Source::Deferred(deferred), None)
    }

    /// Puts in the data that the app's own interface has found.
    pub(crate) fn fill(&self, data: Map<String, Value>) {
        let mut state = self.shared.state.lock();
        (state.data, state.filled) = (Some(data), true);
    }

    /// Ends the time in which the session can be changed, because the head of the response is about to leave with it.
    /// Returns whether the session was changed.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.changes > 0
    }

    fn is_closed(&self) -> bool {
        self.shared.state.lock().closed
    }

    /// Lets the session be changed again, because another response takes the place of the one it was saved with.
    pub(crate) fn reopen(&self) {
        let mut state = self.shared.state.lock();
        (state.closed, state.head_left) = (false, false);
    }

    /// Counts an access that may come after the head of the response, so that the head says `Vary: Cookie`.
    pub(crate) fn expect_access(&self) {
        self.shared.state.lock().accesses += 1;
    }

    /// Returns this session for code of the app, which may read it in the response's body too.
    pub(crate) fn handed_out(&self) -> Self {
        self.shared.handed_out.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Whether a body that is still to be made may read the session.
    fn may_be_read_later(&self) -> bool {
        self.shared.handed_out.load(Ordering::Relaxed)
    }

    /// Whether the session may be saved: not if the app's own interface could not open it.
    pub(crate) fn can_be_saved(&self) -> bool {
        matches!(self.shared.source, Source::Cookie { .. }) || self.shared.state.lock().filled
    }

    /// The value of `key`; `None` if there is none or it is not a `T`. A Flask app may have put in Python values that
    /// JSON does not know: they are read as the JSON most like them, and [`get_tagged`](Self::get_tagged) gives them
    /// as they are.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/", || session().get::<u32>("visits").unwrap_or(0).to_string());
    /// let client = app.test_client();
    /// client.session_transaction(|session| session.set("visits", 7)).wait()?;
    /// assert_eq!(client.get("/").wait()?.text(), "7");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.read(|data| data.get(key).and_then(|value| serde_json::from_value(tagged::plain(value)).ok()))
    }

    /// The value of `key`, if it is of one of the types that Flask tags.
    pub fn get_tagged(&self, key: &str) -> Option<Tagged> {
        self.read(|data| data.get(key).and_then(Tagged::from_wire))
    }

    /// Whether there is a value for `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.read(|data| data.contains_key(key))
    }

    /// Whether the session has no keys.
    pub fn is_empty(&self) -> bool {
        self.read(Map::is_empty)
    }

    /// The number of keys in the session.
    pub fn len(&self) -> usize {
        self.read(Map::len)
    }

    /// Sets `key` to `value`.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.post("/", || session().set("user", "ada").map(|()| "welcome"));
    /// app.get("/", async || session().get::<String>("user").unwrap_or_default());
    /// let client = app.test_client();
    /// client.post("/").wait()?;
    /// assert_eq!(client.get("/").wait()?.text(), "ada");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no secret key is set, or `value` cannot be written as JSON; if the head of the response has left already, as in
    /// a streamed body or in a task that outlives its view, because the session's cookie is in the head.
    pub fn set(&self, key: &str, value: impl Serialize) -> Result<(), Error> {
        self.put(key, tagged::escaped(serde_json::to_value(value)?))
    }

    /// Sets `key` to a value of a type that JSON does not know but Flask does.
    ///
    /// ```
    /// use costrel::{App, Error, Tagged, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/", || {
    ///     session().set_tagged("key", Tagged::Bytes(vec![0, 255]))?;
    ///     Ok::<_, Error>(format!("{:?}", session().get_tagged("key")))
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "Some(Bytes([0, 255]))");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If no secret key is set; for a time before 1970 or after 9999.
    pub fn set_tagged(&self, key: &str, value: Tagged) -> Result<(), Error> {
        value.check()?;
        self.put(key, value.into_wire())
    }

    /// Sets `key` to a value that is in Flask's format already.
    pub(crate) fn set_wire(&self, key: &str, value: Value) -> Result<(), Error> {
        self.put(key, value)
    }

    fn put(&self, key: &str, value: Value) -> Result<(), Error> {
        // Without a secret key the session reads as empty; writing is an error, because it would be lost silently.
        if let Source::Cookie { signer: None, .. } = self.shared.source {
            return Err(Error::setup_without_line(
                "The session is unavailable because no secret key was set. Set `app.config.secret_key` to a unique \
                 and secret value.",
            ));
        }
        self.open_to_change()?;
        let inserted = self.change(Some(key), |data| data.insert(key.to_owned(), value));
        inserted.map(drop).ok_or_else(|| Error::new(ErrorKind::Other, too_late(&format!("{key:?} was not put into"))))
    }

    /// Removes `key` and returns its value. After the head of the response has left, the key stays and the log says so.
    ///
    /// ```
    /// use costrel::{App};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// let client = app.test_client();
    /// client.session_transaction(|session| session.set("user", "ada")).wait()?;
    /// let removed = client.session_transaction(|session| Ok(session.remove("user"))).wait()?;
    /// assert_eq!(removed.unwrap(), "ada");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn remove(&self, key: &str) -> Option<Value> {
        // As with Python's `pop` and a default, removing a key that is not there does not count as a change.
        if !self.contains(key) {
            return None;
        }
        let removed = self.change(Some(key), |data| data.remove(key));
        if removed.is_none() {
            tracing::error!("{}", too_late(&format!("{key:?} was not removed from")));
        }
        removed?.map(|value| tagged::plain(&value))
    }

    /// Removes every key. After the head of the response has left, the keys stay and the log says so.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/logout", || { session().clear(); "bye" });
    /// let client = app.test_client();
    /// client.session_transaction(|session| session.set("user", "ada")).wait()?;
    /// client.get("/logout").wait()?;
    /// assert!(client.session_transaction(|session| Ok(session.is_empty())).wait()?);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn clear(&self) {
        if self.change(None, Map::clear).is_none() {
            tracing::error!("{}", too_late("nothing was removed from"));
        }
    }

    /// Whether the session outlives the browser, for [`Config::permanent_session_lifetime`](crate::Config).
    pub fn is_permanent(&self) -> bool {
        self.get(PERMANENT).unwrap_or(false)
    }

    /// Sets whether the session outlives the browser.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.post("/login", || session().set_permanent(true).map(|()| "welcome"));
    /// let page = app.test_client().post("/login").wait()?;
    /// assert!(page.header("set-cookie").unwrap().contains("Expires="));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no secret key is set.
    pub fn set_permanent(&self, permanent: bool) -> Result<(), Error> {
        self.put(PERMANENT, permanent.into())
    }

    /// Whether the session was changed in this request.
    pub fn is_modified(&self) -> bool {
        self.changes() > 0
    }

    /// The number of changes of the session so far in this request: a cache compares two readings to learn whether a
    /// view has written to the session.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/", || {
    ///     let before = session().changes();
    ///     session().set("n", 1).map(|()| (session().changes() - before).to_string())
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "1");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn changes(&self) -> u64 {
        self.shared.state.lock().changes
    }

    /// The number of reads and changes of the session so far in this request: a cache compares two readings to learn
    /// whether a view's response depends on the client.
    pub fn accesses(&self) -> u64 {
        self.shared.state.lock().accesses
    }

    /// The whole data in Flask's format, for a [`SessionInterface`](crate::SessionInterface) to keep. It counts as an
    /// access.
    pub fn data(&self) -> Map<String, Value> {
        self.read(Map::clone)
    }

    /// The whole data, without counting an access.
    fn saved_data(&self) -> Map<String, Value> {
        let mut state = self.shared.state.lock();
        state.data.get_or_insert_with(|| self.read_cookie()).clone()
    }

    fn read<R>(&self, look: impl FnOnce(&Map<String, Value>) -> R) -> R {
        self.open_now();
        let mut state = self.shared.state.lock();
        state.accesses += 1;
        look(state.data.get_or_insert_with(|| self.read_cookie()))
    }

    /// Changes the value of `key`, or all; `None`, with nothing changed, if the head of the response has left.
    fn change<R>(&self, key: Option<&str>, change: impl FnOnce(&mut Map<String, Value>) -> R) -> Option<R> {
        self.open_now();
        let mut state = self.shared.state.lock();
        if state.closed {
            return None;
        }
        state.accesses += 1;
        state.changes += 1;
        if !matches!(self.shared.source, Source::Cookie { .. }) {
            let change = state.changes;
            state.changed_keys.note(key, change);
        }
        Some(change(state.data.get_or_insert_with(|| self.read_cookie())))
    }

    /// Reads the data from the cookie. A missing, forged, outdated or broken one is an empty session, not an error.
    fn read_cookie(&self) -> Map<String, Value> {
        let Source::Cookie { signer, lifetime, cookie } = &self.shared.source else { return Map::new() };
        let loaded = || {
            let payload = signer.as_ref()?.verify(cookie.as_deref()?, SystemTime::now(), *lifetime).ok()?;
            serde_json::from_slice(&payload).ok()
        };
        loaded().unwrap_or_default()
    }
}

/// The message for a change that comes after the head of the response.
fn too_late(what: &str) -> String {
    format!(
        "{what} the session, because the head of the response has left already, and the session's cookie with it: change the \
         session in the view or a hook, before the response is returned. A streamed body, a copied context or a task that \
         outlives its view can read it only; so can a WebSocket once it is accepted, which its first `receive` or `send` \
         does, unless the app keeps sessions on the server and the client has one already."
    )
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

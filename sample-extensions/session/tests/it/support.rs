//! What the tests share: apps, views of either colour, and a store that notes what it is asked.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use costrel::testing::{TestClient, TestResponse};
use costrel::{App, Bytes, Error, IntoResponse, IntoView, Response, View, session};
use costrel_ext_kit::Clock;
use costrel_session::Sessions;
use costrel_stores::{Entries, MemoryEntries, Outcome};
use futures_util::FutureExt;
use parking_lot::Mutex;

/// A store in memory that notes each call by the first word of its name and the key.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) entries: Arc<MemoryEntries>,
    pub(crate) clock: Clock,
    calls: Arc<Mutex<Vec<String>>>,
    fault: Arc<Mutex<Fault>>,
}

/// What goes wrong in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The next call of this name fails.
    Fails(&'static str),
    /// Each call that compares is made twice, as by a client whose connection was lost before the answer.
    Repeats,
    /// Another request is always ahead.
    Conflicts,
}

impl Store {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual();
        let entries = Arc::new(MemoryEntries::new().clock(clock.clone()));
        Self { entries, clock, calls: Arc::default(), fault: Arc::default() }
    }

    /// Returns the calls since the last time, without the keys.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = std::mem::take(&mut *self.calls.lock());
        calls.iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect()
    }

    /// Returns the bytes of a session.
    pub(crate) fn value(&self, id: &str) -> Option<Bytes> {
        self.entries.get(&format!("session:{id}")).wait().unwrap()
    }

    pub(crate) fn put(&self, id: &str, value: impl Into<Bytes>) {
        self.entries.set(&format!("session:{id}"), value.into(), None).wait().unwrap();
    }

    /// Puts in a session as another request does, from code of either colour.
    pub(crate) fn put_at_once(&self, id: &str, json: &str) {
        let key = format!("session:{id}");
        let putting = self.entries.set(&key, json.to_owned().into(), None).into_future();
        putting.now_or_never().unwrap().unwrap();
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    fn note(&self, call: &str, key: &str) -> Result<Fault, Error> {
        self.calls.lock().push(format!("{call} {key}"));
        let mut fault = self.fault.lock();
        if matches!(*fault, Fault::Fails(name) if name == call) {
            *fault = Fault::None;
            return Err(Error::status(503));
        }
        Ok(*fault)
    }
}

impl Entries for Store {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        let noted = self.note("get", key);
        // A real wait, as on a network.
        Outcome::new(async move {
            tokio::task::yield_now().await;
            noted?;
            self.entries.get(key).await
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        let noted = self.note("set", key);
        Outcome::new(async move {
            noted?;
            self.entries.set(key, value, timeout).await
        })
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let noted = self.note("set_if", key);
        Outcome::new(async move {
            let fault = noted?;
            if fault == Fault::Conflicts {
                return Ok(false);
            }
            if fault == Fault::Repeats {
                self.entries.set_if(key, old, value.clone(), timeout).await?;
            }
            self.entries.set_if(key, old, value, timeout).await
        })
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let noted = self.note("add", key);
        Outcome::new(async move {
            noted?;
            self.entries.add(key, value, timeout).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        let noted = self.note("delete", key);
        Outcome::new(async move {
            noted?;
            self.entries.delete(key).await
        })
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        let noted = self.note("delete_if", key);
        Outcome::new(async move {
            if noted? == Fault::Repeats {
                self.entries.delete_if(key, value).await?;
            }
            self.entries.delete_if(key, value).await
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.entries.delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.entries.clear(prefix)
    }
}

/// Builds a view of the given colour.
pub(crate) fn view<R: IntoResponse + Send + 'static>(
    sync: bool,
    f: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> View
where
    Result<Response, Error>: IntoResponse,
{
    let f = move || f().into_response();
    if sync { f.into_view() } else { (move || std::future::ready(f())).into_view() }
}

pub(crate) fn read() -> String {
    session().get("name").unwrap_or_default()
}

/// An app with sessions in `store`, and views of one colour that leave the session, read, write, end and renew it.
pub(crate) fn app(sync: bool, store: &Store, sessions: Sessions) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev-secret-key".into());
    app.init(sessions.store(store.clone())).unwrap();
    app.rule("/untouched").endpoint("untouched").view(view(sync, || "untouched"));
    app.rule("/read").endpoint("read").view(view(sync, read));
    app.rule("/write").endpoint("write").view(view(sync, || session().set("name", "ada").map(|()| "written")));
    app.rule("/browser").endpoint("browser").view(view(sync, || {
        session().set("name", "ada")?;
        session().set_permanent(false).map(|()| "for the browser's time")
    }));
    app.rule("/end").endpoint("end").view(view(sync, || {
        session().clear();
        "ended"
    }));
    app.rule("/renew").endpoint("renew").view(view(sync, || session().regenerate().map(|()| "renewed")));
    app
}

pub(crate) fn get(client: &TestClient, path: &str) -> TestResponse {
    client.get(path).wait().unwrap()
}

/// The id that the client has.
pub(crate) fn id(client: &TestClient) -> String {
    client.cookie("session").unwrap()
}

//! A store whose calls block, made one that does not.

use std::sync::Arc;
use std::time::Duration;

use costrel::{Bytes, Error, Waiting};

use crate::counters::{Charge, Counters, Counts, Hit};
use crate::entries::Entries;
use crate::outcome::Outcome;

/// A store whose calls may block, such as one on a database with a sync client: its calls run on a worker of the app, and
/// never hold up the event loop. So a store of either colour implements the same trait.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use costrel::{App, Error};
/// use costrel_stores::{Blocking, Charge, Counters, Hit, MemoryCounters};
///
/// let store = Arc::new(Blocking::new(MemoryCounters::new())); // in place of one that blocks
/// let mut app = App::new("docs");
/// app.route("/", move || {
///     let store = store.clone();
///     async move {
///         let hit = Hit::new("index", 1, Duration::from_secs(60));
///         let allowed = store.count(&[hit], Charge::AllOrNone).await?[0].allowed;
///         Ok::<_, Error>(allowed.to_string())
///     }
/// });
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "true");
/// assert_eq!(client.get("/").wait()?.text(), "false");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Blocking<S>(Arc<S>);

impl<S> Blocking<S> {
    /// Wraps a store whose calls may block.
    pub fn new(store: S) -> Self {
        Self(Arc::new(store))
    }

    /// Runs `f` on a worker.
    fn run<'a, T: Send + 'static>(&self, f: impl FnOnce(&S) -> Result<T, Error> + Send + 'static) -> Outcome<'a, T>
    where
        S: Send + Sync + 'static,
    {
        let store = self.0.clone();
        Outcome::new(Waiting::from_sync(move || f(&store)))
    }
}

impl<S: Counters> Counters for Blocking<S> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        let owned: Vec<_> = hits.iter().map(|hit| (hit.key.to_owned(), hit.with_key(""))).collect();
        self.run(move |store| {
            let hits: Vec<_> = owned.iter().map(|(key, hit)| hit.with_key(key)).collect();
            store.count(&hits, charge).wait()
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        let key = key.to_owned();
        self.run(move |store| store.delete(&key).wait())
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        let prefix = prefix.to_owned();
        self.run(move |store| store.clear(&prefix).wait())
    }
}

impl<S: Entries> Entries for Blocking<S> {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        let key = key.to_owned();
        self.run(move |store| store.get(&key).wait())
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        let key = key.to_owned();
        self.run(move |store| store.set(&key, value, timeout).wait())
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let key = key.to_owned();
        self.run(move |store| store.add(&key, value, timeout).wait())
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let (key, old) = (key.to_owned(), old.to_vec());
        self.run(move |store| store.set_if(&key, &old, value, timeout).wait())
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        let key = key.to_owned();
        self.run(move |store| store.delete(&key).wait())
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        let (key, value) = (key.to_owned(), value.to_vec());
        self.run(move |store| store.delete_if(&key, &value).wait())
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        let owned: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        self.run(move |store| {
            let keys: Vec<_> = owned.iter().map(String::as_str).collect();
            store.delete_many(&keys).wait()
        })
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        let prefix = prefix.to_owned();
        self.run(move |store| store.clear(&prefix).wait())
    }
}

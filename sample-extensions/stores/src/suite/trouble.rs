//! Stores whose server has trouble when a law or a test wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{Bytes, Error, ErrorKind};
use parking_lot::Mutex;

use crate::counters::{Charge, Counters, Counts, Hit};
use crate::entries::Entries;
use crate::outcome::Outcome;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Every call fails, as after the server was killed.
    Fails,
    /// No call has an answer, as behind a cut cable.
    NeverAnswers,
}

/// The troubles of the server behind a store, which begin and end as a law or a test wants. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    server: Arc<Server>,
}

#[derive(Debug, Default)]
struct Server {
    trouble: Mutex<Option<Trouble>>,
    calls: AtomicUsize,
}

impl Troubles {
    /// Begins a trouble, in place of another.
    pub fn begin(&self, trouble: Trouble) {
        *self.server.trouble.lock() = Some(trouble);
    }

    /// Ends the trouble.
    pub fn end(&self) {
        *self.server.trouble.lock() = None;
    }

    /// The number of calls to the server so far, those without an answer too.
    pub fn calls(&self) -> usize {
        self.server.calls.load(Ordering::SeqCst)
    }
}

/// A store whose server has [`Troubles`]: what a [`Failover`](crate::Failover) is tried with.
///
/// ```
/// use std::time::Duration;
/// use costrel_stores::suite::{Trouble, Troubled, Troubles};
/// use costrel_stores::{Charge, Counters, Failover, Hit, MemoryCounters};
///
/// let troubles = Troubles::default();
/// let store = Failover::new(Troubled::new(MemoryCounters::new(), &troubles), MemoryCounters::new());
/// let hit = [Hit::new("key", 9, Duration::from_secs(60))];
/// let remaining = || Ok::<_, costrel::Error>(store.count(&hit, Charge::AllOrNone).wait()?[0].remaining);
/// assert_eq!(remaining()?, 8);
/// troubles.begin(Trouble::Fails);
/// assert_eq!([remaining()?, remaining()?], [8, 7]); // those of the stand-in
/// assert_eq!(troubles.calls(), 2);
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Debug)]
pub struct Troubled<S> {
    store: S,
    troubles: Troubles,
}

impl<S> Troubled<S> {
    /// Calls `store`, but not while there is trouble.
    pub fn new(store: S, troubles: &Troubles) -> Self {
        Self { store, troubles: troubles.clone() }
    }

    fn call<'a, T: 'a>(&'a self, call: impl FnOnce(&'a S) -> Outcome<'a, T>) -> Outcome<'a, T> {
        self.troubles.server.calls.fetch_add(1, Ordering::SeqCst);
        let trouble = *self.troubles.server.trouble.lock();
        match trouble {
            None => call(&self.store),
            Some(Trouble::Fails) => Outcome::ready(Err(Error::new(ErrorKind::Other, "the cable is out"))),
            Some(Trouble::NeverAnswers) => Outcome::new(std::future::pending()),
        }
    }
}

impl<S: Counters> Counters for Troubled<S> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        self.call(|store| store.count(hits, charge))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.call(|store| store.delete(key))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.call(|store| store.clear(prefix))
    }
}

impl<S: Entries> Entries for Troubled<S> {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        self.call(|store| store.get(key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        self.call(|store| store.set(key, value, timeout))
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        self.call(|store| store.add(key, value, timeout))
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        self.call(|store| store.set_if(key, old, value, timeout))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        self.call(|store| store.delete(key))
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        self.call(|store| store.delete_if(key, value))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.call(|store| store.delete_many(keys))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.call(|store| store.clear(prefix))
    }
}

//! The trait of stores that keep values for a time, for caches.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use costrel::Bytes;

use crate::outcome::Outcome;

/// A store of values by key, each for a time: what a cache needs, and what a lock between machines needs.
///
/// ```
/// use std::time::Duration;
/// use costrel::Bytes;
/// use costrel_stores::{Entries, MemoryEntries};
///
/// let store = MemoryEntries::new();
/// let minute = Some(Duration::from_secs(60));
/// assert!(store.add("lock", Bytes::from("mine"), minute).wait()?);
/// assert!(!store.add("lock", Bytes::from("another's"), minute).wait()?);
/// assert_eq!(store.get("lock").wait()?, Some(Bytes::from("mine")));
/// # Ok::<(), costrel::Error>(())
/// ```
pub trait Entries: fmt::Debug + Send + Sync + 'static {
    /// Whether every call has its answer in time by the store's own doing: it is in this process, or has a stand-in. An extension
    /// may put a [`Failover`](crate::Failover) around any other. Default: no.
    fn always_answers(&self) -> bool {
        false
    }

    /// Returns the value of `key`, if it has one that has not expired.
    ///
    /// # Errors
    /// Those of the store.
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>>;

    /// Gives `key` a value for `timeout`, for ever if it is `None`. A store that is full may drop values before that.
    ///
    /// # Errors
    /// Those of the store.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()>;

    /// Gives `key` a value as [`set`](Self::set) does, if it has none; tells whether it has given it. Of any number of callers
    /// at a time, one is told so.
    ///
    /// # Errors
    /// Those of the store.
    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool>;

    /// Gives `key` a value as [`set`](Self::set) does, if its value is `old`; tells whether it was. Of any number of callers at a
    /// time that know the same value, one is told so. The default removes `old` first and
    /// leaves a moment without a value: a store does it in one step if it can.
    ///
    /// # Errors
    /// Those of the store.
    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::new(async move {
            // In this order, because two callers may both have seen `old`.
            Ok(self.delete_if(key, old).await? && self.add(key, value, timeout).await?)
        })
    }

    /// Removes the value of `key`; tells whether there was one.
    ///
    /// # Errors
    /// Those of the store.
    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool>;

    /// Removes the value of `key` if it is `value`, in one step; tells whether it was. A lock is released so, because it may
    /// have expired and be another's by now.
    ///
    /// # Errors
    /// Those of the store.
    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool>;

    /// Removes the values of `keys`; tells how many there were.
    ///
    /// # Errors
    /// Those of the store.
    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64>;

    /// Removes the values of every key that begins with `prefix`, and of no other.
    ///
    /// # Errors
    /// Those of the store.
    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()>;
}

impl<S: Entries + ?Sized> Entries for Arc<S> {
    fn always_answers(&self) -> bool {
        (**self).always_answers()
    }

    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        (**self).get(key)
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        (**self).set(key, value, timeout)
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        (**self).add(key, value, timeout)
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        (**self).set_if(key, old, value, timeout)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        (**self).delete(key)
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        (**self).delete_if(key, value)
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        (**self).delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        (**self).clear(prefix)
    }
}

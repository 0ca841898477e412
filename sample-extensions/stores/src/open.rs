//! A store by its URL, as settings have it.

use std::panic::Location;
use std::sync::Arc;

use costrel::{Error, ErrorKind};

use crate::counters::Counters;
use crate::entries::Entries;
use crate::memory::{MemoryCounters, MemoryEntries};
#[cfg(feature = "redis")]
use crate::redis::{RedisCounters, RedisEntries};

/// Opens counters by a URL, as Flask-Limiter's `storage_uri` has it: `memory://`, and with the feature `redis` those of
/// `Redis::open`.
///
/// ```
/// use costrel_stores::open_counters;
///
/// assert!(open_counters("memory://").is_ok());
/// let error = open_counters("memcached://127.0.0.1").unwrap_err();
/// assert!(error.message().contains("there is no store for `memcached://`"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// A set-up error if there is no store for the URL, or if it is wrong.
#[track_caller]
pub fn open_counters(url: &str) -> Result<Arc<dyn Counters>, Error> {
    match scheme(url) {
        "memory" => Ok(Arc::new(MemoryCounters::new())),
        #[cfg(feature = "redis")]
        scheme if is_of_redis(scheme) => Ok(Arc::new(RedisCounters::open(url)?)),
        scheme => Err(no_store(scheme)),
    }
}

/// Opens a store of values by a URL, as [`open_counters`] does. On Redis the keys have no prefix but those of the caller.
///
/// ```
/// use costrel_stores::open_entries;
///
/// assert!(open_entries("memory://").is_ok());
/// assert!(open_entries("memcached://127.0.0.1").is_err());
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// A set-up error if there is no store for the URL, or if it is wrong.
#[track_caller]
pub fn open_entries(url: &str) -> Result<Arc<dyn Entries>, Error> {
    match scheme(url) {
        "memory" => Ok(Arc::new(MemoryEntries::new())),
        #[cfg(feature = "redis")]
        scheme if is_of_redis(scheme) => Ok(Arc::new(RedisEntries::open(url)?.prefix(""))),
        scheme => Err(no_store(scheme)),
    }
}

/// What stands before `://`; the rest of a URL may hold a password.
fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

#[cfg(feature = "redis")]
fn is_of_redis(scheme: &str) -> bool {
    matches!(scheme, "redis" | "rediss" | "redis+unix" | "redis+cluster" | "rediss+cluster")
}

#[track_caller]
fn no_store(scheme: &str) -> Error {
    let message = format!(
        "there is no store for `{scheme}://`: write memory://, or the URL of a Redis server, such as \
         redis://host:port/database, with the feature `redis`"
    );
    Error::new(ErrorKind::Setup, message).with_location(Location::caller())
}

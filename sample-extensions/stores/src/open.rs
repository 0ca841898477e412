//! A store by its URL, as settings have it.

use std::panic::Location;
use std::sync::Arc;

use costrel::{Error, ErrorKind};

use crate::counters::Counters;
use crate::memory::MemoryCounters;
#[cfg(feature = "redis")]
use crate::redis::{Redis, RedisCounters};

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
    // The rest of a URL may hold a password.
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "memory" => Ok(Arc::new(MemoryCounters::new())),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "redis+cluster" => Ok(Arc::new(RedisCounters::new(&Redis::open(url)?))),
        _ => {
            let message = format!(
                "there is no store for `{scheme}://`: write memory://, or the URL of a Redis server, such as \
                 redis://host:port/database, with the feature `redis`"
            );
            Err(Error::new(ErrorKind::Setup, message).with_location(Location::caller()))
        }
    }
}

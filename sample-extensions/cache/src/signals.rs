//! The signals of hits and misses.

use costrel::Error;
use costrel::signals::Signal;

/// Sent when a view's page came from the cache, if signals are enabled.
pub static CACHE_VIEW_HIT: Signal<CacheEvent> = Signal::new("cache-view-hit");
/// Sent when a view is about to run to fill its page in, if signals are enabled.
pub static CACHE_VIEW_MISS: Signal<CacheEvent> = Signal::new("cache-view-miss");
/// Sent when a memoized value came from the cache, if signals are enabled.
pub static CACHE_MEMOIZE_HIT: Signal<CacheEvent> = Signal::new("cache-memoize-hit");
/// Sent when a memoized function is about to run to fill its value in, if signals are enabled.
pub static CACHE_MEMOIZE_MISS: Signal<CacheEvent> = Signal::new("cache-memoize-miss");

/// A hit or a miss, as the value of a signal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CacheEvent {
    /// The key of the entry.
    pub cache_key: String,
    /// The arguments of the view or the function, as text.
    pub args: String,
}

/// Sends `signal` if `enabled`.
pub(crate) async fn send(
    enabled: bool,
    signal: &Signal<CacheEvent>,
    cache_key: &str,
    args: impl FnOnce() -> String,
) -> Result<(), Error> {
    if !enabled {
        return Ok(());
    }
    // Boxed by the signal, so that requests without signals have no room for it.
    signal.send(CacheEvent { cache_key: cache_key.to_owned(), args: args() }).await
}

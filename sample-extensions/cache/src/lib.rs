//! `cached(timeout)`: one run of a view answers many requests, after Flask-Caching.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use costrel::{App, Error};
//! use costrel_cache::Cache;
//!
//! static RUNS: AtomicU32 = AtomicU32::new(0);
//!
//! async fn report() -> String {
//!     format!("run {}", RUNS.fetch_add(1, Ordering::Relaxed))
//! }
//!
//! let cache = Cache::new();
//! let mut app = App::new("docs");
//! app.init(&cache)?;
//! app.rule("/report").decorate(cache.cached(Duration::from_secs(60))).view(report);
//!
//! let client = app.test_client();
//! assert_eq!(client.get("/report").wait()?.text(), "run 0");
//! let again = client.get("/report").wait()?;
//! assert_eq!((again.text().as_str(), again.header("x-cache")), ("run 0", Some("hit")));
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Cache::cached`] keeps only responses that are safe to share; [`Cache::cached_by`] keeps a copy for each user. Put
//! these decorators *inside* those that refuse requests (`login_required`); the wrong order is reported when the app
//! is built. [`Cache::memoize`] does for other functions what `cached` does for views, and [`Cache::get`], [`Cache::set`]
//! and their siblings need no function.

mod direct; // values by their keys
mod memoize; // functions that are no views
mod extension; // options and set-up
#[cfg(feature = "templates")]
mod fragments; // parts of templates
mod decorator; // the decorator around one view
mod caching; // the options of one decorator
mod run; // one run of a view, and its response until that has left
mod entries; // the entries of one app
mod turns; // one request runs the view, the others wait
mod shared; // entries in a store that several processes share
mod memory; // entries in the memory of this process
mod settings; // the settings of a cache on one app
mod signals; // hits and misses
mod faithful; // values as JSON that no other value has
mod cacheability; // which responses may be kept, for whom, and under which key

pub use caching::{CachedResponse, Caching, timeout};
pub use extension::Cache;
#[cfg(feature = "templates")]
pub use fragments::make_template_fragment_key;
pub use memoize::Memoized;
pub use signals::{CACHE_MEMOIZE_HIT, CACHE_MEMOIZE_MISS, CACHE_VIEW_HIT, CACHE_VIEW_MISS, CacheEvent};

/// Traits by which the compiler tells one kind of function from another; user code does not name them.
pub mod marker {
    pub use crate::memoize::{IntoMemoized, Returned};
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Where extensions keep what outlives a request: counters for limits, values for caches.
//!
//! ```
//! use std::time::Duration;
//! use costrel::Bytes;
//! use costrel_stores::{Charge, Counters, Entries, Hit, MemoryCounters, MemoryEntries};
//!
//! let counters = MemoryCounters::new();
//! let hit = Hit::new("search/10.0.0.1", 1, Duration::from_secs(60));
//! assert!(counters.count(&[hit], Charge::AllOrNone).wait()?[0].allowed);
//! let refused = counters.count(&[hit], Charge::AllOrNone).wait()?[0];
//! assert!(!refused.allowed && refused.retry_in <= Duration::from_secs(60));
//!
//! let entries = MemoryEntries::new();
//! entries.set("page", Bytes::from("<p>Hello"), Some(Duration::from_secs(60))).wait()?;
//! assert_eq!(entries.get("page").wait()?, Some(Bytes::from("<p>Hello")));
//! # Ok::<(), costrel::Error>(())
//! ```
//!
//! - [`Counters`] and [`Entries`]: one small trait for each need. An extension takes `Arc<dyn Counters>`, so its users choose
//!   the store.
//! - [`Rate`] and [`Strategy`]: limits as users write them, after the Python package `limits`. [`LimitHeaders`]: limits as clients are
//!   told of them.
//! - [`open_counters`], [`open_entries`]: a store by its URL.
//! - [`Outcome`]: a result that is there at once or still to come, so that stores of either colour have the same trait.
//! - [`MemoryCounters`] and [`MemoryEntries`]: the stores to begin with, in this process.
//! - [`Blocking`]: a store whose calls block, run on workers.
//! - [`Failover`]: a store that may be away, and what stands in for it meanwhile.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `redis` | no | `RedisCounters`, `RedisEntries`: stores on Redis, shared by processes, machines and apps in Flask |
//! | `redis-tls` | no | `rediss://`, and `rediss+cluster://` with the feature `redis-cluster`, by rustls |
//! | `redis-cluster` | no | `redis+cluster://` |
//! | `suite` | no | `store_suite!`: laws that every store keeps, as tests of a store of your own |

#[cfg(feature = "suite")]
pub mod suite; // laws that every store keeps
mod open; // a store by its URL
mod failover; // a store that may be away, and what stands in for it
mod blocking; // a store whose calls block, run on workers
mod memory; // stores in this process
#[cfg(feature = "redis")]
mod redis; // stores on Redis
mod headers; // what a client is told of its limits
mod reading; // the arithmetic of limits
mod counters; // the trait of stores that count
mod rate; // the grammar of limits
mod entries; // the trait of stores that keep values
mod outcome; // the result of a call

pub use blocking::Blocking;
pub use counters::{Charge, Counted, Counters, Counts, Hit, Strategy};
pub use entries::Entries;
pub use failover::{FailAtOnce, FailClosed, FailOpen, Failover, STORE_AWAY, STORE_BACK, WithLimits};
pub use headers::LimitHeaders;
pub use memory::{MemoryCounters, MemoryEntries};
pub use open::{open_counters, open_entries};
pub use outcome::Outcome;
pub use rate::{Rate, name_part};
#[cfg(feature = "redis")]
pub use redis::{Redis, RedisCounters, RedisEntries};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Stores on Redis, for several processes and machines, and for apps in Flask beside them.

mod counters; // counters: hits against limits
mod entries; // values, each for a time
mod scan; // keys by their prefix, on every server
mod client; // the connection, shared by all stores on it
mod errors; // errors of the server, or of one call

pub use client::Redis;
pub use counters::RedisCounters;
pub use entries::RedisEntries;
pub(crate) use errors::is_of_the_call;

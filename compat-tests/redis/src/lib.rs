//! Redis servers for tests: found or brought by `bring`, on loopback, ended with the tests.

mod cluster; // three servers that share the keys
mod server; // one server
mod process; // a process that ends with this one

use std::sync::OnceLock;

pub use cluster::RedisCluster;
pub use process::Process;
pub use server::RedisServer;

/// Returns what `start` starts; `None`, after a line that says `SKIPPED: redis`, if there is no Redis here.
///
/// # Panics
/// If there is none and the environment variable `COSTREL_REQUIRES` names `redis`.
#[allow(clippy::print_stderr, reason = "a test has no other way to say that it tried nothing")]
pub fn or_skip<S>(start: impl FnOnce() -> Result<S, String>) -> Option<S> {
    match start() {
        Ok(started) => Some(started),
        Err(why) => {
            let required = std::env::var("COSTREL_REQUIRES").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "redis"), "there is no Redis for the tests: {why}");
            eprintln!("SKIPPED: redis ({why})");
            None
        }
    }
}

/// The URL of one server for all tests of a process, which keep apart by prefixes; `None` if there is no Redis here.
pub fn shared() -> Option<&'static str> {
    static SHARED: OnceLock<Option<RedisServer>> = OnceLock::new();
    SHARED.get_or_init(|| or_skip(RedisServer::start)).as_ref().map(RedisServer::url)
}

/// The URL of one cluster for all tests of a process, as [`shared`] is of one server.
pub fn shared_cluster() -> Option<&'static str> {
    static SHARED: OnceLock<Option<RedisCluster>> = OnceLock::new();
    SHARED.get_or_init(|| or_skip(RedisCluster::start)).as_ref().map(RedisCluster::url)
}

//! Redis servers for tests: found or brought by `bring`, on loopback, ended with the tests.

mod tls; // one server over TLS
mod cluster; // three servers that share the keys
mod server; // one server
mod process; // a process that ends with this one

use std::io::Write as _;
use std::sync::OnceLock;

pub use cluster::RedisCluster;
pub use process::Process;
pub use server::RedisServer;
pub use tls::TlsRedisServer;

/// Returns what `start` starts; `None`, after a line that says `SKIPPED: redis`, if there is no Redis here.
///
/// # Panics
/// If there is none and the environment variable `COSTREL_REQUIRES` names `redis`.
pub fn or_skip<S>(start: impl FnOnce() -> Result<S, String>) -> Option<S> {
    match start() {
        Ok(started) => Some(started),
        Err(why) => {
            let required = std::env::var("COSTREL_REQUIRES").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "redis"), "there is no Redis for the tests: {why}");
            // The harness keeps what a passing test prints by `eprintln!`, so this goes past it; who closed the stream reads nothing.
            let _ = writeln!(std::io::stderr(), "SKIPPED: redis ({why})");
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    #[ignore = "run by the test below, as a process of its own"]
    fn tries_nothing() {
        assert_eq!(super::or_skip(|| Err::<(), _>("no server".to_owned())), None);
    }

    /// Runs the test above and returns whether it passed, and what it wrote.
    fn tried(requires: &str) -> (bool, String) {
        let mut test = Command::new(std::env::current_exe().unwrap());
        let output =
            test.args(["--ignored", "--exact", "tests::tries_nothing"]).env("COSTREL_REQUIRES", requires).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn a_skip_is_seen_though_the_test_passes() {
        let (passed, written) = tried("flask");
        assert!(passed && written.contains("SKIPPED: redis (no server)"), "{written}");
    }

    #[test]
    fn a_skip_fails_where_redis_is_required() {
        let (passed, _) = tried("flask,redis");
        assert!(!passed);
    }
}

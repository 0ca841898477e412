//! Rules about names that may stand in some files only.

use crate::source::{all, files, packages};

/// Checks that `needle` stands only in files whose path contains one of `places`.
fn only_in(needle: &str, places: &[&str]) {
    for source in all() {
        let path = source.path.display().to_string();
        let used = source.code().contains(needle);
        assert!(
            !used || places.iter().any(|place| path.contains(place)),
            "{path} uses `{needle}`, which belongs in {places:?}"
        );
    }
}

#[test]
fn one_file_crosses_between_loop_and_worker() {
    only_in("spawn_blocking", &[]);
    // For a look at a session that is not open, once for each view: `wait_or_lend`.
    only_in("block_in_place", &["core/src/execution/run_on_worker.rs"]);
    // Beside the bridge, these own an event loop or end a context; the suite runs an event loop for each check.
    only_in(
        "block_on(",
        &[
            "core/src/execution/",
            "core/src/server.rs",
            "core/src/test_client",
            "core/src/lifecycle/copied_context.rs",
            "core/src/cli",
            "compat-tests/src/runner/",
            "compat-tests/src/zoo",
            "compat-tests/benchmarks/src/serve.rs",
        ],
    );
    only_in(
        "thread::Builder",
        &[
            "core/src/execution/worker_pool.rs",
            "core/src/execution/default_bridge.rs",
            "core/src/execution/in_place.rs",
            "core/src/execution/lane.rs",
        ],
    );
}

#[test]
fn one_file_knows_the_network() {
    only_in(
        "TcpListener",
        &[
            "core/src/server.rs",
            "compat-tests/src/fixture/host.rs",
            "compat-tests/autobahn/src/main.rs",
            "compat-tests/clients/src/main.rs",
            "compat-tests/benchmarks/src/serve.rs",
            "compat-tests/flask-live/src/servers.rs",
            "compat-tests/redis/src/server.rs",
            "sample-extensions/examples/showcase/src/snippets/upstream.rs",
        ],
    );
}

#[test]
fn extensions_read_time_through_the_clock_only() {
    // The core reads time for the log, for connections and for the pace of sync code, the suite times polls, a snippet shows Flask's way.
    only_in(
        "Instant::now",
        &[
            "ext-kit/src/clock.rs",
            "core/src/execution/pace.rs",
            "core/src/execution/timeline.rs",
            "core/src/lifecycle/request_log.rs",
            "core/src/server/connection_clock.rs",
            "core/src/server/hang_up.rs",
            "core/src/server/stall.rs",
            "core/src/websocket/connection.rs",
            "compat-tests/fuzz/src/lib.rs",
            "compat-tests/src",
            "sample-extensions/examples/showcase/src/snippets.rs",
        ],
    );
}

#[test]
fn tests_never_sleep() {
    for name in packages() {
        for source in files(&format!("{name}/tests")) {
            let sleeps = ["thread::", "time::"].iter().any(|module| source.text.contains(&format!("{module}sleep")));
            assert!(!sleeps, "{} sleeps: wait for the event instead", source.path.display());
        }
    }
}

//! What the source itself must keep: imports one way, sizes, and what is in one place only.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 10] = [
    "core",
    "ext-kit",
    "sample-extensions/login",
    "sample-extensions/cache",
    "sample-extensions/limiter",
    "sample-extensions/examples/showcase",
    "sample-extensions/examples/task-queue",
    "compat-tests",
    "compat-tests/flask-diff",
    "sample-extensions/template",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file below `folder` with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The source of every crate, without its tests.
fn all_sources() -> Vec<(PathBuf, String)> {
    CRATES.iter().flat_map(|name| sources(&root().join(name).join("src"))).collect()
}

/// The text before the tests at the end of a file.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

#[test]
fn a_module_imports_only_modules_listed_after_it() {
    for name in CRATES {
        let src = root().join(name).join("src");
        let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
        let order: Vec<&str> = lib
            .lines()
            .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'))
            .collect();
        let place = |module: &str| order.iter().position(|listed| *listed == module);
        for (path, text) in sources(&src) {
            let file = path.strip_prefix(&src).unwrap();
            let module = file.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
            let Some(own) = place(module) else { continue };
            for line in production(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
                for imported in line.split("crate::").skip(1) {
                    let imported = imported.split(|end: char| !(end.is_alphanumeric() || end == '_')).next().unwrap();
                    let climbs = place(imported).is_some_and(|other| other < own);
                    assert!(!climbs, "{name}: `{module}` is listed below `{imported}` in lib.rs but imports it");
                }
            }
        }
    }
}

#[test]
fn files_and_functions_stay_within_size() {
    for (path, text) in all_sources() {
        let path = path.display();
        let lines = production(&text).lines().count();
        assert!(lines <= 450, "{path} has {lines} lines, 450 are allowed: split it");
        let mut begun: Option<(usize, usize, &str)> = None;
        for (at, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if is_function(line.trim_start()) && !line.trim_end().ends_with(';') {
                begun = Some((at, indent, line.trim()));
            } else if let Some((from, _, function)) =
                begun.filter(|(_, own, _)| *own == indent && line.trim_end() == " ".repeat(indent) + "}")
            {
                assert!(at - from < 60, "{path}: {function} has {} lines, 60 are allowed", at - from + 1);
                begun = None;
            }
        }
    }
}

fn is_function(line: &str) -> bool {
    let words = line.split(' ').take_while(|word| !word.contains('('));
    let words: Vec<_> = words.collect();
    let keywords = ["pub", "async", "const", "unsafe", "pub(crate)", "pub(super)"];
    line.split(' ').find(|word| !keywords.contains(word) && !words.is_empty()) == Some("fn")
}

/// Where a name may stand, as a fragment of the path.
fn only_in(needle: &str, places: &[&str]) {
    for (path, text) in all_sources() {
        let path = path.display().to_string();
        let code = production(&text).lines().filter(|line| !line.trim_start().starts_with("//"));
        let used = code.filter(|line| line.contains(needle)).count() > 0;
        assert!(
            !used || places.iter().any(|place| path.contains(place)),
            "{path} uses `{needle}`, which belongs in {places:?}"
        );
    }
}

#[test]
fn one_file_crosses_between_loop_and_worker() {
    only_in("spawn_blocking", &[]);
    only_in("block_in_place", &[]);
    // Beside the bridge: those that own an event loop or end a context, and the suite, which runs one for each check.
    only_in(
        "block_on(",
        &[
            "core/src/execution/crossing.rs",
            "core/src/execution/thread_bridge.rs",
            "core/src/execution/callable.rs",
            "core/src/server.rs",
            "core/src/execution/thread_per_request.rs",
            "core/src/test_client",
            "core/src/lifecycle/app_context.rs",
            "core/src/cli.rs",
            "compat-tests/src/trial.rs",
            "compat-tests/src/own_routes.rs",
            "compat-tests/src/zoo",
        ],
    );
    only_in(
        "thread::Builder",
        &["core/src/execution/worker_pool.rs", "core/src/execution/thread_bridge.rs", "core/src/execution/lane.rs"],
    );
}

#[test]
fn one_file_knows_the_network() {
    only_in(
        "TcpListener",
        &["core/src/server.rs", "compat-tests/src/host.rs", "sample-extensions/examples/showcase/src/snippets/upstream.rs"],
    );
}

#[test]
fn extensions_read_time_through_the_clock_only() {
    // The core reads it for the log and for what a connection does; the suite times steps, a snippet shows how Flask does.
    only_in(
        "Instant::now",
        &[
            "ext-kit/src/clock.rs",
            "core/src/lifecycle/dispatch.rs",
            "core/src/server/timeouts.rs",
            "core/src/websocket/connection.rs",
            "compat-tests/src",
            "sample-extensions/examples/showcase/src/snippets.rs",
        ],
    );
}

#[test]
fn tests_never_sleep() {
    for name in CRATES {
        for (path, text) in sources(&root().join(name).join("tests")) {
            let sleeps = ["thread::", "time::"].iter().any(|module| text.contains(&format!("{module}sleep")));
            assert!(!sleeps, "{} sleeps: wait for the event instead", path.display());
        }
    }
}

#[test]
fn the_samples_are_twins() {
    let list = |name: &str| {
        let mut files: Vec<_> = sources(&root().join("sample-extensions").join(name))
            .into_iter()
            .map(|(path, _)| path.strip_prefix(root().join("sample-extensions").join(name)).unwrap().to_owned())
            .collect();
        files.sort();
        files
    };
    assert_eq!(list("login"), list("cache"));
    assert_eq!(list("cache"), list("limiter"));
}

//! Tests that queued tasks are done, also after a restart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use costrel::testing::TestApp;
use costrel_task_queue::create_app;

/// Starts an app on `file` that sends the name of each task it begins, and never finishes a task if `stuck`.
fn start(file: &std::path::Path, sync: bool, stuck: bool) -> (TestApp, Receiver<String>) {
    let (tell, told): (Sender<String>, _) = channel();
    let app = if sync {
        create_app(file, move |name: String| tell.send(name).unwrap())
    } else {
        create_app(file, move |name: String| {
            tell.send(name).unwrap();
            async move {
                if stuck {
                    std::future::pending::<()>().await;
                }
            }
        })
    };
    let test_app = app.unwrap().test_app();
    test_app.startup().wait().unwrap();
    (test_app, told)
}

/// Returns the next task that was begun.
fn next_of(told: &Receiver<String>) -> String {
    told.recv_timeout(Duration::from_secs(10)).expect("no task was begun within 10 s")
}

#[test]
fn a_task_that_was_being_done_is_done_after_a_restart() {
    for sync in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.sqlite");
        let (first, told) = start(&file, false, true);
        assert_eq!(first.test_client().post("/process").json(&"mail").wait().unwrap().status(), 202);
        assert_eq!(next_of(&told), "mail");
        // The process ends in the middle of the task.
        drop(first);

        let (second, told) = start(&file, sync, false);
        assert_eq!(next_of(&told), "mail");
        assert_eq!(second.test_client().post("/process").json(&"letter").wait().unwrap().status(), 202);
        assert_eq!(next_of(&told), "letter");
        second.shutdown().wait().unwrap();
    }
}

#[test]
fn a_task_that_waits_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tasks.sqlite");
    let (first, told) = start(&file, false, true);
    for name in ["one", "two"] {
        first.test_client().post("/process").json(&name).wait().unwrap();
    }
    let begun = next_of(&told);
    drop((first, told));
    let (second, told) = start(&file, true, false);
    let mut done = [next_of(&told), next_of(&told)];
    done.sort();
    assert_eq!(done, ["one", "two"], "{begun} had begun");
    second.shutdown().wait().unwrap();
}

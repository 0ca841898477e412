//! The mode in which each request holds a thread.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, g, request, session, sync_to_async};
use futures_util::future::join_all;
use rstest::rstest;
use tokio::sync::{Barrier, Semaphore};

use crate::support::notes::Notes;
use crate::support::waiting::in_time;

/// Tests that do not apply in this mode, because they are about the event loop, and the test that runs the others.
const ABOUT_THE_LOOP: [&str; 5] = [
    "execution::bridge::",
    "execution::cancellation::",
    "execution::crossing::",
    "execution::in_place::",
    "the_other_tests_pass_in_this_mode_too",
];

/// An app behaves the same in both modes, so the same tests pass in both.
#[test]
fn the_other_tests_pass_in_this_mode_too() {
    // A run that hangs must fail with its output instead of blocking this test, so it has a timeout.
    let mut again = Command::new("timeout");
    again.arg("1800").arg(std::env::current_exe().unwrap());
    again.env("COSTREL_THREADS", "4").args(["--test-threads", "2"]);
    for skipped in ABOUT_THE_LOOP {
        again.args(["--skip", skipped]);
    }
    let output = again.output().unwrap();
    assert_ne!(output.status.code(), Some(124), "the tests have not ended within half an hour");
    let told = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<_> = told.lines().filter(|line| line.contains("FAILED") || line.contains("panicked")).collect();
    assert!(output.status.success(), "{failed:#?}, and the last of it:\n{}", &told[told.len().saturating_sub(2_000)..]);
    let passed = told.lines().find(|line| line.starts_with("test result: ok.")).unwrap();
    let passed: usize = passed.split(' ').nth(3).unwrap().parse().unwrap();
    assert!(passed > 500, "{passed}");
}

/// No more requests run at once than there are threads, as in WSGI servers, async views included.
#[rstest]
#[tokio::test]
async fn each_request_holds_a_thread(#[values(1, 4)] threads: usize) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut app = App::new("test");
    app.config.threads = Some(threads);
    let (counted, counting) = (most.clone(), now.clone());
    let barrier = Arc::new(Barrier::new(threads));
    app.route("/", move || {
        let (now, most, barrier) = (counting.clone(), counted.clone(), barrier.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            "done"
        }
    });
    let client = app.test_client();
    let answers = join_all((0..16).map(|_| client.get("/").into_future())).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().text() == "done"));
    assert_eq!(most.load(Ordering::SeqCst), threads);
}

/// All code of a request runs on the request's thread, whatever its colour.
#[test]
fn a_request_stays_on_its_thread() {
    let here = || format!("{:?}", std::thread::current().id());
    let mut app = App::new("test");
    (app.config.threads, app.config.secret_key) = (Some(2), Some("dev".into()));
    app.before_request(move || g().set("before", here()));
    app.route("/", move || async move {
        session().set("user", "ada").unwrap();
        let sync = sync_to_async(move |()| format!("{} {}", here(), request().path()))(()).await.unwrap();
        let same = g().get::<String>("before") == Some(here()) && sync == format!("{} /", here());
        same.to_string()
    });
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.text().as_str(), response.header("set-cookie").is_some()), ("true", true));
}

/// A client that disconnects frees the thread of its request.
#[tokio::test]
async fn a_client_that_leaves_frees_its_thread() {
    let (mut app, notes, begun) = (App::new("test"), Notes::default(), Arc::new(Semaphore::new(0)));
    app.config.threads = Some(1);
    let (in_view, begins, in_teardown) = (notes.clone(), begun.clone(), notes.clone());
    app.teardown_request(move || in_teardown.note("teardown"));
    app.route("/held", move || {
        let (dropped, begins) = (in_view.on_drop("dropped"), begins.clone());
        async move {
            let _dropped = dropped;
            begins.add_permits(1);
            std::future::pending::<&'static str>().await
        }
    });
    app.route("/next", async || "next");
    let client = app.test_client();
    let held = tokio::spawn(client.get("/held").into_future());
    in_time(begun.acquire()).await.unwrap().forget();
    held.abort();
    assert_eq!(client.get("/next").await.unwrap().text(), "next");
    let seen = tokio::task::spawn_blocking(move || notes.wait_for(3)).await.unwrap();
    assert_eq!(seen.iter().filter(|note| *note == "teardown").count(), 2);
    assert_eq!(seen[0], "dropped");
}

/// A request that finds the queue full gets a 503 with `Retry-After`.
#[tokio::test]
async fn a_full_queue_is_a_503() {
    let (mut app, begun, gate) = (App::new("test"), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    (app.config.threads, app.config.max_queued) = (Some(1), 1);
    let (begins, opens) = (begun.clone(), gate.clone());
    app.route("/", move || {
        let (begun, gate) = (begins.clone(), opens.clone());
        async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "done"
        }
    });
    let client = app.test_client();
    let held = tokio::spawn(client.get("/").into_future());
    in_time(begun.acquire()).await.unwrap().forget();
    let mut queued = Box::pin(client.get("/").into_future());
    assert!(futures_util::poll!(&mut queued).is_pending());
    let refused = client.get("/").await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (503, Some("1")));
    gate.add_permits(2);
    assert_eq!(held.await.unwrap().unwrap().text(), "done");
    assert_eq!(queued.await.unwrap().text(), "done");
}

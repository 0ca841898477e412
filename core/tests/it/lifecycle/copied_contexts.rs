//! A request's context beside the request: several times, and on several threads at once.

use std::sync::Barrier;
use std::thread;

use costrel::{App, copied_request_context, copy_current_request_context_sync, g, request};
use rstest::rstest;

use crate::support::notes::Notes;

/// What runs in the context sees the request, and has a `g` of its own.
fn visit(n: usize) -> String {
    let seen = format!("{n}{}{:?}", request().path(), g().get::<usize>("n"));
    g().set("n", n);
    seen
}

#[rstest]
fn a_copied_context_is_for_several_runs_at_once(
    #[values(true, false)] sync: bool,
    #[values(true, false)] wraps: bool,
    #[values(None, Some(1))] threads: Option<usize>,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.threads = threads;
    let closed = notes.clone();
    app.teardown_appcontext(move || closed.note(format!("{:?}", g().get::<usize>("n"))));
    let at_once = move || {
        g().set("n", 7_usize);
        let (context, both) = (copied_request_context(), Barrier::new(2));
        let wrapped = copy_current_request_context_sync(|| {
            both.wait();
            visit(1)
        });
        let visits = || {
            both.wait();
            visit(1)
        };
        let run = || if wraps { wrapped() } else { context.run_sync(visits) };
        thread::scope(|scope| [scope.spawn(run), scope.spawn(run)].map(|thread| thread.join().unwrap()).join(" "))
    };
    if sync {
        app.route("/", at_once);
    } else {
        // Both threads end before the view goes on, so the event loop is held for a moment only.
        app.route("/", move || async move { at_once() });
    }
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "1/None 1/None");
    let mut seen = notes.wait_for(3);
    seen.sort();
    assert_eq!(seen, ["Some(1)", "Some(1)", "Some(7)"]);
}

#[test]
fn tasks_run_in_a_copied_context_too() {
    let mut app = App::new("test");
    app.route("/", async || {
        let context = copied_request_context();
        let (one, two) = (context.run(async { visit(1) }), context.run(async { visit(2) }));
        let (one, two) = (tokio::spawn(one), tokio::spawn(two));
        format!("{} {}", one.await.unwrap(), two.await.unwrap())
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "1/None 2/None");
}

//! How often a request crosses, and the threads on which its steps run.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use costrel::signals::REQUEST_STARTED;
use costrel::{App, Response, Session, SessionInterface, Waiting, abort, after_this_request};
use rstest::rstest;
use serde_json::Map;

use crate::support::event_loops::thread_kind;
use crate::support::server::{Server, read_all};

thread_local! {
    /// The number of steps that ran on this thread.
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// The steps of a request: the kind of their thread, and the thread.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<Step>>>);

type Step = (&'static str, &'static str, ThreadId);

impl Steps {
    fn note(&self, step: &'static str) {
        STEPS.set(STEPS.get() + 1);
        self.0.lock().unwrap().push((step, thread_kind(), thread::current().id()));
    }

    fn kinds(&self) -> Vec<(&'static str, &'static str)> {
        self.0.lock().unwrap().iter().map(|(step, kind, _)| (*step, *kind)).collect()
    }

    fn threads(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().iter().map(|(_, _, thread)| *thread).collect()
    }
}

/// A session interface of sync code.
struct OnDisk(Steps);

impl SessionInterface for OnDisk {
    fn open_session(&self, _request: costrel::Request) -> Waiting<Map<String, serde_json::Value>> {
        let steps = self.0.clone();
        Waiting::from_sync(move || {
            steps.note("open");
            Ok(Map::new())
        })
    }

    fn save_session(&self, _session: Session, response: Response) -> Waiting<Response> {
        let steps = self.0.clone();
        Waiting::from_sync(move || {
            steps.note("save");
            Ok(response)
        })
    }
}

fn all_sync(steps: &Steps) -> App {
    let mut app = App::new("test");
    let note = |step| {
        let steps = steps.clone();
        move || steps.note(step)
    };
    app.connect(&REQUEST_STARTED, note("signal"));
    app.set_session_interface(OnDisk(steps.clone()));
    app.before_request(note("before")).before_request(note("before"));
    let (after, handler, late) = (note("after"), note("handler"), steps.clone());
    app.after_request(move |response: Response| {
        after();
        response
    });
    app.errorhandler(418, move |_: costrel::Error| {
        handler();
        "handled"
    });
    app.teardown_request(note("teardown")).teardown_appcontext(note("teardown"));
    let view = steps.clone();
    app.route("/", move || {
        view.note("view");
        let late = late.clone();
        after_this_request(move |response: Response| {
            late.note("after this");
            response
        });
        abort::<&str>(418)
    });
    app
}

/// From its first sync step to its teardown, a request of sync code keeps its thread, and crosses once.
#[test]
fn an_all_sync_request_crosses_once_and_keeps_its_thread() {
    let steps = Steps::default();
    let client = all_sync(&steps).test_client();
    let response = client.get("/").wait().unwrap();
    assert_eq!(response.text(), "handled");
    let expected = "open signal before before view handler after this after save teardown teardown";
    let kinds = steps.kinds();
    assert_eq!(kinds.iter().map(|(step, _)| *step).collect::<Vec<_>>().join(" "), expected);
    assert!(kinds.iter().all(|(_, kind)| *kind == "worker"), "{kinds:?}");
    let threads = steps.threads();
    assert!(threads.iter().all(|thread| *thread == threads[0]), "{threads:?}");
    assert_eq!(client.application().handle().crossings(), 1);
}

/// What a hook leaves in a thread-local is there in the view, and in the teardown.
#[test]
fn sync_steps_share_their_thread_locals() {
    thread_local!(static USER: Cell<u32> = const { Cell::new(0) });
    let mut app = App::new("test");
    app.before_request(|| USER.set(7));
    app.route("/", || USER.replace(8).to_string());
    let left = Arc::new(Mutex::new(0));
    let seen = left.clone();
    app.teardown_request(move || *seen.lock().unwrap() = USER.get());
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "7");
    assert_eq!(*left.lock().unwrap(), 8);
}

/// Async steps stay on the event loop, wherever sync ones come before and after.
#[test]
fn an_async_step_goes_back_to_the_event_loop() {
    let steps = Steps::default();
    let mut app = App::new("test");
    let note = |step| {
        let steps = steps.clone();
        move || steps.note(step)
    };
    let note_async = |step| {
        let steps = steps.clone();
        move || {
            // The part of the function before its first await belongs to the event loop too.
            steps.note(step);
            let steps = steps.clone();
            async move {
                tokio::task::yield_now().await;
                steps.note(step);
            }
        }
    };
    app.before_request(note("sync")).before_request(note_async("async"));
    let view = note("sync");
    app.route("/", move || {
        view();
        "view"
    });
    app.teardown_request(note("sync")).teardown_request(note_async("async"));
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "view");
    let expected = ["sync", "async", "async", "sync", "async", "async", "sync"];
    let places = expected.map(|step| (step, if step == "sync" { "worker" } else { "loop" }));
    assert_eq!(steps.kinds(), places);
    assert_eq!(client.application().handle().crossings(), 3);
}

/// A pool with one connection, which blocks until it is free.
#[derive(Default)]
struct Connections {
    taken: Mutex<bool>,
    given_back: Condvar,
}

impl Connections {
    fn take(&self) {
        let mut taken = self.taken.lock().unwrap();
        while *taken {
            taken = self.given_back.wait(taken).unwrap();
        }
        *taken = true;
    }

    fn give_back(&self) {
        *self.taken.lock().unwrap() = false;
        self.given_back.notify_one();
    }
}

/// Requests that block all workers, because they wait for what others hold, do not keep those from ending.
#[rstest]
fn requests_do_not_lock_each_other_up(#[values(true, false)] all_sync: bool) {
    let (mut app, connections) = (App::new("test"), Arc::new(Connections::default()));
    app.config.workers = 2;
    let (take, give_back) = (connections.clone(), connections);
    app.before_request(move || take.take());
    if !all_sync {
        app.before_request(async || tokio::task::yield_now().await);
    }
    app.route("/", || "view");
    app.teardown_request(move || give_back.give_back());
    let server = Server::start(app);
    let requests: Vec<_> = (0..8).map(|_| server.begin("/")).collect();
    for request in requests {
        assert!(read_all(request).ends_with("view"));
    }
}

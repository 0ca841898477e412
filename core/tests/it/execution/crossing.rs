//! How often a request crosses, and the threads on which its steps run.

use std::cell::Cell;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use costrel::signals::REQUEST_STARTED;
use costrel::{
    App, Callable, Colour, IntoView, Response, Session, SessionInterface, View, Waiting, abort, after_this_request,
    async_to_sync, request,
};
use rstest::rstest;
use serde_json::Map;

use crate::support::event_loops::thread_kind;
use crate::support::log::log_while;
use crate::support::notes::Notes;
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

/// A value that a hook leaves in a thread-local is there in the view, and in the teardown.
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

/// A view whose outermost code neither blocks nor waits, as a guard's is.
fn guarded() -> View {
    let inner = (|| request().get_data().wait().map(|body| format!("{} bytes", body.len()))).into_view();
    let (from_any, from_sync) = (inner.clone(), inner.clone());
    let guard = Callable::new_in_place(
        Colour::Sync,
        move |request| from_any.call(request),
        move |request| from_sync.call_sync(request),
    );
    inner.wrapped("guard", guard)
}

/// The body is read before any sync code that leads to a sync view, so that no worker waits for a slow client.
#[rstest]
#[case::hook(|app: &mut App, notes: Notes| {
    app.before_request(move || notes.note("begun"));
})]
#[case::preprocessor(|app: &mut App, notes: Notes| {
    app.url_value_preprocessor([], move |_: costrel::UrlValues| notes.note("begun"));
})]
#[case::subscriber(|app: &mut App, notes: Notes| {
    app.connect(&REQUEST_STARTED, move || notes.note("begun"));
})]
#[case::session(|app: &mut App, notes: Notes| app.set_session_interface(Opening(notes)))]
fn the_body_is_read_before_sync_code_begins(#[case] add: fn(&mut App, Notes)) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    add(&mut app, notes.clone());
    app.rule("/").methods(["POST"]).endpoint("guarded").view(guarded());
    app.route("/other", async || "other");
    let server = Server::start(app);
    let mut slow = server.connect();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab";
    slow.write_all(head.as_bytes()).unwrap();
    // Each of these runs the same code, so that the head above has long been read when they are answered.
    for _ in 0..20 {
        assert!(server.get("/other").ends_with("other"));
    }
    assert_eq!(notes.all().len(), 20, "one for each of the others, none for the slow one");
    slow.write_all(b"cd").unwrap();
    assert!(read_all(slow).ends_with("4 bytes"));
    assert_eq!(notes.wait_for(21).len(), 21);
}

/// A session interface that notes each opening, in sync code.
struct Opening(Notes);

impl SessionInterface for Opening {
    fn open_session(&self, _request: costrel::Request) -> Waiting<Map<String, serde_json::Value>> {
        let notes = self.0.clone();
        Waiting::from_sync(move || {
            notes.note("begun");
            Ok(Map::new())
        })
    }

    fn save_session(&self, _session: Session, response: Response) -> Waiting<Response> {
        Waiting::ready(Ok(response))
    }
}

/// Code of a step that is not the step's function, such as an interface's own, may wait where the step runs.
#[test]
fn code_around_a_step_may_wait_on_a_worker() {
    struct Asking;

    impl SessionInterface for Asking {
        fn open_session(&self, _request: costrel::Request) -> Waiting<Map<String, serde_json::Value>> {
            Waiting::ready(Ok(Map::new()))
        }

        fn save_session(&self, _session: Session, mut response: Response) -> Waiting<Response> {
            let asked = async_to_sync(|()| async { Waiting::new(async { Ok(7) }).await })(()).and_then(|asked| asked);
            response.headers_mut().insert("x-asked", asked.unwrap_or(0).into());
            Waiting::ready(Ok(response))
        }
    }

    let mut app = App::new("test");
    app.set_session_interface(Asking);
    app.route("/", || "view");
    let response = Server::start(app).get("/");
    assert!(response.contains("x-asked: 7"), "{response}");
}

/// A client that leaves while its sync view waits is no error of the app, and has no response in the log.
#[test]
fn a_client_that_leaves_is_no_error_in_the_log() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (waits, torn_down) = (notes.clone(), notes.clone());
    app.route("/", move || {
        waits.note("waits");
        async_to_sync(|()| std::future::pending::<()>())(()).map(|()| "never")
    });
    app.teardown_request(move || torn_down.note("torn down"));
    let client = app.test_client();
    let log = log_while(async {
        let visit = tokio::spawn(client.get("/").into_future());
        notes.reached(1).await;
        visit.abort();
        notes.reached(2).await;
    });
    assert!(!log.contains("Exception") && !log.contains(" 500"), "{log}");
}

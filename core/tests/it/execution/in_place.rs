//! Sync code in place, on threads that the event loop has to spare.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use costrel::{App, Callable, Error, IntoResponse, IntoView, View, async_to_sync, current_app, request};
use rstest::rstest;
use tokio::sync::Notify;

use crate::support::DEADLINE;
use crate::support::event_loops::thread_kind;
use crate::support::server::{Server, read_all};
use crate::support::waiting::receive;

/// A time that is long for a call in place, by far.
const LONG: Duration = Duration::from_millis(150);

/// A server whose event loop has two threads to spare.
fn start(mut app: App) -> Server {
    app.config.runs_in_place = true;
    let cores = thread::available_parallelism().unwrap().get();
    Server::start_on(app, cores + 2)
}

/// Asks until the response ends with `expected`, as it does once the view's pace is known.
fn ask_until(server: &Server, path: &str, expected: &str) {
    let began = Instant::now();
    while !server.get(path).ends_with(expected) {
        assert!(began.elapsed() < DEADLINE, "no response of {path} ended with {expected:?}");
    }
}

fn decorated(view: View) -> View {
    let inner = view.clone();
    view.wrapped("decorator", Callable::new_async(move |request| inner.call(request)))
}

/// The view, its hooks, and a view beneath an async decorator run in place once their calls have been short.
#[rstest]
#[case::bare(|view| view)]
#[case::decorated(decorated)]
fn a_short_sync_view_runs_in_place(#[case] decorate: fn(View) -> View) {
    let mut app = App::new("test");
    app.before_request(|| ());
    app.rule("/").endpoint("view").decorate(decorate).view(thread_kind);
    app.route("/counts", async || {
        let app = current_app();
        format!("{} {}", app.crossings() > 0, app.calls_in_place() > 0)
    });
    let server = start(app);
    ask_until(&server, "/", "loop");
    assert!(server.get("/counts").ends_with("true true"));
}

#[rstest]
#[case::by_the_setting(|app: &mut App| app.config.runs_in_place = false, |view| view, 3)]
#[case::by_default(|app: &mut App| app.config.runs_in_place = App::new("other").config.runs_in_place, |view| view, 3)]
#[case::by_the_mark(|_: &mut App| (), |view: View| view.runs_in_place(false), 3)]
#[case::by_a_timeout(|app: &mut App| app.config.server.request_timeout = Some(DEADLINE), |view| view, 3)]
#[case::by_an_event_loop_without_spare_threads(|_: &mut App| (), |view| view, 1)]
fn sync_code_does_not_run_in_place(#[case] set: fn(&mut App), #[case] mark: fn(View) -> View, #[case] threads: usize) {
    let mut app = App::new("test");
    app.config.runs_in_place = true;
    set(&mut app);
    app.rule("/").endpoint("view").view(mark(thread_kind.into_view()));
    let cores = thread::available_parallelism().unwrap().get();
    let server = Server::start_on(app, if threads == 1 { 1 } else { cores + threads });
    for _ in 0..50 {
        assert!(server.get("/").ends_with("worker"));
    }
}

/// Sync code that drives async code is never taken for short, because a wait in place could not be cancelled.
#[test]
fn a_sync_decorator_around_an_async_view_stays_on_workers() {
    let view = (async || "async").into_view();
    let inner = view.clone();
    let wrapper = Callable::new_sync(move |request| {
        let kind = thread_kind();
        inner.call_sync(request).map(|_| kind).and_then(IntoResponse::into_response)
    });
    let mut app = App::new("test");
    app.rule("/").endpoint("view").view(view.wrapped("wrapper", wrapper));
    let server = start(app);
    for _ in 0..50 {
        assert!(server.get("/").ends_with("worker"));
    }
}

/// A view can say it for itself.
#[test]
fn a_view_may_run_in_place_by_its_own_mark() {
    let mut app = App::new("test");
    app.rule("/").endpoint("view").view(thread_kind.into_view().runs_in_place(true));
    let cores = thread::available_parallelism().unwrap().get();
    let server = Server::start_on(app, cores + 2);
    ask_until(&server, "/", "loop");
}

/// A single-threaded event loop is never blocked.
#[test]
fn sync_code_does_not_run_in_place_on_a_single_thread() {
    let mut app = App::new("test");
    app.config.runs_in_place = true;
    app.route("/", thread_kind);
    let application = app.build().unwrap();
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    event_loop.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || {
            for _ in 0..50 {
                let stream = std::net::TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                std::io::Write::write_all(&mut &stream, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
                assert!(read_all(stream).ends_with("worker"));
            }
        });
        let done = tokio::task::spawn_blocking(move || client.join().unwrap());
        application.serve(listener, async { done.await.unwrap() }).await.unwrap();
    });
}

/// The query that makes the view wait.
fn is_long() -> bool {
    request().args().get("long").is_some()
}

/// While a view that has been short blocks the threads that the loop has to spare, the loop serves others; after that
/// the view runs on workers.
#[rstest]
#[case::blocking(|released: &mpsc::Receiver<()>, _: &Arc<Notify>| receive(released))]
#[case::waiting(|_: &mpsc::Receiver<()>, notify: &Arc<Notify>| {
    let notify = notify.clone();
    async_to_sync(|()| async { notify.notified().await })(()).unwrap();
})]
fn the_event_loop_goes_on_beside_sync_code_that_takes_long(#[case] wait: fn(&mpsc::Receiver<()>, &Arc<Notify>)) {
    try_in_place(|| goes_on_beside(wait));
}

/// Tries with a new app until the long call runs in place. A short call whose thread is stopped for long is taken for a long
/// one, and then the long one runs on a worker.
fn try_in_place(attempt: impl Fn() -> bool) {
    assert!((0..5).any(|_| attempt()), "the long call never ran in place");
}

fn goes_on_beside(wait: fn(&mpsc::Receiver<()>, &Arc<Notify>)) -> bool {
    let (mut app, notify) = (App::new("test"), Arc::new(Notify::new()));
    let ((release, released), (enter, entered)) = (mpsc::channel(), mpsc::channel());
    let (released, waited, notified) = (Mutex::new(released), notify.clone(), notify);
    app.route("/", move || {
        if is_long() {
            enter.send(thread_kind()).unwrap();
            wait(&released.lock().unwrap(), &waited);
        }
        thread_kind()
    });
    app.route("/async", async || "async");
    app.route("/release", move || {
        let (release, notified) = (release.clone(), notified.clone());
        async move {
            notified.notify_one();
            release.send(()).map_err(|_| Error::status(500)).map(|()| "released")
        }
    });
    let server = start(app);
    ask_until(&server, "/", "loop");
    let long = server.begin("/?long=1");
    if receive(&entered) != "loop" {
        assert!(server.get("/release").ends_with("released"));
        return false;
    }
    let began = Instant::now();
    while began.elapsed() < LONG {
        assert!(server.get("/async").ends_with("async"));
    }
    assert!(server.get("/release").ends_with("released"));
    assert!(read_all(long).ends_with("loop"));
    for _ in 0..20 {
        assert!(server.get("/").ends_with("worker"), "a view that took long runs on workers");
    }
    true
}

/// At most as many threads as the loop has to spare run sync code: with more calls that block, the loop still goes on.
#[test]
fn views_in_place_never_take_the_last_threads() {
    let (mut app, (release, released)) = (App::new("test"), mpsc::channel::<()>());
    let (tell, begun) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    app.config.workers = 8;
    for path in ["/a", "/b", "/c", "/d"] {
        let (tell, released) = (tell.clone(), released.clone());
        app.rule(path).endpoint(path).view(move || {
            if is_long() {
                tell.send(()).unwrap();
                receive(&released.lock().unwrap());
            }
            thread_kind()
        });
    }
    app.route("/async", async || "async");
    let server = start(app);
    for path in ["/a", "/b", "/c", "/d"] {
        ask_until(&server, path, "loop");
    }
    let long: Vec<_> = ["/a", "/b", "/c", "/d"].map(|path| server.begin(&format!("{path}?long=1"))).into();
    for _ in 0..4 {
        receive(&begun);
    }
    assert!(server.get("/async").ends_with("async"));
    for _ in 0..4 {
        release.send(()).unwrap();
    }
    let in_place = long.into_iter().map(read_all).filter(|response| response.ends_with("loop")).count();
    assert!(in_place <= 2, "{in_place}");
}

/// A view that starts an event loop of its own, which is not possible in place, runs on workers after the first time.
#[test]
fn a_view_with_an_event_loop_of_its_own_goes_back_to_the_workers() {
    try_in_place(goes_back_to_the_workers);
}

fn goes_back_to_the_workers() -> bool {
    let mut app = App::new("test");
    app.route("/", || {
        if is_long() {
            drop(tokio::sync::Mutex::new(()).blocking_lock());
            let event_loop = tokio::runtime::Builder::new_current_thread().build().unwrap();
            event_loop.block_on(async {});
        }
        thread_kind()
    });
    let server = start(app);
    ask_until(&server, "/", "loop");
    let answer = server.get("/?long=1");
    if answer.ends_with("worker") {
        return false;
    }
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    for _ in 0..20 {
        assert!(server.get("/?long=1").ends_with("worker"));
    }
    true
}

/// A panic in place is a 500, and the next request works.
#[test]
fn a_panic_in_place_is_a_500() {
    let mut app = App::new("test");
    app.route("/", || {
        assert!(!is_long(), "on purpose");
        thread_kind()
    });
    let server = start(app);
    ask_until(&server, "/", "loop");
    assert!(server.get("/?long=1").starts_with("HTTP/1.1 500"));
    // Where it runs is open, because writing the panic's backtrace may have taken long.
    assert!(server.get("/").starts_with("HTTP/1.1 200"));
}

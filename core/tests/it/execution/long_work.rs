//! Work that lasts: iterators of streamed bodies and background tasks, which take no worker from a view.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, mpsc};

use costrel::{
    App, Body, Bridge, Event, EventStream, Job, Threads, copied_request_context, copy_current_request_context,
    create_task, current_app, stream_with_context, sync_to_async,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rstest::rstest;

use crate::support::DEADLINE;
use crate::support::notes::Notes;
use crate::support::server::{Server, read_all};

/// A gate at which sync code blocks its thread until the test drops the sender.
#[derive(Clone)]
struct Gate(Arc<Mutex<mpsc::Receiver<()>>>);

impl Gate {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (open, gate) = mpsc::channel();
        (open, Self(Arc::new(Mutex::new(gate))))
    }

    fn block(&self) {
        let _ = self.0.lock().recv_timeout(DEADLINE);
    }
}

/// Work that lasts: it notes that it has begun, and blocks its thread until the test opens the gate.
#[derive(Clone)]
struct LongWork {
    notes: Notes,
    gate: Gate,
}

impl LongWork {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (open, gate) = Gate::new();
        (open, Self { notes: Notes::default(), gate })
    }

    fn run(&self) {
        self.notes.note("begun");
        self.gate.block();
    }
}

/// Builds an app with two workers, whose view `/sync` needs one.
fn app_with_two_workers() -> App {
    let mut app = App::new("test");
    app.config.workers = 2;
    app.route("/sync", || "served");
    app
}

/// Checks that views of `app` have their workers while three clients have begun long work, and when they have left.
/// `start` is the view that begins it, and `ends` says whether the request ends while the work goes on.
fn check_that_views_go_on(
    mut app: App,
    sync: bool,
    ends: bool,
    start: impl Fn(LongWork) -> Body + Clone + Send + Sync + 'static,
) {
    let (open, work) = LongWork::new();
    let (notes, over) = (work.notes.clone(), work.notes.clone());
    app.teardown_request(move || over.note("teardown"));
    let start = move || start(work.clone());
    if sync {
        app.route("/start", start);
    } else {
        app.route("/start", move || std::future::ready(start()));
    }
    let server = Server::start(app);
    let clients: Vec<_> = (0..3).map(|_| server.begin("/start")).collect();
    notes.wait_for(if ends { 6 } else { 3 });
    assert!(server.get("/sync").ends_with("served"));
    drop(clients);
    assert!(server.get("/sync").ends_with("served"));
    drop(open);
}

/// Event streams that block in their iterators leave the workers to the views, also when their clients have left.
#[rstest]
fn a_blocking_stream_holds_no_worker(#[values(true, false)] sync: bool, #[values(true, false)] kept: bool) {
    check_that_views_go_on(app_with_two_workers(), sync, !kept, move |work| {
        let blocking = std::iter::from_fn(move || {
            work.run();
            Some("chunk")
        });
        let body = Body::from_iterator(blocking);
        if kept { stream_with_context(body) } else { body }
    });
}

/// Background tasks that block leave the workers to the views, whether the task itself is sync or what it calls.
#[rstest]
fn a_blocking_task_holds_no_worker(
    #[values(true, false)] sync: bool,
    #[values("sync", "calls sync", "raw")] kind: &'static str,
) {
    let mut app = app_with_two_workers();
    // A request that holds a thread cancels the raw tasks that it leaves.
    app.config.threads = None;
    check_that_views_go_on(app, sync, true, move |work| {
        let block = move |()| work.run();
        match kind {
            "sync" => current_app().add_background_task(move || block(())),
            "calls sync" => current_app().add_background_task(async move || sync_to_async(block)(()).await),
            _ => drop(create_task(async move { sync_to_async(block)(()).await })),
        }
        Body::from("started")
    });
}

/// What async code of a streamed body or of a copied context calls leaves the workers to the views.
#[rstest]
fn blocking_calls_that_outlive_their_view_hold_no_worker(
    #[values(true, false)] sync: bool,
    #[values("stream", "copy", "callable copy")] kind: &'static str,
) {
    let mut app = app_with_two_workers();
    app.config.threads = None;
    check_that_views_go_on(app, sync, false, move |work| {
        let call = async move { sync_to_async(move |()| work.run())(()).await };
        match kind {
            "stream" => {
                let steps = futures_util::stream::once(async move { call.await.map(|()| "chunk") });
                return stream_with_context(Body::from_stream(steps));
            }
            "copy" => drop(create_task(copy_current_request_context(call))),
            _ => drop(create_task(copied_request_context().run(call))),
        }
        Body::from("started")
    });
}

/// Conversations whose handlers block leave the workers to the views, whether the handler is sync or what it calls.
#[cfg(feature = "websocket")]
#[rstest]
fn a_blocking_conversation_holds_no_worker(#[values(true, false)] sync: bool) {
    let (mut app, (open, work)) = (app_with_two_workers(), LongWork::new());
    let notes = work.notes.clone();
    if sync {
        app.websocket("/talk", move || work.run());
    } else {
        app.websocket("/talk", move || {
            let work = work.clone();
            async move { sync_to_async(move |()| work.run())(()).await }
        });
    }
    let server = Server::start(app);
    let clients: Vec<_> = (0..3).map(|_| begin_talk(&server)).collect();
    notes.wait_for(3);
    assert!(server.get("/sync").ends_with("served"));
    drop(clients);
    assert!(server.get("/sync").ends_with("served"));
    drop(open);
}

#[cfg(feature = "websocket")]
fn begin_talk(server: &Server) -> TcpStream {
    let mut client = server.connect();
    let handshake = "GET /talk HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(handshake.as_bytes()).unwrap();
    client
}

/// The number of iterators' steps at a time is bounded; a stream beyond it waits, and goes on when a thread is free.
#[test]
fn streams_beyond_the_limit_wait() {
    let (mut app, (open, work)) = (app_with_two_workers(), LongWork::new());
    app.config.stream_workers = 1;
    let notes = work.notes.clone();
    app.route("/blocked", move || {
        let work = work.clone();
        EventStream::from_iterator(std::iter::once(()).map(move |()| {
            work.run();
            Event::new("done")
        }))
    });
    app.route("/short", || Body::from_iterator(["short"]));
    let server = Server::start(app);
    let blocked = server.begin("/blocked");
    notes.wait_for(1);
    let mut waiting = server.begin("/short");
    let mut head = [0; 12];
    waiting.read_exact(&mut head).unwrap();
    assert!(server.get("/sync").ends_with("served"));
    drop(open);
    assert!(read_all(waiting).contains("short") && read_all(blocked).contains("data: done"));
}

/// A bridge that notes the labels of its jobs.
struct Labelled {
    threads: Threads,
    notes: Notes,
}

impl Bridge for Labelled {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.notes.note(job.label().map_or("no label", |label| label));
        self.threads.run(job)
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        self.threads.wait(future);
    }

    fn is_event_loop(&self) -> bool {
        self.threads.is_event_loop()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.threads.spawn(task);
    }
}

/// A bridge of the app's own runs all jobs, and can tell those that may last.
#[test]
fn a_job_that_may_last_has_a_label() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.set_bridge(Labelled { threads: Threads::new(1), notes: notes.clone() });
    app.config.threads = None;
    app.route("/", || Body::from_iterator(["one"]));
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "one");
    assert_eq!(notes.all(), ["no label", "the body of / [GET]", "the body of / [GET]"]);
}

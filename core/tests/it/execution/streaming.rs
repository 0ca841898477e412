//! Streamed bodies, whose chunks are produced while the response is sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use costrel::{
    App, Body, Error, Event, EventStream, IntoResponse, IntoView, Response, View, current_app, g, has_request_context,
    request, session, stream_with_context,
};
use futures_util::{StreamExt, stream};
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::DEADLINE;
use crate::support::notes::{NoteOnDrop, Notes};
use crate::support::server::{Server, read_all};

/// Builds a body of the chunks that `chunk` makes of 0, 1 and 2, from an iterator or a stream.
fn three(iterator: bool, chunk: impl FnMut(i32) -> Result<String, Error> + Send + 'static) -> Body {
    if iterator { Body::from_iterator((0..3).map(chunk)) } else { Body::from_stream(stream::iter(0..3).map(chunk)) }
}

/// Builds a view of the given colour that returns the body that `body` makes.
fn view(sync: bool, body: impl Fn() -> Body + Clone + Send + Sync + 'static) -> View {
    if sync {
        return body.into_view();
    }
    (move || {
        let body = body.clone();
        async move { body() }
    })
    .into_view()
}

#[rstest]
fn chunks_are_sent_without_a_length(#[values(true, false)] iterator: bool, #[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let body = move || three(iterator, |n| Ok(format!("{n};")));
    app.route("/", view(sync, body));
    app.route("/tuple", move || (body(), 201, [("x-kind", "stream")]));
    let server = Server::start(app);
    let answer = server.get("/");
    assert!(answer.contains("transfer-encoding: chunked") && !answer.contains("content-length"), "{answer}");
    assert!(answer.contains("\r\n2\r\n0;\r\n2\r\n1;\r\n2\r\n2;\r\n0\r\n"), "{answer}");
    let answer = server.get("/tuple");
    assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("x-kind: stream"), "{answer}");
}

fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

/// The first chunk is sent before the second is produced.
#[rstest]
fn a_chunk_leaves_before_the_next_is_made(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let (open, gate) = mpsc::channel::<()>();
    let permits = Arc::new(Semaphore::new(0));
    if sync {
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        app.route("/", move || {
            let gate = gate.clone();
            Body::from_iterator((0..2).map(move |n| {
                if n == 1 {
                    gate.lock().recv_timeout(DEADLINE).unwrap();
                }
                format!("chunk {n}")
            }))
        });
    } else {
        let permits = permits.clone();
        app.route("/", move || {
            let permits = permits.clone();
            async move {
                Body::from_stream(stream::iter(0..2).then(move |n| {
                    let permits = permits.clone();
                    async move {
                        if n == 1 {
                            permits.acquire().await.unwrap().forget();
                        }
                        format!("chunk {n}")
                    }
                }))
            }
        });
    }
    let server = Server::start(app);
    let mut client = server.begin("/");
    read_until(&mut client, "chunk 0");
    open.send(()).unwrap();
    permits.add_permits(1);
    assert!(read_all(client).contains("chunk 1"));
}

#[rstest]
fn the_request_is_there_if_it_was_asked_to_stay(
    #[values(true, false)] iterator: bool,
    #[values(true, false)] sync: bool,
    #[values(true, false)] kept: bool,
) {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    app.before_request(|| g().set("seen", 7));
    app.route(
        "/",
        view(sync, move || {
            session().set("user", "ada").unwrap();
            let body = three(iterator, |n| {
                if !has_request_context() {
                    return Ok(format!("{n} nothing;"));
                }
                let user = session().get::<String>("user").unwrap_or_default();
                Ok(format!("{n} {} {user} {};", request().path(), g().get::<i32>("seen").unwrap_or_default()))
            });
            if kept { stream_with_context(body) } else { body }
        }),
    );
    let text = app.test_client().get("/").wait().unwrap().text();
    let expected = if kept { "0 / ada 7;1 / ada 7;2 / ada 7;" } else { "0 nothing;1 nothing;2 nothing;" };
    assert_eq!(text, expected);
}

/// Teardown runs once, at the end of a stream that keeps its context.
#[rstest]
fn teardown_comes_when_the_stream_has_ended(#[values(true, false)] iterator: bool, #[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (in_view, in_teardown) = (notes.clone(), notes.clone());
    app.teardown_request(move || in_teardown.note("teardown"));
    app.route(
        "/",
        view(sync, move || {
            let notes = in_view.clone();
            stream_with_context(three(iterator, move |n| {
                notes.note(format!("chunk {n}"));
                Ok(String::new())
            }))
        }),
    );
    let client = app.test_client();
    client.get("/").wait().unwrap();
    assert_eq!(notes.wait_for(4), ["chunk 0", "chunk 1", "chunk 2", "teardown"]);
    // The response to a HEAD request drops the stream, which also ends the request.
    client.open(costrel::Method::HEAD, "/").wait().unwrap();
    assert_eq!(notes.wait_for(5)[4], "teardown");
}

struct Endless {
    _dropped: NoteOnDrop,
}

impl Iterator for Endless {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some(".".repeat(1_000))
    }
}

/// When a client disconnects in mid-stream, its source is dropped where its destructor may block, and teardown
/// runs once.
#[rstest]
fn a_client_that_leaves_ends_the_stream_once(#[values(true, false)] iterator: bool, #[values(true, false)] kept: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (in_view, in_teardown) = (notes.clone(), notes.clone());
    app.teardown_request(move || in_teardown.note("teardown"));
    app.route("/", move || {
        let endless = Endless { _dropped: in_view.on_drop("dropped") };
        let body = if iterator { Body::from_iterator(endless) } else { Body::from_stream(stream::iter(endless)) };
        if kept { stream_with_context(body) } else { body }
    });
    let server = Server::start(app);
    let mut client = server.begin("/");
    read_until(&mut client, "....");
    drop(client);
    let mut notes = notes.wait_for(2);
    notes.sort();
    assert_eq!(notes, ["dropped", "teardown"]);
}

/// The iterator of a stream that keeps its request is dropped with the request around it, and before teardown, wherever
/// its client leaves it: between two steps, or in one.
#[rstest]
fn a_client_that_leaves_ends_the_iterator_before_its_teardown(
    #[values(true, false)] in_a_step: bool,
    #[values(true, false)] sync: bool,
) {
    struct NotesRequest(Notes);

    impl Drop for NotesRequest {
        fn drop(&mut self) {
            let path = if has_request_context() { request().path().to_owned() } else { "no request".to_owned() };
            self.0.note(format!("dropped at {path}"));
        }
    }

    let (mut app, notes) = (App::new("test"), Notes::default());
    let (in_view, in_teardown) = (notes.clone(), notes.clone());
    app.teardown_request(move || in_teardown.note("teardown"));
    app.route(
        "/path",
        view(sync, move || {
            let guard = NotesRequest(in_view.clone());
            let mut steps = 0;
            stream_with_context(Body::from_iterator(std::iter::from_fn(move || {
                let _held = &guard;
                steps += 1;
                if in_a_step && steps == 2 {
                    // Ends when the client leaves.
                    let _cancelled = costrel::async_to_sync(|()| std::future::pending::<Result<(), Error>>())(());
                }
                Some("chunk ".repeat(1_000))
            })))
        }),
    );
    let server = Server::start(app);
    drop(read_until(&mut server.begin("/path"), "chunk"));
    assert_eq!(notes.wait_for(2), ["dropped at /path", "teardown"]);
}

/// A stream that has no end of its own ends well when the server shuts down, so that neither has to wait.
#[rstest]
#[case::events(|| EventStream::new(stream::pending::<Event>()).into_response())]
#[case::events_of_an_iterator(|| EventStream::from_iterator(std::iter::from_fn(waits_for_ever)).into_response())]
#[case::events_by_their_type(|| {
    let body = Body::from_stream(stream::pending::<String>());
    (body, [("content-type", "text/event-stream; charset=utf-8")]).into_response()
})]
#[case::marked(|| Body::from_stream(stream::pending::<String>()).until_shutdown().into_response())]
#[case::marked_iterator(|| Body::from_iterator(std::iter::from_fn(waits_for_ever)).until_shutdown().into_response())]
#[case::marked_then_kept(|| {
    stream_with_context(Body::from_stream(stream::pending::<String>()).until_shutdown()).into_response()
})]
#[case::marked_and_kept(|| {
    stream_with_context(Body::from_stream(stream::pending::<String>())).until_shutdown().into_response()
})]
fn an_endless_stream_ends_at_shutdown(
    #[values(true, false)] sync: bool,
    #[case] answer: fn() -> Result<Response, Error>,
) {
    let mut app = App::new("test");
    if sync {
        app.route("/", answer);
    } else {
        app.route("/", move || std::future::ready(answer()));
    }
    let mut server = Server::start(app);
    let mut client = server.begin("/");
    read_until(&mut client, "\r\n\r\n");
    // The timeout for requests in flight is longer than this waits.
    server.stop().unwrap();
    assert!(read_all(client).ends_with("0\r\n\r\n"));
}

/// Waits as an iterator does whose next item never comes, until its stream is dropped.
fn waits_for_ever() -> Option<&'static str> {
    costrel::async_to_sync(|()| std::future::pending())(()).ok()
}

/// Code of either colour can wait for the shutdown, and end in its own way.
#[rstest]
fn the_shutdown_can_be_waited_for(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (in_sync, in_async) = (notes.clone(), notes.clone());
    app.route("/sync", move || {
        in_sync.note(format!("{}", current_app().is_shutting_down()));
        current_app().until_shutdown().wait().map(|()| format!("told {}", current_app().is_shutting_down()))
    });
    app.route("/async", move || {
        in_async.note(format!("{}", current_app().is_shutting_down()));
        async { current_app().until_shutdown().await.map(|()| format!("told {}", current_app().is_shutting_down())) }
    });
    let mut server = Server::start(app);
    let client = server.begin(if sync { "/sync" } else { "/async" });
    assert_eq!(notes.wait_for(1), ["false"]);
    server.stop().unwrap();
    assert!(read_all(client).ends_with("told true"));
}

/// An iterator's destructor may block, as its steps may, so it runs on a worker whether or not the iterator has ended.
#[rstest]
fn an_iterator_is_dropped_on_a_worker(#[values(true, false)] leaves: bool) {
    struct NotesWhere(Notes);

    impl Drop for NotesWhere {
        fn drop(&mut self) {
            self.0.note(thread::current().name().unwrap_or("no name"));
        }
    }

    let (mut app, notes) = (App::new("test"), Notes::default());
    let in_view = notes.clone();
    app.route("/", move || {
        let guard = NotesWhere(in_view.clone());
        let chunks = std::iter::repeat_with(move || {
            let _held = &guard;
            "chunk ".to_owned()
        });
        Body::from_iterator(chunks.take(if leaves { usize::MAX } else { 3 }))
    });
    let server = Server::start(app);
    if leaves {
        drop(read_until(&mut server.begin("/"), "chunk"));
    } else {
        server.get("/");
    }
    assert_eq!(notes.wait_for(1), ["costrel-worker"]);
}

/// An iterator holds no worker between two steps, so the only worker serves others while a client does not read.
#[test]
fn a_client_that_does_not_read_holds_no_worker() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.workers = 1;
    let in_view = notes.clone();
    app.route("/stream", move || Body::from_iterator(Endless { _dropped: in_view.on_drop("dropped") }));
    app.route("/sync", || "served");
    let server = Server::start(app);
    let mut client = server.begin("/stream");
    read_until(&mut client, "\r\n\r\n");
    assert!(server.get("/sync").ends_with("served"));
    drop(client);
    notes.wait_for(1);
}

#[rstest]
fn an_error_on_the_way_ends_the_connection_and_is_logged(
    #[values(true, false)] iterator: bool,
    #[values(true, false)] panics: bool,
) {
    let failing = move |app: &mut App| {
        app.errorhandler(costrel::Exception, || "handled");
        app.route("/", move || {
            three(iterator, move |n| {
                assert!(!(panics && n == 1), "the disk is full");
                if n == 1 { Err(Error::from_boxed("the disk is full".into())) } else { Ok("chunk;".into()) }
            })
        });
    };
    let mut app = App::new("test");
    failing(&mut app);
    let answer = Server::start(app).get("/");
    // A body that fails at once may end the connection before the head of the response is sent.
    assert!(!answer.ends_with("0\r\n\r\n") && !answer.contains("handled"), "{answer}");

    let mut app = App::new("test");
    failing(&mut app);
    let client = app.test_client();
    let log = crate::support::log::log_while(async { assert!(client.get("/").await.is_err()) });
    assert!(log.contains("Exception in the body of / [GET]") && log.contains("the disk is full"), "{log}");
}

#[rstest]
fn events_have_their_fields_and_a_client_says_where_it_was(#[values(true, false)] iterator: bool) {
    let mut app = App::new("test");
    app.route("/", move || {
        let next = request().last_event_id().and_then(|id| id.parse().ok()).map_or(0, |id: i32| id + 1);
        let events = (next..next + 2).map(|n| Event::new(format!("tick {n}")).event("tick").id(&n.to_string()));
        if iterator { EventStream::from_iterator(events) } else { EventStream::new(stream::iter(events)) }
    });
    let client = app.test_client();
    let response = client.get("/").header("last-event-id", "4").wait().unwrap();
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(response.text(), "event: tick\nid: 5\ndata: tick 5\n\nevent: tick\nid: 6\ndata: tick 6\n\n");
}

#[rstest]
#[case(Event::new("one\r\ntwo\rthree"), "data: one\ndata: two\ndata: three\n\n")]
#[case(Event::new("").event("a\nb").comment("c\rd"), "event: a b\n: c d\ndata: \n\n")]
#[case(Event::json(&[1, 2]).unwrap().retry(Duration::from_secs(2)), "retry: 2000\ndata: [1,2]\n\n")]
fn nothing_breaks_out_of_its_field(#[case] event: Event, #[case] expected: &'static str) {
    let mut app = App::new("test");
    app.route("/", move || EventStream::from_iterator([event.clone()]));
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), expected);
}

/// A silent event stream sends a comment at each keep-alive interval.
#[test]
fn silence_is_filled_with_comments() {
    let mut app = App::new("test");
    app.route("/", async || EventStream::new(stream::pending::<Event>()).keep_alive(Duration::from_millis(5)));
    let server = Server::start(app);
    let mut client = server.begin("/");
    read_until(&mut client, ":\n\n\r\n3\r\n:\n\n");
    client.shutdown(std::net::Shutdown::Both).unwrap();
}

/// A thread that the view spawns may feed the stream.
#[test]
fn an_iterator_may_wait_for_another_thread() {
    let mut app = App::new("test");
    app.route("/", || {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || (0..3).for_each(|n| sender.send(n.to_string()).unwrap()));
        Body::from_iterator(receiver)
    });
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert!(read_all(client).ends_with("012"));
}

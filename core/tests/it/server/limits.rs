//! Timeouts and size limits of the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use costrel::{App, Body, IntoView, current_app, request};
use futures_util::future::join_all;
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::notes::Notes;
use crate::support::server::{Server, read_all};
use crate::support::waiting::{in_time, poll_until};
use crate::support::{DEADLINE, LATER};

const SOON: Duration = Duration::from_millis(20);

/// Registers a view that notes its end: a sync view that waits for the gate, or an async view that waits for ever.
fn held(app: &mut App, sync: bool, notes: &Notes) -> mpsc::Sender<()> {
    let (open, gate) = mpsc::channel::<()>();
    let (gate, notes) = (Arc::new(parking_lot::Mutex::new(gate)), notes.clone());
    if sync {
        app.route("/held", move || {
            let _over = notes.on_drop("over");
            let _ = gate.lock().recv_timeout(DEADLINE);
            "let go"
        });
    } else {
        app.route("/held", move || {
            let over = notes.on_drop("over");
            async move {
                let _over = over;
                std::future::pending::<&'static str>().await
            }
        });
    }
    open
}

/// A view that times out is a 504, and an async view is dropped; error handlers, hooks and teardown run as usual.
#[rstest]
fn a_view_that_takes_too_long_is_a_504(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    // A worker is to begin the sync view within this time.
    app.config.server.request_timeout = Some(if sync { LATER } else { SOON });
    // Where each request holds a thread, sync code blocks that thread, so no response can be sent before it is done.
    app.config.threads = app.config.threads.filter(|_| !sync);
    let open = held(&mut app, sync, &notes);
    let teardown = notes.clone();
    app.teardown_request(move || teardown.note("teardown"));
    app.errorhandler(504, async || ("too late", 504));
    let response = app.test_client().get("/held").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (504, "too late"));
    drop(open);
    assert_eq!(notes.wait_for(2), ["over", "teardown"]);
}

/// A body that times out is a 408, and no worker waits for it.
#[rstest]
fn a_body_that_takes_too_long_is_a_408(#[values("/sync", "/async", "/form")] path: &str) {
    let mut app = App::new("test");
    app.config.workers = 1;
    app.config.server.body_timeout = Some(SOON);
    app.post("/sync", || request().get_data().wait());
    app.post("/async", async || request().get_data().await);
    app.post("/form", async || request().form().await.map(|_| ""));
    let server = Server::start(app);
    let mut stream = server.connect();
    let kind = "multipart/form-data; boundary=x";
    write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\n--x").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[rstest]
#[case::half_a_head(b"GET / HTTP/1.1\r\nHo")]
#[case::nothing_at_all(b"")]
#[case::half_a_word(b"G")]
fn a_client_that_says_too_little_is_left(#[case] said: &[u8]) {
    let mut app = App::new("test");
    (app.config.server.header_read_timeout, app.config.server.keep_alive_timeout) = (SOON, SOON);
    let server = Server::start(app);
    let mut stream = server.connect();
    stream.write_all(said).unwrap();
    assert_eq!(read_all(stream), "");
}

/// The timeouts for a head and between requests do not count the time that a view takes.
#[test]
fn the_time_for_a_head_and_between_requests_is_not_that_of_the_view() {
    let mut app = App::new("test");
    (app.config.server.header_read_timeout, app.config.server.keep_alive_timeout) = (LATER, LATER);
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Notes::default());
    let (opens, begins) = (gate.clone(), begun.clone());
    app.route("/", move || {
        let (gate, begun) = (opens.clone(), begins.clone());
        async move {
            begun.note("begun");
            gate.acquire().await.unwrap().forget();
            "slow"
        }
    });
    let server = Server::start(app);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    begun.wait_for(1);
    // A silent connection is closed after the timeout; the connection with the slow view is not.
    assert_eq!(read_all(server.connect()), "");
    gate.add_permits(1);
    // The connection is kept open for another request, and closed when none comes.
    assert!(read_all(stream).ends_with("slow"));
}

/// A client that reads nothing of its response for too long is disconnected, and its stream is dropped.
#[rstest]
fn a_client_that_takes_nothing_is_left(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.response_timeout = Some(SOON);
    let in_view = notes.clone();
    let body = move || {
        let dropped = in_view.on_drop("dropped");
        let chunks = std::iter::repeat_with(move || {
            let _held = &dropped;
            ".".repeat(100_000)
        });
        if sync { Body::from_iterator(chunks) } else { Body::from_stream(futures_util::stream::iter(chunks)) }
    };
    app.route("/", body.into_view());
    let server = Server::start(app);
    let _client = server.begin("/");
    assert_eq!(notes.wait_for(1), ["dropped"]);
}

#[rstest]
#[case::many_headers(|app: &mut App| app.config.server.max_headers = 5)]
#[case::large_head(|app: &mut App| app.config.server.max_header_size = 8 << 10)]
fn a_head_that_is_too_much_is_a_431(#[case] limit: fn(&mut App)) {
    let mut app = App::new("test");
    limit(&mut app);
    app.route("/", async || "fine");
    let server = Server::start(app);
    let mut stream = server.connect();
    let headers = format!("X-Long: {}\r\n", ".".repeat(4_000)).repeat(8);
    // The server may refuse the head before all of it has been sent.
    let _ = write!(stream, "GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    assert!(server.get("/").ends_with("fine"));
}

/// A request beyond the limit is a 503 at once; a request counts until the body of its response has been sent.
#[test]
fn more_requests_than_may_be_in_flight_are_a_503() {
    let (mut app, gate) = (App::new("test"), Arc::new(Semaphore::new(0)));
    app.config.server.max_concurrent_requests = Some(1);
    let opens = gate.clone();
    app.route("/stream", move || {
        let gate = opens.clone();
        let last = async move {
            gate.acquire().await.unwrap().forget();
            "last"
        };
        Body::from_stream(futures_util::StreamExt::chain(
            futures_util::stream::iter(["first"]),
            futures_util::stream::once(last),
        ))
    });
    app.route("/", async || "fine");
    let server = Server::start(app);
    let mut streaming = server.begin("/stream");
    let mut begun = [0; 12];
    streaming.read_exact(&mut begun).unwrap();
    let refused = server.get("/");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 1"), "{refused}");
    gate.add_permits(1);
    assert!(read_all(streaming).contains("last"));
    assert!(server.get("/").ends_with("fine"));
}

/// A conversation keeps the permits of its handshake, and releases them at its end.
#[test]
fn a_conversation_is_in_flight_until_it_ends() {
    let mut app = App::new("test");
    app.config.server.max_concurrent_requests = Some(1);
    app.websocket("/socket", async || costrel::websocket().receive().await.map(drop));
    app.route("/", async || "fine");
    let server = Server::start(app);
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = server.address;
    let mut socket = event_loop.block_on(in_time(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio_tungstenite::client_async("ws://localhost/socket", stream).await.unwrap().0
    }));
    assert!(server.get("/").starts_with("HTTP/1.1 503"));
    event_loop.block_on(in_time(async {
        use futures_util::{SinkExt, StreamExt};
        socket.send("bye".into()).await.unwrap();
        while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    }));
    poll_until(|| server.get("/").ends_with("fine"));
}

/// A view that times out is dropped, with all it holds, before the error handlers run.
#[test]
fn a_view_that_is_too_slow_lets_go_before_its_handler_runs() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.request_timeout = Some(SOON);
    let (in_view, in_handler) = (notes.clone(), notes.clone());
    app.route("/", move || {
        let dropped = in_view.on_drop("let go");
        async move {
            let _dropped = dropped;
            std::future::pending::<&'static str>().await
        }
    });
    app.errorhandler(504, move || {
        in_handler.note("handled");
        ("late", 504)
    });
    app.config.threads = None;
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "late");
    assert_eq!(notes.all(), ["let go", "handled"]);
}

/// Connections beyond the limit wait until an open one is closed.
#[test]
fn more_connections_than_may_be_open_wait() {
    let mut app = App::new("test");
    app.config.server.max_connections = Some(1);
    app.route("/", async || "fine");
    let server = Server::start(app);
    let mut first = server.connect();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut begun = [0; 12];
    first.read_exact(&mut begun).unwrap();
    let mut second = server.begin("/");
    second.set_read_timeout(Some(SOON)).unwrap();
    assert!(second.read(&mut begun).is_err(), "the server must not accept the second connection yet");
    second.set_read_timeout(None).unwrap();
    drop(first);
    assert!(read_all(second).ends_with("fine"));
}

/// The queue for workers is limited: a request that finds it full gets a 503 with `Retry-After`, and its teardown
/// still runs.
#[rstest]
#[tokio::test]
async fn a_full_queue_for_workers_is_a_503(#[values(true, false)] by_hook: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    (app.config.workers, app.config.max_queued, app.config.threads) = (1, 2, None);
    let (open, gate) = mpsc::channel::<()>();
    let gate = Arc::new(parking_lot::Mutex::new(gate));
    let (begun, teardown) = (notes.clone(), notes.clone());
    let block = move || {
        begun.note("begun");
        gate.lock().recv_timeout(DEADLINE).unwrap();
    };
    if by_hook {
        app.before_request(block);
        app.route("/", async || "done");
    } else {
        app.route("/", move || {
            block();
            "done"
        });
    }
    app.teardown_request(move || teardown.note("teardown"));
    let client = app.test_client();
    let first = tokio::spawn(client.get("/").into_future());
    let waiting = notes.clone();
    tokio::task::spawn_blocking(move || waiting.wait_for(1)).await.unwrap();
    let mut queued: Vec<_> = (0..2).map(|_| Box::pin(client.get("/").into_future())).collect();
    for request in &mut queued {
        assert!(futures_util::poll!(request).is_pending());
    }
    // The sync teardown of the refused request runs after the queued requests, and its response waits for that.
    let mut refused = Box::pin(client.get("/").into_future());
    assert!(futures_util::poll!(&mut refused).is_pending());
    (0..3).for_each(|_| open.send(()).unwrap());
    let refused = refused.await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (503, Some("1")));
    assert_eq!(first.await.unwrap().unwrap().text(), "done");
    assert!(join_all(queued).await.into_iter().all(|answer| answer.unwrap().text() == "done"));
    open.send(()).unwrap();
    assert_eq!(client.get("/").await.unwrap().text(), "done", "the server accepts requests again");
    assert_eq!(notes.all().iter().filter(|note| *note == "teardown").count(), 5);
}

/// Requests that are not done by the end of the drain are cancelled, and their teardown runs.
#[rstest]
fn a_shutdown_has_an_end(#[values(true, false)] streaming: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.shutdown_timeout = SOON;
    let (in_view, teardown, closed) = (notes.clone(), notes.clone(), notes.clone());
    app.teardown_request(move || teardown.note("teardown"));
    // `after_serving` closes what teardown may need.
    app.after_serving(move || closed.note("closed"));
    app.route("/", move || {
        let (begun, over) = (in_view.clone(), in_view.on_drop("over"));
        let never = async move {
            let _over = over;
            begun.note("begun");
            std::future::pending::<&'static str>().await
        };
        async move { if streaming { Body::from_stream(futures_util::stream::once(never)) } else { never.await.into() } }
    });
    let mut server = Server::start(app);
    let client = server.begin("/");
    // A request with a streamed body is torn down when its head has been sent.
    notes.wait_for(if streaming { 2 } else { 1 });
    server.stop().unwrap();
    let mut noted = notes.all();
    assert_eq!(noted.pop().as_deref(), Some("closed"));
    noted.sort();
    assert_eq!(noted, ["begun", "over", "teardown"]);
    drop(client);
}

/// Async code that blocks its thread cannot be cancelled, so shutdown waits for it only until the timeout.
#[test]
fn a_shutdown_does_not_wait_for_async_code_that_blocks() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.shutdown_timeout = SOON;
    let (in_view, closed) = (notes.clone(), notes.clone());
    app.after_serving(move || closed.note("closed"));
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(parking_lot::Mutex::new(held));
    app.route("/", move || {
        let (begun, held) = (in_view.clone(), held.clone());
        async move {
            begun.note("begun");
            let _ = held.lock().recv_timeout(DEADLINE);
            "never sent"
        }
    });
    let mut server = Server::start_on(app, 2);
    let client = server.begin("/");
    notes.wait_for(1);
    server.stop().unwrap();
    assert_eq!(notes.all(), ["begun", "closed"]);
    drop((release, client));
}

/// A client that speaks HTTP/2 with prior knowledge is served on the same port.
#[test]
fn http_2_is_spoken_on_the_same_port() {
    let mut app = App::new("test");
    app.config.trusted_hosts = Some(vec!["shop".into(), "localhost".into()]);
    app.route("/sync/<name>", |name: String| format!("{name} {:?}", request().header("x-a")));
    app.route("/async/<name>", async |name: String| format!("{name} {}", current_app().name()));
    let server = Server::start(app);
    let address = server.address;
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let texts = event_loop.block_on(in_time(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        join_all((0..10).map(|n| {
            let mut sender = sender.clone();
            let colour = if n % 2 == 0 { "sync" } else { "async" };
            let request = costrel::http::Request::get(format!("http://shop/{colour}/{n}")).header("x-a", "1");
            async move {
                let response = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
                assert_eq!(response.version(), costrel::http::Version::HTTP_2);
                let body = Body::new(response.into_body()).collect().await.unwrap();
                String::from_utf8(body.to_vec()).unwrap()
            }
        }))
        .await
    }));
    assert_eq!(texts[..2], ["0 Some(\"1\")", "1 test"]);
    assert_eq!(texts.len(), 10);
    assert!(server.get("/async/x").starts_with("HTTP/1.1 200"));
}

/// A client that leaves ends its request though its body has not been read, however much of it has arrived.
#[rstest]
#[case::whole_and_large("Content-Length: 100000", ".".repeat(100_000))]
#[case::cut_short("Content-Length: 100000", ".".repeat(50))]
#[case::chunked("Transfer-Encoding: chunked", format!("{:x}\r\n{}\r\n", 70_000, ".".repeat(70_000)))]
fn a_client_that_leaves_ends_a_request_with_an_unread_body(#[case] framing: &str, #[case] body: String) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    // With `threads` a body is read before its view begins.
    app.config.threads = None;
    let in_view = notes.clone();
    app.post("/", move || {
        let (begun, over) = (in_view.clone(), in_view.on_drop("over"));
        async move {
            let _over = over;
            begun.note("begun");
            std::future::pending::<&'static str>().await
        }
    });
    let teardown = notes.clone();
    app.teardown_request(move || teardown.note("teardown"));
    let server = Server::start(app);
    let mut client = server.connect();
    write!(client, "POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}").unwrap();
    notes.wait_for(1);
    drop(client);
    assert_eq!(notes.wait_for(3), ["begun", "over", "teardown"]);
}

/// The server keeps nothing of a connection that has ended.
#[test]
fn a_connection_that_is_reset_leaves_nothing_behind() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.threads = app.config.threads.map(|_| 20);
    let in_view = notes.clone();
    app.route("/", move || {
        let (begun, over) = (in_view.clone(), in_view.on_drop("over"));
        async move {
            let _over = over;
            begun.note("begun");
            std::future::pending::<&'static str>().await
        }
    });
    let server = Server::start(app);
    let clients: Vec<TcpStream> = (0..20).map(|_| server.begin("/")).collect();
    notes.wait_for(20);
    drop(clients);
    let seen = notes.wait_for(40);
    assert_eq!(seen.iter().filter(|note| *note == "over").count(), 20);
}

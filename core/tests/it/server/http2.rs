//! HTTP/2 clients that do not take their responses.

use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use costrel::{App, Body, Event, EventStream, IntoResponse, Response, http, request, send_file};
use futures_util::stream;
use h2::client::{Builder, SendRequest};
use rstest::rstest;

use crate::support::notes::Notes;
use crate::support::server::Server;
use crate::support::waiting::{in_time, poll_until};

const SOON: Duration = Duration::from_millis(20);

/// Connects a client that has room for `window` bytes of each response until it takes them.
async fn connect(server: &Server, window: u32) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

async fn get(client: &mut SendRequest<Bytes>, path: &str) -> http::Response<h2::RecvStream> {
    let request = http::Request::get(format!("http://localhost{path}")).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    response.await.unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    event_loop.block_on(in_time(future))
}

fn file(length: usize) -> Result<Response, costrel::Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, vec![b'.'; length]).unwrap();
    // The folder is removed at the end of the view, and the file stays open.
    send_file(path).wait()
}

/// The client has room for the first bytes at most, and takes none of them.
#[rstest]
#[case::whole(|| ".".repeat(1_000_000).into_response())]
#[case::stream(|| Body::from_stream(stream::repeat(".".repeat(100))).into_response())]
#[case::stream_of_large_chunks(|| Body::from_stream(stream::repeat(".".repeat(100_000))).into_response())]
#[case::iterator(|| Body::from_iterator(std::iter::repeat_with(|| ".".repeat(100))).into_response())]
fn a_response_that_its_client_does_not_take_is_reset(
    #[values(true, false)] sync: bool,
    #[values(0, 1, 20_000)] window: u32,
    #[case] answer: fn() -> Result<Response, costrel::Error>,
) {
    let mut app = App::new("test");
    app.config.server.response_timeout = Some(SOON);
    if sync {
        app.route("/", answer);
    } else {
        app.route("/", move || std::future::ready(answer()));
    }
    app.route("/empty", async || ("", 204));
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, window).await;
        let mut response = get(&mut client, "/").await;
        assert_eq!(response.status(), 200);
        let end = loop {
            // What arrives is not taken, so the client gets no more than it has room for.
            match response.body_mut().data().await.unwrap() {
                Ok(_) => {}
                Err(end) => break end,
            }
        };
        assert_eq!(end.reason(), Some(h2::Reason::CANCEL));
        // Only the stream ends, and its connection goes on.
        assert_eq!(get(&mut client, "/empty").await.status(), 204);
    });
    assert!(server.get("/empty").starts_with("HTTP/1.1 204"));
}

/// What is left of a response that fits one frame is kept for the client until its connection is idle for too long,
/// whatever else it sends.
#[test]
fn the_last_bytes_have_the_time_of_an_idle_connection() {
    let mut app = App::new("test");
    app.config.server.keep_alive_timeout = Duration::from_secs(1);
    app.route("/", || "hello, world");
    let server = Server::start(app);
    run(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (client, mut connection) =
            Builder::new().initial_window_size(1).handshake::<_, Bytes>(stream).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let mut response = get(&mut client, "/").await;
        assert_eq!(response.body_mut().data().await.unwrap().unwrap(), "h");
        while pings.ping(h2::Ping::opaque()).await.is_ok() {}
        assert!(response.body_mut().data().await.unwrap().is_err());
        let _ended = connection.await.unwrap();
    });
}

/// A whole body or a file, of which the client has room for nothing.
#[rstest]
#[case::whole("hello, world".len())]
#[case::large(300_000)]
fn a_known_length_that_its_client_does_not_take_is_reset(
    #[values("/file", "/whole")] path: &str,
    #[case] length: usize,
) {
    let mut app = App::new("test");
    app.config.server.response_timeout = Some(SOON);
    app.route("/file", move || file(length));
    app.route("/whole", move || ".".repeat(length));
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, 0).await;
        let mut response = get(&mut client, path).await;
        assert_eq!(response.headers()["content-length"], length.to_string());
        let end = response.body_mut().data().await.unwrap().unwrap_err();
        assert_eq!(end.reason(), Some(h2::Reason::CANCEL));
    });
}

/// The source of a stream is dropped with it.
#[rstest]
fn a_stream_that_is_reset_ends_its_source(#[values(true, false)] iterator: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.response_timeout = Some(SOON);
    let in_view = notes.clone();
    app.route("/", move || {
        let held = in_view.on_drop("dropped");
        let chunks = std::iter::repeat_with(move || {
            let _held = &held;
            "chunk"
        });
        if iterator { Body::from_iterator(chunks) } else { Body::from_stream(stream::iter(chunks)) }
    });
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, 0).await;
        let _response = get(&mut client, "/").await;
        notes.reached(1).await;
    });
}

/// A silent stream has no clock, because its client has nothing to take.
#[test]
fn a_stream_that_is_silent_is_not_reset() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.response_timeout = Some(SOON);
    let in_view = notes.clone();
    app.route("/silent", move || {
        let held = in_view.on_drop("dropped");
        EventStream::new(stream::poll_fn(move |_| {
            let _held = &held;
            std::task::Poll::<Option<Event>>::Pending
        }))
    });
    app.route("/", || "hello, world");
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, 0).await;
        let _silent = get(&mut client, "/silent").await;
        let mut response = get(&mut client, "/").await;
        assert!(response.body_mut().data().await.unwrap().is_err());
        assert!(notes.all().is_empty());
    });
}

/// A whole body that is larger than the client's window arrives as it is.
#[rstest]
#[case::bytes(1, 300)]
#[case::small(1_000, 30_000)]
#[case::default(65_535, 200_000)]
fn a_client_that_takes_its_response_gets_all_of_it(#[case] window: u32, #[case] size: usize) {
    let mut app = App::new("test");
    let text: String = (0..size).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
    let expected = text.clone();
    app.route("/", move || text.clone());
    let server = Server::start(app);
    let (length, body) = run(async {
        let mut client = connect(&server, window).await;
        let mut response = get(&mut client, "/").await;
        let (length, mut body) = (response.headers()["content-length"].clone(), Vec::new());
        while let Some(data) = response.body_mut().data().await {
            let data = data.unwrap();
            response.body_mut().flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        (length, body)
    });
    assert_eq!((length.to_str().unwrap(), body), (&*size.to_string(), expected.into_bytes()));
}

/// Responses that their clients do not take count as requests in flight for a second only, so others are served.
#[rstest]
fn clients_that_take_nothing_do_not_keep_others_out(#[values(true, false)] http2: bool) {
    let mut app = App::new("test");
    app.config.server.max_concurrent_requests = Some(4);
    app.route("/", || Body::from_stream(stream::repeat(".".repeat(100_000))));
    app.route("/short", async || "served");
    let server = Server::start(app);
    let event_loop = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut held = Vec::new();
    let mut reading = Vec::new();
    let began = Instant::now();
    if http2 {
        held = event_loop.block_on(in_time(async {
            let mut client = connect(&server, 0).await;
            let mut responses = Vec::new();
            for _ in 0..4 {
                responses.push(get(&mut client, "/").await);
            }
            responses
        }));
    } else {
        for _ in 0..4 {
            let mut client = server.begin("/");
            client.read_exact(&mut [0; 12]).unwrap();
            reading.push(client);
        }
    }
    let answer = server.get("/short");
    assert!(answer.starts_with("HTTP/1.1 503") || began.elapsed() > Duration::from_millis(900), "{answer}");
    poll_until(|| server.get("/short").ends_with("served"));
    drop((held, reading));
}

/// An event stream over HTTP/2 ends well when the server shuts down.
#[test]
fn an_event_stream_ends_at_shutdown() {
    let mut app = App::new("test");
    app.route("/", || EventStream::new(stream::pending::<Event>()));
    let mut server = Server::start(app);
    run(async {
        let mut client = connect(&server, 65_535).await;
        let mut response = get(&mut client, "/").await;
        server.begin_to_stop();
        while let Some(data) = response.body_mut().data().await {
            assert_eq!(data.unwrap(), "");
        }
    });
    server.end().unwrap();
}

/// A client that is still sending gets its response, and may send on: its stream is not reset, and its connection goes on.
#[rstest]
#[case::not_read("/early/async", 200)]
#[case::not_read_sync("/early/sync", 200)]
#[case::too_long("/read", 413)]
#[case::missing("/missing", 404)]
fn a_client_that_is_still_sending_is_not_reset(#[case] path: &str, #[case] status: u16) {
    const CHUNK: usize = 50_000;
    let mut app = App::new("test");
    app.config.max_content_length = Some(1_000);
    app.post("/early/sync", || "early");
    app.post("/early/async", async || "early");
    app.post("/read", async || request().get_data().await);
    app.route("/", || "next");
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, 1 << 16).await;
        let uri = format!("http://localhost{path}");
        let head = http::Request::post(uri).header("content-length", 6 * CHUNK).body(()).unwrap();
        let (response, mut body) = client.send_request(head, false).unwrap();
        assert_eq!(response.await.unwrap().status(), status);
        for left in (0..6).rev() {
            body.reserve_capacity(CHUNK);
            while body.capacity() < CHUNK {
                std::future::poll_fn(|context| body.poll_capacity(context)).await.unwrap().unwrap();
            }
            body.send_data(vec![b'.'; CHUNK].into(), left == 0).unwrap();
        }
        assert_eq!(get(&mut client, "/").await.status(), 200);
    });
}

/// The refusal of a HEAD request has no body.
#[test]
fn a_head_request_that_is_one_too_many_gets_no_body() {
    let mut app = App::new("test");
    app.config.server.max_concurrent_requests = Some(1);
    app.route("/", || Body::from_stream(stream::repeat(".".repeat(100_000))));
    let server = Server::start(app);
    run(async {
        let mut client = connect(&server, 0).await;
        let _held = get(&mut client, "/").await;
        let head = http::Request::head("http://localhost/").body(()).unwrap();
        let (response, _) = client.send_request(head, true).unwrap();
        let mut response = response.await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().is_end_stream()), (503, true));
        assert!(response.body_mut().data().await.is_none());
    });
}

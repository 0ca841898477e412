//! The log of the server: one line for each answer, of the app or the server, and none that a client has forged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use costrel::{App, Error, async_to_sync, current_app, http, request};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::support::log::log_while;
use crate::support::waiting::in_time;

/// Serves `app` for as long as `client` talks to it, on this thread; returns the log.
fn log_of_server<F: Future<Output = ()>>(app: App, client: impl FnOnce(TcpStream) -> F) -> String {
    log_while(in_time(async {
        let application = app.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });
        client(stream).await;
        // A connection that ends has written its lines.
        drop(stop);
        server.await.unwrap().unwrap();
    }))
}

fn status_lines(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("status=")).collect()
}

fn app() -> App {
    let mut app = App::new("test");
    app.config.max_content_length = Some(4);
    app.config.server.body_timeout = Some(Duration::from_millis(20));
    app.post("/sync", || request().get_data().wait());
    app.post("/async", async || request().get_data().await);
    app
}

const LONG: usize = 200_000;

#[rstest]
#[case::view("POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", 200)]
#[case::missing("GET /missing HTTP/1.1\r\nHost: a\r\n\r\n", 404)]
#[case::wrong_method("GET /sync HTTP/1.1\r\nHost: a\r\n\r\n", 405)]
#[case::no_host("GET / HTTP/1.1\r\n\r\n", 400)]
#[case::bare_line_feed("GET / HTTP/1.1\nHost: a\r\n\r\n", 400)]
#[case::no_http("what is this\r\n\r\n", 400)]
#[case::bad_chunk("POST /async HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello", 400)]
#[case::slow_body("POST /async HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", 408)]
#[case::slow_body_sync("POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", 408)]
#[case::long_body("POST /async HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 413)]
#[case::long_body_sync("POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 413)]
#[case::long_target("GET /LONG HTTP/1.1\r\nHost: a\r\n\r\n", 414)]
#[case::expectation("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417)]
#[case::handshake(
    "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 9\r\n\r\n",
    426
)]
#[case::long_head("GET / HTTP/1.1\r\nHost: a\r\nX-Long: LONG\r\n\r\n", 431)]
#[case::connect("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501)]
fn every_answer_has_one_line(#[case] sent: &str, #[case] status: u16) {
    let mut app = app();
    app.websocket("/socket", async || costrel::websocket().receive().await.map(drop));
    // A target over 65,534 bytes has its own answer only where the head may be that long.
    app.config.server.max_header_size = if status == 414 { 2 * LONG } else { 64 << 10 };
    let sent = sent.replace("LONG", &"a".repeat(if status == 414 { 70_000 } else { LONG }));
    let log = log_of_server(app, |mut stream| async move {
        // The server may refuse a long head before all of it has been sent.
        let _ = stream.write_all(sent.as_bytes()).await;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&begin), format!("HTTP/1.1 {status}"));
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains(&format!("status={status}")), "{log}");
}

/// A client of HTTP/2, which sends `request` with `body`, and the end of that if it `ends`. Returns the response, whose body
/// it has read.
async fn over_http2(stream: TcpStream, request: http::Request<()>, body: &str, ends: bool) -> http::Response<()> {
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let has_body = !body.is_empty() || !ends;
    let (response, mut sending) = client.send_request(request, !has_body).unwrap();
    if has_body {
        sending.send_data(Bytes::copy_from_slice(body.as_bytes()), ends).unwrap();
    }
    let (head, mut body) = response.await.unwrap().into_parts();
    while let Some(Ok(part)) = body.data().await {
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    http::Response::from_parts(head, ())
}

#[rstest]
#[case::view("POST", "/sync", ("ok", true), 200)]
#[case::view_async("POST", "/async", ("ok", true), 200)]
#[case::missing("GET", "/missing", ("", true), 404)]
#[case::wrong_method("GET", "/sync", ("", true), 405)]
#[case::slow_body("POST", "/async", ("", false), 408)]
#[case::slow_body_sync("POST", "/sync", ("", false), 408)]
#[case::long_body("POST", "/async", ("hello", true), 413)]
#[case::long_body_sync("POST", "/sync", ("hello", true), 413)]
#[case::expectation("GET", "/expects", ("", true), 417)]
fn every_answer_of_http2_has_one_line(
    #[case] method: &'static str,
    #[case] path: &'static str,
    #[case] (body, ends): (&'static str, bool),
    #[case] status: u16,
) {
    let log = log_of_server(app(), |stream| async move {
        let request = http::Request::builder().method(method).uri(format!("http://a{path}"));
        let request = if status == 417 { request.header("expect", "more") } else { request };
        assert_eq!(over_http2(stream, request.body(()).unwrap(), body, ends).await.status(), status);
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains(&format!("{method} {path} {status} status={status}")), "{log}");
}

/// A head that is too large over HTTP/2 reaches no service: the library answers, and the line is written all the same, also
/// where others are served on the connection.
#[test]
fn each_head_of_http2_that_is_too_large_has_one_line() {
    let log = log_of_server(app(), |stream| async move {
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        for (length, status) in [(70_000, 431), (1, 404), (90_000, 431), (2, 404), (100_000, 431)] {
            let request = http::Request::get("http://a/missing").header("x-long", "a".repeat(length));
            let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
            assert_eq!(response.await.unwrap().status(), status);
        }
    });
    let statuses: Vec<_> = status_lines(&log).into_iter().map(|line| line.contains("status=431 peer=")).collect();
    assert_eq!(statuses, [true, false, true, false, true], "{log}");
}

/// A request that the server does not let in has its line, and its response is seen by the functions that see every
/// response, on any path: a browser's code can read a 503 by them alone.
#[rstest]
#[case::beyond_the_limit("/sync?a=1", "100-continue", 503)]
#[case::beyond_the_limit_and_missing("/missing", "100-continue", 503)]
#[case::odd_expectation("/async", "more", 417)]
fn a_request_that_is_not_let_in_has_one_line_and_the_apps_headers(
    #[values(true, false)] http2: bool,
    #[case] path: &'static str,
    #[case] expectation: &'static str,
    #[case] status: u16,
) {
    let mut app = app();
    app.before_request(|| Some(("no step runs", 200)));
    app.on_response(|request, response| {
        let seen = format!("{} {}", request.path(), current_app().name());
        response.headers_mut().insert("x-seen", seen.parse().unwrap());
    });
    app.config.server.max_concurrent_requests = Some(0);
    let log = log_of_server(app, |mut stream| async move {
        let seen = format!("{} test", path.split('?').next().unwrap());
        if http2 {
            let request = http::Request::get(format!("http://a{path}")).header("expect", expectation);
            let response = over_http2(stream, request.body(()).unwrap(), "", true).await;
            assert_eq!(
                (response.status().as_u16(), response.headers()["x-seen"].as_bytes()),
                (status, seen.as_bytes())
            );
            return;
        }
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nExpect: {expectation}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains(&format!("x-seen: {seen}\r\n")), "{answer}");
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains(&format!("GET {path} {status} status={status}")), "{log}");
}

/// A request whose client left has a line, too, whatever it was doing.
#[rstest]
fn a_client_that_left_has_one_line(#[values("/sync", "/async")] path: &str, #[values(true, false)] http2: bool) {
    let mut app = App::new("test");
    let (begun, over) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (in_view, in_teardown) = (begun.clone(), over.clone());
    let waiting = move |()| {
        in_view.add_permits(1);
        std::future::pending::<&'static str>()
    };
    let waiting_too = waiting.clone();
    // Where each request holds a thread, sync code that waits is told, so that its line is that of its error.
    app.config.threads = app.config.threads.filter(|_| path == "/async");
    app.route("/sync", move || async_to_sync(waiting.clone())(()));
    app.route("/async", move || waiting_too(()));
    app.teardown_request(move || in_teardown.add_permits(1));
    let log = log_of_server(app, |mut stream| async move {
        if http2 {
            let request = http::Request::get(format!("http://a{path}")).body(()).unwrap();
            tokio::select! {
                _ = over_http2(stream, request, "", true) => panic!("the view never answers"),
                begun = begun.acquire() => begun.unwrap().forget(),
            }
        } else {
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
            begun.acquire().await.unwrap().forget();
            drop(stream);
        }
        over.acquire().await.unwrap().forget();
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains(&format!("GET {path} 499 cancelled status=499")), "{log}");
}

/// A conversation whose client leaves was answered: its line has the handshake's status.
#[rstest]
fn a_conversation_that_its_client_leaves_has_one_line(#[values("/sync", "/async")] path: &str) {
    let (mut app, over) = (App::new("test"), Arc::new(Semaphore::new(0)));
    app.websocket("/sync", || costrel::websocket().receive().wait().map(drop));
    app.websocket("/async", async || costrel::websocket().receive().await.map(drop));
    let in_teardown = over.clone();
    app.teardown_websocket(move || in_teardown.add_permits(1));
    let log = log_of_server(app, |mut stream| async move {
        let head = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        stream.write_all(format!("GET {path} {head}\r\n{key}\r\n\r\n").as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        drop(stream);
        over.acquire().await.unwrap().forget();
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains(&format!("GET {path} 101 status=101")), "{log}");
}

/// Line ends in a path, quoted or not, begin no line in the log, wherever the path's text goes.
#[rstest]
fn a_client_forges_no_line(
    #[values("error", "panic", "note")] what: &str,
    #[values("sync", "async")] colour: &str,
    #[values("%0d%0a", "%0a", "%0d", "%1b%5b2K%0a", "%e2%80%a8", "%c2%85")] end: &str,
) {
    let mut app = App::new("test");
    let fails = |what: String, text: String| match what.as_str() {
        "error" => Err::<String, _>(Error::from(std::io::Error::other(text))),
        "panic" => panic!("no {text}"),
        _ => Err(std::io::Error::other("no file").into()),
    };
    app.route("/sync/<what>/<path:text>", fails);
    app.route("/async/<what>/<path:text>", move |what, text| async move { fails(what, text) });
    let log = log_of_server(app, |mut stream| async move {
        let target = format!("/{colour}/{what}/a{end}forged%20line");
        stream
            .write_all(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let ends_line = ['\n', '\r', '\u{1b}', '\u{85}', '\u{2028}'];
    let forged = log.split(ends_line).find(|line| line.starts_with("forged") || line.starts_with("[2K"));
    assert!(log.contains("Exception on /") && forged.is_none(), "{log:?}");
}

//! The log of the server: one line for each answer, of the app or the server, and none that a client has forged.

use std::sync::Arc;
use std::time::Duration;

use costrel::{App, Error, async_to_sync, request};
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

#[test]
fn a_request_beyond_the_limit_has_one_line() {
    let mut app = app();
    app.config.server.max_concurrent_requests = Some(0);
    let log = log_of_server(app, |mut stream| async move {
        stream.write_all(b"GET /sync?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let lines = status_lines(&log);
    assert!(lines.len() == 1 && lines[0].contains("GET /sync?a=1 503 status=503"), "{log}");
}

/// A request whose client left has a line, too, whatever it was doing.
#[rstest]
fn a_client_that_left_has_one_line(#[values("/sync", "/async")] path: &str) {
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
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        begun.acquire().await.unwrap().forget();
        drop(stream);
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

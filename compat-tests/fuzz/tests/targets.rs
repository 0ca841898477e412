//! The targets: each reads what a client or an author wrote.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use costrel::{App, Application, Body, Error, HeaderValue, Response, http, request, send_file, session, websocket};
use costrel_ext_kit::key::remote_address;
use costrel_fuzz::fuzz;
use costrel_limiter::Limiter;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

fn event_loop() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn call(event_loop: &Runtime, app: &Application, request: http::Request<Body>) -> Response {
    let response = event_loop.block_on(async { tokio::time::timeout(Duration::from_secs(5), app.call(request)).await });
    response.expect("the request hangs")
}

/// Fuzzes the value of a header, for an app whose answers must not be errors of the server.
fn fuzz_header(target: &str, header: &str, prefix: &str, words: &[&str], app: App) {
    let (event_loop, app) = (event_loop(), app.build().unwrap());
    fuzz(target, words, |input| {
        let Ok(value) = HeaderValue::from_bytes(&[prefix.as_bytes(), input].concat()) else { return };
        for path in ["/sync", "/async"] {
            let request = http::Request::get(path).header("host", "a").header(header, &value);
            let status = call(&event_loop, &app, request.body(Body::empty()).unwrap()).status();
            assert!(!status.is_server_error(), "{path}: {status}");
        }
    });
}

/// Returns an app that answers with what `look` sees.
fn looking(look: fn() -> Result<String, Error>) -> App {
    let mut app = App::new("fuzz");
    app.config.secret_key = Some("dev".into());
    app.route("/sync", look);
    app.route("/async", move || async move { look() });
    app
}

#[test]
fn cookies() {
    let app = looking(|| Ok(format!("{:?} {:?}", request().cookie("a"), request().cookie("session"))));
    fuzz_header("cookies", "cookie", "", &["a=", "; ", "\"", "=", "session=", "%41", "\\101", ",", "$Version"], app);
}

#[test]
fn sessions() {
    let app = looking(|| {
        let seen = format!("{:?} {}", session().get::<String>("a"), session().len());
        session().set("b", 1).map(|()| seen)
    });
    fuzz_header("sessions", "cookie", "session=", &[".", "e30", "eJw", "-", "_", "=", "\"", ".."], app);
}

#[test]
fn ranges() {
    let mut app = App::new("fuzz");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    app.route("/sync", move || send_file(file).wait());
    app.route("/async", move || async move { send_file(file).await });
    fuzz_header("ranges", "range", "", &["bytes=", "-", ",", "0", "18446744073709551616", "99999", " ", "items="], app);
}

#[test]
fn forwarded() {
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let mut app = looking(|| Ok(format!("{:?} {}", request().remote_addr(), request().url())));
        let fix = &mut app.config.server.proxy_fix;
        (fix.x_for, fix.x_proto, fix.x_host, fix.x_port, fix.forwarded) =
            (1, 1, 1, 1, usize::from(header == "forwarded"));
        let words = [
            "for=",
            "host=",
            "proto=https",
            ";",
            ",",
            "\"",
            "[::1]",
            ":99999",
            "_hidden",
            "unknown",
            "127.0.0.1",
            "\\",
        ];
        fuzz_header("forwarded", header, "", &words, app);
    }
}

/// The answer is the same, however the body is cut, and in either colour.
#[test]
fn multipart() {
    let mut app = App::new("fuzz");
    app.config.max_form_parts = Some(20);
    app.post("/sync", || Ok::<_, Error>(format!("{:?} {:?}", request().form().wait()?, request().files().wait()?)));
    app.post("/async", async || {
        Ok::<_, Error>(format!("{:?} {:?}", request().form().await?, request().files().await?))
    });
    let (event_loop, app) = (event_loop(), app.build().unwrap());
    let post = |path: &str, body: &[u8], size: usize| {
        let chunks: Vec<_> = body.chunks(size).map(|chunk| Ok::<_, Error>(Bytes::copy_from_slice(chunk))).collect();
        let request =
            http::Request::post(path).header("host", "a").header("content-type", "multipart/form-data; boundary=b");
        let response = call(&event_loop, &app, request.body(Body::from_stream(stream::iter(chunks))).unwrap());
        (response.status(), response.into_body().as_bytes().cloned())
    };
    let words =
        ["\r\n", "--b", "--", "\r\n--b\r\n", "Content-Disposition: form-data; ", "name=", "filename=", "\"", "\\", ";"];
    fuzz("multipart", &words, |body| {
        let whole = post("/async", body, body.len().max(1));
        assert!(!whole.0.is_server_error(), "{}", whole.0);
        for (path, size) in [("/sync", body.len().max(1)), ("/async", 1), ("/async", 7), ("/sync", 3)] {
            assert_eq!(post(path, body, size), whole, "{path} in chunks of {size}");
        }
    });
}

#[test]
fn limit_strings() {
    let words = ["1", "/", "per ", "minute", "second", ";", ",", " ", "99999999999999999999", "-", "day", "2 hours"];
    fuzz("limit_strings", &words, |input| {
        let limiter = Limiter::new(remote_address);
        let mut app = App::new("fuzz");
        app.init(&limiter).unwrap();
        app.rule("/").decorate(limiter.limit(&*String::from_utf8_lossy(input))).view(|| "");
        // Wrong ones are set-up errors.
        let _ = app.build();
    });
}

#[test]
fn rule_strings() {
    let event_loop = event_loop();
    let words = [
        "<",
        ">",
        "/",
        ":",
        "int",
        "path",
        "any(a,b)",
        "(",
        ")",
        "=",
        "?",
        "*",
        "//",
        "<a>",
        "<path:p>/x",
        "{",
        "length=2",
    ];
    fuzz("rule_strings", &words, |input| {
        let rule = String::from_utf8_lossy(input);
        let mut app = App::new("fuzz");
        app.rule(&rule).view(|| "");
        let Ok(app) = app.build() else { return };
        for path in ["/", "/a", "/1/x", &*rule] {
            let Ok(request) = http::Request::get(path).header("host", "a").body(Body::empty()) else { continue };
            assert!(!call(&event_loop, &app, request).status().is_server_error(), "{path}");
        }
    });
}

/// A server on its own event loop, for as long as the tests run.
fn server() -> SocketAddr {
    static SERVER: OnceLock<(Runtime, SocketAddr)> = OnceLock::new();
    let (_, address) = SERVER.get_or_init(|| {
        let event_loop = event_loop();
        let mut app = looking(|| Ok(request().url()));
        app.websocket("/talk", async || -> Result<(), Error> {
            loop {
                websocket().send(websocket().receive().await?).await?;
            }
        });
        let (listener, app) = (event_loop.block_on(TcpListener::bind("127.0.0.1:0")).unwrap(), app.build().unwrap());
        let address = listener.local_addr().unwrap();
        event_loop.spawn(async move { app.serve(listener, std::future::pending()).await });
        (event_loop, address)
    });
    *address
}

/// Returns what the server sends for these bytes, which must come to an end.
fn exchange(bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The server may have closed the connection already.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("the server does not close: {error}"),
        _ => received,
    }
}

#[test]
fn request_heads() {
    let words = [
        "GET ",
        "/sync",
        " HTTP/1.1",
        "\r\n",
        "Host: ",
        "Host: a\r\n",
        "Content-Length: ",
        "Transfer-Encoding: chunked",
        ":",
        "\0",
    ];
    fuzz("request_heads", &words, |input| {
        let received = exchange(input);
        assert!(received.is_empty() || received.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&received));
        assert!(!received.starts_with(b"HTTP/1.1 500"));
    });
}

#[test]
fn websocket_frames() {
    let handshake = "GET /talk HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let words = ["\u{1}", "\0\0\0\0", "\u{7f}", "\0\u{4}", "~\0~", "\0\0~~"];
    fuzz("websocket_frames", &words, |input| {
        exchange(&[handshake.as_bytes(), input].concat());
    });
}

//! The core without any of its features serves an app: `cargo test -p costrel --no-default-features --test no_features`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;

use costrel::{App, request, session};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

#[test]
fn an_app_is_served_over_a_socket() {
    let mut app = App::new("minimal");
    app.config.secret_key = Some("only for the test".into());
    app.route("/sync/<name>", |name: String| format!("sync {name}"));
    app.route("/async/<int:n>", async |n: i64| format!("async {n}"));
    app.post("/form", async || request().form().await.map(|form| form.get("name").unwrap_or_default().to_owned()));
    app.route("/session", || session().set("seen", true).map(|()| "kept"));
    let application = app.build().unwrap();

    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = event_loop.spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });

    let ask = |head: &str, body: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(stream, "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("GET /sync/ada HTTP/1.1", "").ends_with("sync ada"));
    assert!(ask("GET /async/7 HTTP/1.1", "").ends_with("async 7"));
    let urlencoded = "POST /form HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    assert!(ask(urlencoded, "name=ada").ends_with("ada"));
    assert!(ask("GET /session HTTP/1.1", "").contains("set-cookie: session="));
    #[cfg(not(feature = "multipart"))]
    assert!(ask("POST /form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b", "--b--").contains(" 415 "));
    drop(stop);
    event_loop.block_on(serving).unwrap().unwrap();
}

/// Half a certificate is not served in plain HTTP either.
#[cfg(not(feature = "tls"))]
#[test]
fn a_certificate_without_tls_is_refused() {
    let set: [fn(&mut App); 2] = [
        |app| app.config.server.certfile = Some("cert.pem".into()),
        |app| app.config.server.keyfile = Some("key.pem".into()),
    ];
    for set in set {
        let mut app = App::new("minimal");
        set(&mut app);
        let application = app.build().unwrap();
        let event_loop = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let error = event_loop.block_on(application.serve(listener, async {})).unwrap_err();
        assert!(error.message().contains("built without its feature `tls`"), "{error}");
        assert!(!error.to_string().contains(".rs:"), "no line of the user's has set it: {error}");
    }
}

/// A feature that was left out says so where it is asked for.
#[cfg(not(any(feature = "websocket", feature = "config-files")))]
#[test]
fn what_was_left_out_is_named() {
    let mut app = App::new("minimal");
    app.websocket("/echo", async || ());
    assert!(app.build().unwrap_err().message().contains("built without its feature `websocket`"));

    let mut app = App::new("minimal");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(app.config.from_file(manifest).unwrap_err().message().contains("built without its feature `config-files`"));
}

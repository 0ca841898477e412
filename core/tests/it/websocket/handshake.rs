//! The handshake of RFC 6455 4.2.1, over a socket.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use costrel::{App, Error, abort, g, request, websocket};
use rstest::rstest;

use crate::support::server::Server;
use crate::support::waiting::poll_until;

const CONNECTION: &str = "Connection: Upgrade";
const UPGRADE: &str = "Upgrade: websocket";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

fn app() -> App {
    let mut app = App::new("test");
    app.websocket("/sync", || websocket().close(1000, "").wait());
    app.websocket("/async", async || websocket().close(1000, "").await);
    app
}

/// Returns the head of the response to a request with this start and these headers.
fn respond(server: &Server, start: &str, headers: &[&str]) -> String {
    let mut stream = server.connect();
    write!(stream, "{start}\r\nHost: localhost\r\n{}\r\n\r\n", headers.join("\r\n")).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[rstest]
#[case::plain(&[CONNECTION, UPGRADE, VERSION, KEY])]
#[case::lists(&["Connection: keep-alive, Upgrade", "Upgrade: h2c, websocket", VERSION, KEY])]
#[case::two_lines(&["Connection: keep-alive", CONNECTION, "Upgrade: h2c", UPGRADE, VERSION, KEY])]
#[case::upper_case(&["CONNECTION: UPGRADE", "UPGRADE: WebSocket", "SEC-WEBSOCKET-VERSION: 13", KEY])]
#[case::empty_body(&[CONNECTION, UPGRADE, VERSION, KEY, "Content-Length: 0"])]
fn a_right_handshake_is_accepted(#[case] headers: &[&str], #[values("/sync", "/async")] path: &str) {
    let server = Server::start(app());
    let response = respond(&server, &format!("GET {path} HTTP/1.1"), headers);
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    // The value of RFC 6455 1.3.
    assert!(response.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{response}");
}

#[rstest]
#[case::no_connection(&[UPGRADE, VERSION, KEY])]
#[case::other_connection(&["Connection: upgraded", UPGRADE, VERSION, KEY])]
#[case::no_version(&[CONNECTION, UPGRADE, KEY])]
#[case::two_versions(&[CONNECTION, UPGRADE, VERSION, VERSION, KEY])]
#[case::no_key(&[CONNECTION, UPGRADE, VERSION])]
#[case::two_keys(&[CONNECTION, UPGRADE, VERSION, KEY, KEY])]
#[case::short_key(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: abc"])]
#[case::fifteen_bytes(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"])]
#[case::seventeen_bytes(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="])]
#[case::eighteen_bytes(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"])]
#[case::no_base64(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: ????????????????????????"])]
#[case::no_padding(&[CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"])]
#[case::a_body(&[CONNECTION, UPGRADE, VERSION, KEY, "Content-Length: 2"])]
#[case::a_chunked_body(&[CONNECTION, UPGRADE, VERSION, KEY, "Transfer-Encoding: chunked"])]
#[case::no_upgrade(&[CONNECTION, VERSION, KEY])]
#[case::other_upgrade(&[CONNECTION, "Upgrade: websockets", VERSION, KEY])]
fn a_wrong_handshake_is_400(#[case] headers: &[&str], #[values("/sync", "/async")] path: &str) {
    let server = Server::start(app());
    let response = respond(&server, &format!("GET {path} HTTP/1.1"), headers);
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[rstest]
#[case("HTTP/1.0", "GET", "400")]
#[case("HTTP/1.1", "HEAD", "400")]
#[case("HTTP/1.1", "PUT", "400")]
fn a_handshake_is_a_get_of_http_1_1(#[case] version: &str, #[case] method: &str, #[case] status: &str) {
    let server = Server::start(app());
    let response = respond(&server, &format!("{method} /async {version}"), &[CONNECTION, UPGRADE, VERSION, KEY]);
    assert_eq!(response.split(' ').nth(1), Some(status), "{response}");
}

#[rstest]
#[case("8")]
#[case("0")]
#[case("14")]
#[case("13, 8")]
#[case("thirteen")]
#[case("013")]
fn another_version_is_426_and_told_which(#[case] version: &str, #[values("/sync", "/async")] path: &str) {
    let server = Server::start(app());
    let version = format!("Sec-WebSocket-Version: {version}");
    let response = respond(&server, &format!("GET {path} HTTP/1.1"), &[CONNECTION, UPGRADE, &version, KEY]);
    assert!(response.starts_with("HTTP/1.1 426 "), "{response}");
    let response = response.to_lowercase();
    for header in ["sec-websocket-version: 13\r\n", "upgrade: websocket\r\n", "connection: upgrade\r\n"] {
        assert!(response.contains(header), "{response}");
    }
}

/// A refused handshake is an ordinary request: hooks and error handlers see it, and the log has a line.
#[rstest]
fn a_refused_handshake_is_answered_by_the_app(#[values(true, false)] sync: bool) {
    let mut app = app();
    let page = |error: Error| (format!("page: {}", error.message()), 400);
    if sync {
        app.errorhandler(400, page);
    } else {
        app.errorhandler(400, move |error: Error| async move { page(error) });
    }
    let client = app.test_client();
    let log = crate::support::log::log_while(async {
        let response = client.get("/async").header("upgrade", "websocket").await.unwrap();
        assert_eq!(response.text(), "page: A WebSocket handshake needs the header `Connection: Upgrade`.");
    });
    assert!(log.contains("GET /async 400"), "{log}");
}

/// What a refused handshake held, such as a connection on `g`, is freed when its request is over.
#[rstest]
#[case::by_a_hook("/sync", 429)]
#[case::by_a_hook_for_async("/async", 429)]
#[case::by_the_handler("/refused/sync", 403)]
#[case::by_the_async_handler("/refused/async", 403)]
fn what_a_refused_handshake_held_is_freed(#[case] path: &str, #[case] status: u16) {
    let held = Arc::new(());
    let (mut app, weak) = (app(), Arc::downgrade(&held));
    let keeps = Mutex::new(Some(held));
    app.before_websocket(move || {
        g().set("held", keeps.lock().unwrap().take());
        if request().path().starts_with("/refused") { Ok(()) } else { abort(429) }
    });
    app.websocket("/refused/sync", || abort::<()>(403));
    app.websocket("/refused/async", async || abort::<()>(403));
    let server = Server::start(app);
    let head = respond(&server, &format!("GET {path} HTTP/1.1"), &[CONNECTION, UPGRADE, VERSION, KEY]);
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    poll_until(|| weak.upgrade().is_none());
}

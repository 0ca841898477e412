//! Malformed requests: each gets an error response or a closed connection, and the server goes on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::OnceLock;
use std::time::Duration;

use costrel::{App, request};

use super::malformed_bytes::{malformed, tolerated};
use crate::support::server::Server;

/// Returns the server that the cases share, with short timeouts.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut app = App::new("test");
        app.config.server.header_read_timeout = Duration::from_secs(1);
        app.config.server.keep_alive_timeout = Duration::from_secs(1);
        app.config.server.body_timeout = Some(Duration::from_secs(1));
        app.rule("/").methods(["GET"]).endpoint("get").view(async || "fine");
        app.rule("/").methods(["POST"]).endpoint("post").view(async || request().get_data().await);
        Server::start(app)
    })
}

/// Sends `bytes`, and reads the response until the server closes the connection.
fn talk(bytes: &[u8], half_close: bool) -> Vec<u8> {
    let mut stream = server().connect();
    // The server may close the connection while we still send; then the write fails and there is no response.
    let _ = stream.write_all(bytes);
    if half_close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn what_is_no_request_is_refused() {
    let cases = malformed();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut accepted = Vec::new();
    for (name, bytes) in cases {
        let answer = talk(&bytes, true);
        let text = String::from_utf8_lossy(&answer);
        let statuses: Vec<_> = text.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)).collect();
        let refused = statuses.iter().all(|status| status.starts_with('4') || matches!(*status, "501" | "505"));
        // 0x88 is `:status: 200` in HPACK.
        let http2_ok = text.is_empty() || !(name.starts_with("h2_") && has_http2_headers(&answer));
        if !refused || !http2_ok {
            accepted.push(format!("{name}: {text:.60}"));
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
    assert!(server().get("/").ends_with("fine"), "the server goes on");
}

/// Whether `answer` contains a HEADERS frame with a 200.
fn has_http2_headers(answer: &[u8]) -> bool {
    let mut rest = answer;
    while let [a, b, c, kind, ..] = *rest {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if kind == 1 && rest.get(9) == Some(&0x88) {
            return true;
        }
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    false
}

#[test]
fn what_is_odd_but_clear_is_answered() {
    for (name, bytes) in tolerated() {
        let answer = talk(&bytes, false);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200") || text.starts_with("HTTP/1.0 200"), "{name}: {text:.200}");
    }
}

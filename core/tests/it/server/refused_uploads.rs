//! Uploads that are answered before they were read: the client gets the answer, and not a reset connection.

use std::io::{Read, Write};
use std::time::Duration;

use costrel::{App, abort, request};
use rstest::rstest;

use crate::support::server::{Server, read_all};

/// An app with views that answer without the body, in both colours.
fn app() -> App {
    let mut app = App::new("test");
    app.config.max_content_length = Some(1_000);
    app.post("/read/sync", || request().get_data().wait());
    app.post("/read/async", async || request().get_data().await);
    app.post("/denied/sync", || abort::<String>(401));
    app.post("/denied/async", async || abort::<String>(401));
    app.post("/early/async", async || "early");
    app
}

/// A client that writes everything before it reads, as Python's `http.client` does.
#[rstest]
#[case::too_long("/read/sync", "", 413)]
#[case::too_long_async("/read/async", "", 413)]
#[case::denied("/denied/sync", "", 401)]
#[case::denied_async("/denied/async", "", 401)]
#[case::missing("/missing", "", 404)]
#[case::expectation("/read/sync", "Expect: the-best\r\n", 417)]
#[case::not_read("/early/async", "", 200)]
fn a_client_that_writes_before_it_reads_gets_the_answer(
    #[case] path: &str,
    #[case] header: &str,
    #[case] status: u16,
    #[values(true, false)] chunked: bool,
) {
    const CHUNK: usize = 1 << 20;
    let server = Server::start(app());
    for _ in 0..5 {
        let mut stream = server.connect();
        let framing =
            if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", 5 * CHUNK) };
        write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}{framing}\r\n\r\n").unwrap();
        for _ in 0..5 {
            if chunked {
                write!(stream, "{CHUNK:x}\r\n").unwrap();
            }
            stream.write_all(&vec![b'.'; CHUNK]).unwrap();
            if chunked {
                write!(stream, "\r\n").unwrap();
            }
        }
        if chunked {
            write!(stream, "0\r\n\r\n").unwrap();
        }
        let answer = read_all(stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

/// A client that never ends its upload is waited for by the limits of lingering, and not for ever.
#[rstest]
fn an_upload_without_an_end_is_not_waited_for_long(
    #[values("/denied/sync", "/denied/async", "/early/async", "/missing")] path: &str,
    #[values("keep-alive", "close")] connection: &str,
) {
    let mut app = app();
    app.config.server.linger_timeout = Duration::from_millis(50);
    let server = Server::start(app);
    let mut stream = server.connect();
    let framing = "Content-Length: 1000000";
    write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n{framing}\r\n\r\n...").unwrap();
    assert!(read_all(stream).starts_with("HTTP/1.1 "));
}

/// A connection goes on after a request whose body was left unread, however its parts arrive.
#[rstest]
#[case::too_long("/read/async", 413)]
#[case::denied("/denied/async", 401)]
#[case::denied_sync("/denied/sync", 401)]
#[case::missing("/missing", 404)]
#[case::not_read("/early/async", 200)]
fn a_connection_goes_on_after_a_body_that_is_not_read(#[case] path: &str, #[case] status: u16) {
    const PART: usize = 60_000;
    let server = Server::start(app());
    let mut stream = server.connect();
    let framing = format!("Content-Length: {}", 3 * PART);
    write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    for _ in 0..3 {
        stream.write_all(&vec![b'.'; PART]).unwrap();
    }
    stream.write_all(b"GET /missing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answers = [String::from_utf8_lossy(&answer).into_owned(), read_all(stream)].concat();
    let found: Vec<u16> = answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect();
    assert_eq!(found, [status, 404], "{answers}");
}

/// Of two requests that arrive at once, only the one that expects too much is refused.
#[rstest]
#[case::the_first("Expect: the-best\r\n", "", [417, 405])]
#[case::the_second("", "Expect: the-best\r\n", [405, 417])]
#[case::in_two_lines("Expect: the-best\r\nExpect: 100-continue\r\n", "", [417, 405])]
#[case::neither("Expect: 100-continue\r\n", "", [405, 405])]
fn an_expectation_is_its_own_requests(#[case] first: &str, #[case] second: &str, #[case] statuses: [u16; 2]) {
    let server = Server::start(app());
    let mut stream = server.connect();
    let requests = [(first, "keep-alive"), (second, "close")].map(|(header, connection)| {
        format!("GET /early/async HTTP/1.1\r\nHost: a\r\n{header}Connection: {connection}\r\n\r\n")
    });
    stream.write_all(requests.concat().as_bytes()).unwrap();
    let answers = read_all(stream);
    let found: Vec<u16> = answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect();
    assert_eq!(found, statuses, "{answers}");
}

/// A bad request is answered too, whatever follows it.
#[test]
fn a_client_that_sends_on_after_a_bad_head_gets_the_answer() {
    let server = Server::start(app());
    for _ in 0..5 {
        let mut stream = server.connect();
        stream.write_all(b"POST /read/sync HTTP/1.1\nHost: a\r\n\r\n").unwrap();
        stream.write_all(&vec![b'.'; 1 << 20]).unwrap();
        assert!(read_all(stream).starts_with("HTTP/1.1 400 "));
    }
}

/// A client that expects a 100 gets it when the body is read.
#[rstest]
fn a_client_is_asked_for_the_body_that_is_read(#[values("/read/sync", "/read/async")] path: &str) {
    let server = Server::start(app());
    let mut stream = server.connect();
    let head = "Host: a\r\nConnection: close\r\nExpect: 100-Continue\r\nContent-Length: 5";
    write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
}

/// A client that expects a 100 gets the refusal in its place, and need not send its body.
#[rstest]
#[case("/read/sync", 413)]
#[case("/read/async", 413)]
#[case("/denied/async", 401)]
#[case("/missing", 404)]
fn a_client_is_not_asked_for_a_body_that_is_refused(#[case] path: &str, #[case] status: u16) {
    let server = Server::start(app());
    let mut stream = server.connect();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && !answer.contains(" 100 "), "{answer}");
}

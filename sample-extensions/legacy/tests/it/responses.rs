//! Responses as the client gets them.

use std::io::Write;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use costrel::{App, Body, Event, EventStream, Response};
use costrel_legacy::legacy;
use rstest::rstest;

use crate::support::{Place, RawOld, Server, front, front_of, get, read_all, read_head, read_until, receive};

#[rstest]
fn headers_for_one_connection_end_at_the_front(
    #[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place,
) {
    let (old, _) = RawOld::answering(
        "HTTP/1.1 201 Made\r\nServer: Werkzeug\r\nDate: Mon, 30 Nov 2026 00:00:00 GMT\r\nConnection: keep-alive, X-Hop\r\n\
         X-Hop: mine\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nUpgrade: h2c\r\nX-Own: 1\r\nX-Own: 2\r\n\
         Content-Length: 3\r\n\r\nold",
    );
    let answer = Server::start(front(place, &legacy(&old.url))).get("/x").to_lowercase();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    lines[1..].sort_unstable();
    let expected = [
        "http/1.1 201 created",
        "connection: close",
        "content-length: 3",
        "date: mon, 30 nov 2026 00:00:00 gmt",
        "server: werkzeug",
        "x-own: 1",
        "x-own: 2",
    ];
    assert_eq!((&lines[..], body), (&expected[..], "old"));
}

#[rstest]
fn a_download_streams(#[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place) {
    let (go_on, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").unwrap();
        receive(&told.lock().unwrap());
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
    });
    let server = Server::start(front(place, &legacy(&old.url)));
    let mut client = server.connect();
    client.write_all(get("/x").as_bytes()).unwrap();
    read_until(&mut client, "one").unwrap();
    go_on.send(()).unwrap();
    assert!(read_all(&mut client).contains("two"));
}

#[rstest]
#[case::head("HEAD", "200 OK\r\nContent-Length: 7\r\nETag: \"a\"", "200 ok\r\ncontent-length: 7\r\netag: \"a\"")]
#[case::no_content("GET", "204 No Content\r\nX-Own: 1", "204 no content\r\nx-own: 1")]
#[case::not_modified("GET", "304 Not Modified\r\nETag: \"a\"", "304 not modified\r\netag: \"a\"")]
fn a_response_without_a_body_has_none(#[case] method: &str, #[case] head: &str, #[case] expected: &str) {
    let (old, _) = RawOld::answering(format!("HTTP/1.1 {head}\r\nDate: x\r\n\r\n"));
    let server = front_of(&old.url);
    for _ in 0..2 {
        let answer = server.exchange(&format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        let lower = answer.to_lowercase();
        assert_eq!(lower.replace("connection: close\r\n", ""), format!("http/1.1 {expected}\r\ndate: x\r\n\r\n"));
    }
}

#[test]
fn server_sent_events_pass_one_by_one_and_end_with_the_client() {
    let (send, ended) = channel();
    let mut old = App::new("old");
    old.teardown_request(move || send.send(()).unwrap_or_default());
    old.route("/events", async || {
        let events = futures_util::stream::unfold(0, |n| async move {
            if n == 2 {
                std::future::pending::<()>().await;
            }
            Some((Event::new(n.to_string()), n + 1))
        });
        EventStream::new(events)
    });
    let old = Server::start(old);
    // The stream is longer silent than any other response may be.
    let quick = legacy(&old.url()).idle_timeout(Duration::from_millis(1));
    let server = Server::start(front(Place::Fallback, &quick));
    let mut client = server.connect();
    client.write_all(get("/events").as_bytes()).unwrap();
    read_until(&mut client, "data: 0\n\n").unwrap();
    read_until(&mut client, "data: 1\n\n").unwrap();
    drop(client);
    receive(&ended);
}

#[test]
fn a_response_that_ends_with_its_connection_is_whole() {
    let old = RawOld::start(|mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nto the end").unwrap();
    });
    assert!(front_of(&old.url).get("/").contains("to the end"));
}

/// Many megabytes pass while neither side holds more than its buffers; the length stays known.
#[test]
fn a_large_body_passes_whole() {
    const MEGABYTES: usize = 64;
    let mut old = App::new("old");
    old.route("/large", async || -> Response {
        let chunks = (0..MEGABYTES).map(|_| vec![b'x'; 1 << 20]);
        Response::new(Body::from_stream(futures_util::stream::iter(chunks)).with_length((MEGABYTES as u64) << 20))
    });
    let old = Server::start(old);
    let answer = front_of(&old.url()).get("/large");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), MEGABYTES << 20);
    assert!(head.to_lowercase().contains(&format!("content-length: {}", MEGABYTES << 20)), "{head}");
}

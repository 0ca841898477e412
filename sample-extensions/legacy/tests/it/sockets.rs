//! WebSockets of the old app.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;

use costrel::{App, Message, websocket};
use costrel_legacy::legacy;
use rstest::rstest;

use crate::support::{Place, RawOld, Server, front, front_of, read_all, read_head, read_until, receive};

const HANDSHAKE: &str = "GET /x/echo HTTP/1.1\r\nHost: front.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                         Sec-WebSocket-Protocol: chat\r\nOrigin: http://front.example\r\n\r\n";

fn echo() -> Server {
    let mut old = App::new("old");
    old.websocket("/x/echo", async || {
        while let Message::Text(text) = websocket().receive().await? {
            websocket().send(format!("old: {text}")).await?;
        }
        Ok::<(), costrel::Error>(())
    });
    Server::start(old)
}

/// A frame of text as a client sends it, with a mask of zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.as_bytes());
    frame
}

fn read_frame(client: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    client.read_exact(&mut head).unwrap();
    let mut payload = vec![0; usize::from(head[1])];
    client.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

#[rstest]
fn messages_pass_both_ways_and_so_does_the_close(
    #[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place,
    #[values(None, Some(4))] threads: Option<usize>,
) {
    let old = echo();
    let mut app = if place == Place::Fallback { front(place, &legacy(&old.url())) } else { App::new("front") };
    if place == Place::BehindSync {
        app.fallback(crate::support::sync_around(costrel::IntoView::into_view(legacy(&old.url()))));
    } else if place == Place::BehindAsync {
        app.fallback(crate::support::async_around(costrel::IntoView::into_view(legacy(&old.url()))));
    }
    app.config.threads = threads;
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let head = read_head(&mut client).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="] {
        assert!(head.contains(line), "{line} in {head}");
    }
    for text in ["one", "two"] {
        client.write_all(&frame(text)).unwrap();
        assert_eq!(read_frame(&mut client), (0x81, format!("old: {text}").into_bytes()));
    }
    client.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).unwrap();
    assert_eq!(read_frame(&mut client), (0x88, vec![0x03, 0xe8]));
    assert_eq!(read_all(&mut client), "");
}

/// A socket of the old app is reached by a rule too, and beside pages of the front on its path.
#[rstest]
#[case::rule(|app: &mut App, old: &str| {
    app.rule("/x/<path:rest>").methods(["GET", "POST"]).view(legacy(old));
})]
#[case::page(|app: &mut App, old: &str| {
    app.route("/x/<name>", |name: String| name);
    app.fallback(legacy(old));
})]
fn a_socket_is_reached_beside_rules(#[case] set_up: fn(&mut App, &str)) {
    let (old, mut app) = (echo(), App::new("front"));
    set_up(&mut app, &old.url());
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 101"));
    client.write_all(&frame("one")).unwrap();
    assert_eq!(read_frame(&mut client), (0x81, b"old: one".to_vec()));
}

/// A page of the old app is reached where the front has a socket alone.
#[test]
fn a_page_is_reached_beside_a_socket() {
    let (mut old, mut app) = (App::new("old"), App::new("front"));
    old.route("/x/echo", || "old page");
    let old = Server::start(old);
    app.websocket("/x/echo", async || Ok::<(), costrel::Error>(()));
    app.fallback(legacy(&old.url()));
    assert_eq!(app.test_client().get("/x/echo").wait().unwrap().text(), "old page");
}

#[test]
fn bytes_that_follow_the_handshake_at_once_are_not_lost() {
    let old = RawOld::start(|mut stream| {
        let head = read_head(&mut stream).unwrap().to_lowercase();
        assert!(head.contains("\r\nconnection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
        assert!(head.contains("sec-websocket-protocol: chat"), "{head}");
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
            .unwrap();
        let message = read_until(&mut stream, "ping").unwrap();
        stream.write_all(message.as_bytes()).unwrap();
    });
    let server = front_of(&old.url);
    let mut client = server.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    read_until(&mut client, "\r\n\r\nhello").unwrap();
    client.write_all(b"ping").unwrap();
    assert_eq!(read_all(&mut client), "ping");
}

#[test]
fn a_client_that_leaves_a_conversation_ends_it_there() {
    let (tell, ended) = channel();
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .unwrap();
        read_all(&mut stream);
        tell.send(()).unwrap();
    });
    let server = front_of(&old.url);
    let mut client = server.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    read_head(&mut client).unwrap();
    drop(client);
    receive(&ended);
}

#[test]
fn a_refusal_is_an_ordinary_response() {
    let (old, _) = RawOld::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let server = front_of(&old.url);
    let refused = server.exchange(&HANDSHAKE.replace("keep-alive", "close"));
    assert!(refused.starts_with("HTTP/1.1 403") && refused.ends_with("\r\n\r\nno"), "{refused}");
    let away = front_of("http://127.0.0.1:1").exchange(&HANDSHAKE.replace("keep-alive", "close"));
    assert!(away.starts_with("HTTP/1.1 502"), "{away}");
}

#[test]
fn a_test_client_is_told_that_it_has_no_connection() {
    let app = front(Place::Fallback, &legacy("http://127.0.0.1:1"));
    assert_eq!(app.test_client().websocket("/x").wait().unwrap().status(), 501);
}

/// A hook of the front that refuses after all: the old app's connection ends, and does not wait for one that will never be.
#[test]
fn a_hook_that_answers_in_place_of_the_101_ends_the_old_apps_connection() {
    let (tell, ended) = channel();
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .unwrap();
        read_all(&mut stream);
        tell.send(()).unwrap();
    });
    let mut app = front(Place::Fallback, &legacy(&old.url));
    app.after_request(|_: costrel::Response| costrel::IntoResponse::into_response(("not now", 503)));
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let head = read_head(&mut client).unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    receive(&ended);
    drop(client);
}

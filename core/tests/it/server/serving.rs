//! Serving over a real local socket.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use costrel::{App, IntoView, async_to_sync, current_app, request};
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::server::{Server, read_all};
use crate::support::waiting::take_permit;

/// A view that waits, of either colour, must not delay other requests.
#[rstest]
fn a_view_that_is_held_does_not_delay_async_ones(#[values(true, false)] sync: bool) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (inside_begun, inside_gate) = (begun.clone(), gate.clone());
    let held = move |()| {
        let (begun, gate) = (inside_begun.clone(), inside_gate.clone());
        async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "let go"
        }
    };
    let mut app = App::new("test");
    if sync {
        // Blocks its worker without releasing the slot, because the async code runs on a loop in a plain thread.
        app.route("/held", move || {
            let held = held.clone();
            thread::spawn(move || async_to_sync(held)(())).join().unwrap()
        });
    } else {
        app.route("/held", (move || held(())).into_view());
    }
    app.route("/quick", async || "quick");
    let server = Server::start(app);
    let address = server.address;
    let waiting = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /held HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        read_all(stream)
    });
    take_permit(&begun);
    assert!(server.get("/quick").ends_with("quick"));
    gate.add_permits(1);
    assert!(waiting.join().unwrap().ends_with("let go"));
}

#[test]
fn requests_in_flight_are_finished_before_the_server_ends() {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (inside_begun, inside_gate) = (begun.clone(), gate.clone());
    let mut app = App::new("test");
    app.route("/", move || {
        let (begun, gate) = (inside_begun.clone(), inside_gate.clone());
        async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "finished"
        }
    });
    let mut server = Server::start(app);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    take_permit(&begun);
    server.begin_to_stop();
    gate.add_permits(1);
    assert!(read_all(stream).ends_with("finished"));
    server.end().unwrap();
    assert!(TcpStream::connect(server.address).is_err(), "the listener is closed");
}

#[test]
fn several_requests_go_over_one_connection_and_know_their_peer() {
    let mut app = App::new("test");
    app.route("/<int:n>", async |n: i64| format!("{n} {}", request().remote_addr().unwrap().ip()));
    let server = Server::start(app);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answers = read_all(stream);
    assert!(answers.contains("1 127.0.0.1HTTP/1.1 200 OK") && answers.ends_with("2 127.0.0.1"), "{answers}");
}

#[rstest]
fn a_body_over_the_limit_is_413_on_the_wire(#[values("sync", "async")] colour: &str) {
    let mut app = App::new("test");
    app.config.max_content_length = Some(10);
    app.post("/sync", || request().get_data().wait());
    app.post("/async", async || request().get_data().await);
    let server = Server::start(app);
    let mut stream = server.connect();
    write!(stream, "POST /{colour} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    stream.write_all(b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n").unwrap();
    assert!(read_all(stream).starts_with("HTTP/1.1 413"));
}

/// The body is received before the view is sent to a worker, so a slow client holds none.
#[test]
fn a_slow_client_does_not_hold_a_worker() {
    let begun = Arc::new(Semaphore::new(0));
    let (mut app, begins) = (App::new("test"), begun.clone());
    (app.config.workers, app.config.threads) = (1, None);
    app.before_request(move || {
        let begins = begins.clone();
        async move { begins.add_permits(1) }
    });
    app.post("/slow", || request().get_data().wait());
    app.route("/crossings", || current_app().crossings().to_string());
    let server = Server::start(app);
    let mut slow = server.connect();
    slow.write_all(b"POST /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nsl").unwrap();
    take_permit(&begun);
    assert!(server.get("/crossings").ends_with("\r\n1"), "nothing but this request itself has crossed");
    slow.write_all(b"ow").unwrap();
    assert!(read_all(slow).ends_with("slow"));
}

/// Where each request holds a thread, its body is received before it takes one, and before it takes a place in the queue.
#[rstest]
fn slow_clients_hold_no_thread(#[values("/sync", "/async", "/form")] path: &str) {
    let mut app = App::new("test");
    (app.config.threads, app.config.max_queued) = (Some(1), 1);
    app.post("/sync", || request().get_data().wait());
    app.post("/async", async || request().get_data().await);
    app.post("/form", async || request().form().await.map(|form| form.get("a").unwrap_or_default().to_owned()));
    app.route("/quick", || "quick");
    let server = Server::start(app);
    let kind = "multipart/form-data; boundary=x";
    let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--x--\r\n";
    let head = format!("Host: a\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}", body.len());
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = server.connect();
            write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\n\r\n{}", &body[..3]).unwrap();
            stream
        })
        .collect();
    for _ in 0..4 {
        assert!(server.get("/quick").ends_with("quick"));
    }
    for mut stream in slow {
        stream.write_all(&body.as_bytes()[3..]).unwrap();
        let answer = read_all(stream);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("value"), "{answer}");
    }
}

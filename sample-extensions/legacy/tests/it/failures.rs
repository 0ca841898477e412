//! An old app that is away, late, or breaks off; a client that leaves.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use costrel::{App, Error, of_type};
use costrel_legacy::{LegacyError, legacy};
use rstest::rstest;

use crate::support::{
    Place, RawOld, Server, front, front_of, get, poll_until, read_all, read_head, read_until, receive, response,
    streaming_front_of,
};

const SOON: Duration = Duration::from_millis(20);

#[rstest]
fn an_old_app_that_is_away_is_a_502(#[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place) {
    let answer = Server::start(front(place, &legacy("http://127.0.0.1:1"))).get("/x");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("takes no connections"), "{answer}");
}

/// A socket that takes no connections yet, and that no other process can take, with its address.
fn bound() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn an_old_app_that_comes_back_is_found_by_itself() {
    let (socket, address) = bound();
    let server = front_of(&format!("http://{address}"));
    assert!(server.get("/x").starts_with("HTTP/1.1 502"));
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = event_loop.block_on(async { socket.listen(1).unwrap().into_std().unwrap() });
    listener.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream).unwrap();
        stream.write_all(response("back").as_bytes()).unwrap();
    });
    assert!(server.get("/x").ends_with("back"));
}

#[rstest]
fn an_old_app_that_is_late_is_a_504(#[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place) {
    let old = RawOld::start(|mut stream| drop(read_all(&mut stream)));
    let answer = Server::start(front(place, &legacy(&old.url).head_timeout(SOON))).get("/x");
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("did not answer in time"), "{answer}");
    let (_full, address) = full_of_connections();
    let full = legacy(&format!("http://{address}")).connect_timeout(SOON);
    let answer = Server::start(front(place, &full)).get("/x");
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("took no connection in time"), "{answer}");
}

/// A socket that takes no more connections, and the connections that it has not accepted.
fn full_of_connections() -> (impl Sized, SocketAddr) {
    let event_loop = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = event_loop.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(0).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let connections: Vec<_> = std::iter::from_fn(|| TcpStream::connect_timeout(&address, SOON).ok()).collect();
    ((listener, connections, event_loop), address)
}

#[rstest]
#[case::at_once("", LegacyError::Closed)]
#[case::in_the_head("HTTP/1.1 200 OK\r\nX-A", LegacyError::Closed)]
#[case::no_http("hello\r\n\r\n", LegacyError::Unreadable)]
#[case::an_upgrade(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    LegacyError::Unreadable
)]
fn an_answer_that_is_none_is_a_typed_502(
    #[case] sent: &'static str,
    #[case] why: LegacyError,
    #[values(true, false)] is_sync: bool,
) {
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
    });
    assert!(front_of(&old.url).get("/").starts_with("HTTP/1.1 502"));
    let mut app = front(Place::Fallback, &legacy(&old.url));
    let page = |error: &Error| (format!("sorry: {:?}", error.downcast_ref::<LegacyError>().unwrap()), 503);
    if is_sync {
        app.errorhandler(of_type::<LegacyError>(), move |error: Error| page(&error));
    } else {
        app.errorhandler(of_type::<LegacyError>(), move |error: Error| async move { page(&error) });
    }
    let answer = Server::start(app).get("/");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with(&format!("sorry: {why:?}")), "{answer}");
}

/// The client sees that the body is not whole, with and without a length.
#[rstest]
#[case::of_a_length("Content-Length: 9\r\n\r\nparts", "parts")]
#[case::in_chunks("Transfer-Encoding: chunked\r\n\r\n5\r\nparts\r\n", "5\r\nparts\r\n")]
fn a_body_that_breaks_off_breaks_off_here(#[case] sent: &str, #[case] got: &str, #[values(true, false)] closes: bool) {
    let sent = format!("HTTP/1.1 200 OK\r\n{sent}");
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        if !closes {
            read_all(&mut stream);
        }
    });
    let server = Server::start(front(Place::Fallback, &legacy(&old.url).idle_timeout(SOON)));
    let answer = server.get("/");
    assert!(answer.ends_with(got), "{answer}");
}

/// An old app that closes its second request without an answer, as one does that ends an idle connection at that moment.
fn closing_kept_connections() -> (RawOld, Arc<AtomicUsize>) {
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        counted.fetch_add(1, Ordering::SeqCst);
        stream.write_all(response("first").as_bytes()).unwrap();
        if read_head(&mut stream).is_some() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (old, requests)
}

#[rstest]
#[case("GET", true)]
#[case("PUT", true)]
#[case("DELETE", true)]
#[case("POST", false)]
#[case("PATCH", false)]
fn a_request_on_a_stale_connection_is_sent_again_if_it_may_be(#[case] method: &str, #[case] again: bool) {
    let (old, requests) = closing_kept_connections();
    let server = front_of(&old.url);
    let send = || {
        server.exchange(&format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
    };
    assert!(send().ends_with("first"));
    let second = send();
    assert_eq!(second.ends_with("first"), again, "{second}");
    assert_eq!(second.starts_with("HTTP/1.1 502"), !again, "{second}");
    assert_eq!(requests.load(Ordering::SeqCst), if again { 3 } else { 2 });
}

/// On a connection of its own the old app has failed, and not the connection.
#[test]
fn a_request_that_ends_the_old_app_is_sent_once() {
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        counted.fetch_add(1, Ordering::SeqCst);
    });
    assert!(front_of(&old.url).get("/").starts_with("HTTP/1.1 502"));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[rstest]
#[case::before_the_head("")]
#[case::in_the_body("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfirst")]
fn a_client_that_leaves_ends_the_request_there_too(
    #[case] sent: &'static str,
    #[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place,
) {
    let (tell, events) = channel();
    let old = RawOld::start(move |mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        tell.send("begun").unwrap();
        read_all(&mut stream);
        tell.send("ended").unwrap();
    });
    let server = Server::start(front(place, &legacy(&old.url)));
    let mut client = server.connect();
    client.write_all(get("/x").as_bytes()).unwrap();
    assert_eq!(receive(&events), "begun");
    if !sent.is_empty() {
        read_until(&mut client, "first").unwrap();
    }
    drop(client);
    assert_eq!(receive(&events), "ended");
}

/// An upload has the time that a body has, however little of it arrives at a time.
#[rstest]
fn an_upload_that_takes_too_long_is_a_408(#[values(Place::Fallback, Place::BehindAsync)] place: Place) {
    let (tell, events) = channel();
    let old = RawOld::start(move |mut stream| {
        read_until(&mut stream, "par").unwrap();
        tell.send("begun").unwrap();
        read_all(&mut stream);
        tell.send("ended").unwrap();
    });
    let mut app = front(place, &legacy(&old.url));
    app.config.server.body_timeout = Some(Duration::from_millis(500));
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\npar").unwrap();
    assert_eq!(receive(&events), "begun");
    // It is never silent for long: the upload as a whole has its time.
    let mut drips = client.try_clone().unwrap();
    let (stop, stopped) = channel::<()>();
    let dripping = std::thread::spawn(move || {
        while drips.write_all(b"x").is_ok()
            && stopped.recv_timeout(Duration::from_millis(20)).is_err_and(|e| e == RecvTimeoutError::Timeout)
        {}
    });
    let answer = read_until(&mut client, "took too long").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(receive(&events), "ended");
    drop(stop);
    dripping.join().unwrap();
}

#[test]
fn a_client_that_breaks_off_its_upload_breaks_it_off_there() {
    let (tell, events) = channel();
    let old = RawOld::start(move |mut stream| {
        read_until(&mut stream, "par").unwrap();
        tell.send("begun").unwrap();
        assert_eq!(read_all(&mut stream), "");
        tell.send("ended").unwrap();
    });
    let server = streaming_front_of(&old.url);
    let mut client = server.connect();
    write!(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npar").unwrap();
    assert_eq!(receive(&events), "begun");
    drop(client);
    assert_eq!(receive(&events), "ended");
}

#[test]
fn an_upload_above_the_apps_limit_is_a_413() {
    let old = RawOld::start(|mut stream| drop(read_all(&mut stream)));
    let mut app = front(Place::Fallback, &legacy(&old.url));
    app.config.max_content_length = Some(4);
    let server = Server::start(app);
    let known = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12345";
    assert!(server.exchange(known).starts_with("HTTP/1.1 413"));
    let unknown =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n";
    assert!(server.exchange(unknown).starts_with("HTTP/1.1 413"));
}

#[test]
fn a_loop_is_a_508() {
    let (socket, address) = bound();
    // Two fronts, each of which takes the other for its old app.
    let second = front_of(&format!("http://{address}"));
    let mut app = App::new("first");
    app.init(&legacy(&second.url())).unwrap();
    let event_loop = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = event_loop.block_on(async { socket.listen(128).unwrap() });
    let application = app.build().unwrap();
    event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
    let answer = second.get("/");
    assert!(answer.starts_with("HTTP/1.1 508"), "{answer}");
    event_loop.shutdown_background();
}

#[test]
fn a_loop_of_many_processes_is_a_508() {
    let (old, _) = RawOld::answering(response("old"));
    let server = front_of(&old.url);
    let via = |hops: usize| vec!["1.1 costrel-00"; hops].join(", ");
    let ask = |hops| {
        server.exchange(&format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nVia: {}\r\n\r\n", via(hops)))
    };
    assert!(ask(7).ends_with("old"));
    assert!(ask(8).starts_with("HTTP/1.1 508"));
}

/// The app's own routes go on while the old app is away.
#[test]
fn the_fronts_own_routes_do_not_need_the_old_app() {
    let mut app = front(Place::Fallback, &legacy("http://127.0.0.1:1"));
    app.route("/own", async || "here");
    let server = Server::start(app);
    assert!(server.get("/old").starts_with("HTTP/1.1 502"));
    assert!(server.get("/own").ends_with("here"));
}

fn old_app() -> App {
    let mut old = App::new("old");
    old.route("/old", async || "old");
    old
}

/// Clients that ask all the time: the front's own pages never fail, the old app's are a 502 while it is away, and nothing else.
#[test]
fn an_old_app_that_is_restarted_under_load_costs_the_front_nothing() {
    const CLIENTS: usize = 4;
    let old = Server::start(old_app());
    let address = old.address;
    let mut app = front(Place::Fallback, &legacy(&old.url()));
    app.route("/own", async || "own");
    let server = Server::start(app);
    let (away, back, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let until = |is_over: &dyn Fn(&str) -> bool| loop {
                    assert!(server.get("/own").ends_with("own"));
                    let answer = server.get("/old");
                    assert!(answer.ends_with("old") || answer.starts_with("HTTP/1.1 502"), "{answer}");
                    if is_over(&answer) {
                        return;
                    }
                };
                until(&|answer| answer.ends_with("old"));
                back.fetch_add(1, Ordering::SeqCst);
                until(&|answer| answer.contains("502"));
                away.fetch_add(1, Ordering::SeqCst);
                until(&|answer| answer.ends_with("old"));
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        let wait = |count: &AtomicUsize| poll_until(|| count.load(Ordering::SeqCst) == CLIENTS);
        wait(&back);
        drop(old);
        wait(&away);
        let _again = Server::start_at(address, old_app());
        wait(&done);
    });
}

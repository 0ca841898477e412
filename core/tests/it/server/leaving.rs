//! Clients that leave or fall silent in the middle of things.

use std::io::Write;

use costrel::{App, async_to_sync, request};
use rstest::rstest;

use crate::support::LATER;
use crate::support::notes::Notes;
use crate::support::server::{Server, read_all};

/// A client is noticed when it leaves, whatever it has sent behind its request.
#[rstest]
fn a_client_that_leaves_more_bytes_behind_is_noticed(
    #[values("", "\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HT")] behind: &str,
    #[values(true, false)] sync: bool,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let in_view = notes.clone();
    let waiting = move || {
        let over = in_view.on_drop("over");
        in_view.note("begun");
        async move {
            let _over = over;
            std::future::pending::<&'static str>().await
        }
    };
    if sync {
        app.route("/", move || async_to_sync(|()| waiting())(()));
    } else {
        app.route("/", waiting);
    }
    let server = Server::start(app);
    let mut stream = server.connect();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{behind}").as_bytes()).unwrap();
    notes.wait_for(1);
    drop(stream);
    assert_eq!(notes.wait_for(2), ["begun", "over"]);
}

/// A body that was handed on to a service has its time too.
#[test]
fn a_body_that_was_handed_on_may_not_be_silent_for_too_long() {
    let mut app = App::new("test");
    app.config.server.body_timeout = Some(LATER);
    app.post("/", async || request().to_http().await?.into_body().collect().await);
    let server = Server::start(app);
    let mut stream = server.connect();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
    assert!(read_all(stream).starts_with("HTTP/1.1 408"));
}

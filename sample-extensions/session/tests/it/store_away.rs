//! What happens while the store is away.

use costrel::{App, Error, Response, session};
use costrel_session::Sessions;
use costrel_stores::{FailAtOnce, FailClosed, FailOpen, Failover, MemoryEntries};
use rstest::rstest;

use crate::support::{get, id, read, view};

fn app(sync: bool, sessions: Sessions) -> App {
    let mut app = App::new("test");
    app.config.testing = false;
    app.init(sessions).unwrap();
    app.rule("/untouched").endpoint("untouched").view(view(sync, || "untouched"));
    app.rule("/read").endpoint("read").view(view(sync, read));
    app.rule("/write").endpoint("write").view(view(sync, || session().set("name", "ada").map(|()| "written")));
    app
}

#[rstest]
fn only_requests_that_look_at_their_session_fail(#[values(true, false)] sync: bool) {
    let client = app(sync, Sessions::new().store(Failover::new(FailAtOnce, FailClosed))).test_client();
    assert_eq!(get(&client, "/read").status(), 200, "a client without a session needs no store");
    assert_eq!(get(&client, "/write").status(), 503);
    client.set_cookie("session", "known");
    for _ in 0..2 {
        assert_eq!(get(&client, "/untouched").status(), 200);
        let response = get(&client, "/read");
        assert_eq!((response.status().as_u16(), response.header("retry-after")), (503, Some("1")));
        assert_eq!(get(&client, "/write").status(), 503);
    }
}

#[rstest]
fn an_apps_own_page_says_so(#[values(true, false)] sync: bool) {
    let mut app = app(sync, Sessions::new().store(FailClosed));
    app.errorhandler(503, |_: Error| ("come back soon", 503));
    let client = app.test_client();
    client.set_cookie("session", "known");
    assert_eq!(get(&client, "/read").text(), "come back soon");
}

/// A hook that looks is as good as a view that does: no client is taken for one without a session.
#[rstest]
fn a_hook_that_looks_last_fails_too(#[values(true, false)] sync: bool, #[values(true, false)] own_page: bool) {
    let mut app = app(sync, Sessions::new().store(FailClosed));
    let look = |response: Response| Response::new(format!("{}{}", read(), response.status()).into());
    if sync {
        app.after_request(look);
    } else {
        app.after_request(move |response: Response| std::future::ready(look(response)));
    }
    if own_page {
        app.errorhandler(503, |_: Error| ("come back soon", 503));
    }
    let client = app.test_client();
    client.set_cookie("session", "known");
    for path in ["/untouched", "/untouched"] {
        assert_eq!(get(&client, path).status(), 503);
    }
}

#[rstest]
fn sessions_may_be_new_ones_meanwhile(#[values(true, false)] sync: bool) {
    let client = app(sync, Sessions::new().store(Failover::new(FailAtOnce, FailOpen))).test_client();
    client.set_cookie("session", "known");
    assert_eq!(get(&client, "/read").text(), "");
    assert_eq!(get(&client, "/write").status(), 200);
    assert_eq!(get(&client, "/read").text(), "", "nothing is kept");
}

#[rstest]
fn sessions_may_be_in_memory_meanwhile(#[values(true, false)] sync: bool) {
    let client = app(sync, Sessions::new().store(Failover::new(FailAtOnce, MemoryEntries::new()))).test_client();
    get(&client, "/write");
    assert_eq!((get(&client, "/read").text().as_str(), id(&client).len()), ("ada", 43));
}

//! Changes of the session that come after the response has left.

use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{Body, Error, session, stream_with_context, websocket};
use costrel_session::Sessions;
use futures_util::stream;
use rstest::rstest;

use crate::support::{Store, app, get, id, view};

/// The longest time that a test waits for what comes after a response.
const DEADLINE: Duration = Duration::from_secs(5);

fn late(iterator: bool, change: fn() -> String) -> Body {
    if iterator {
        return stream_with_context(Body::from_iterator((0..1).map(move |_| Ok::<_, Error>(change()))));
    }
    stream_with_context(Body::from_stream(stream::unfold(true, move |first| async move {
        first.then(|| (Ok::<_, Error>(change()), false))
    })))
}

fn set_name() -> String {
    session().set("name", "late").map_or_else(|error| error.message().to_owned(), |()| "set".into())
}

/// A client with a session, and a channel on which each teardown tells of itself.
fn client(sync: bool) -> (Store, TestClient, std::sync::mpsc::Receiver<()>) {
    let store = Store::new();
    let (over, ended) = std::sync::mpsc::channel();
    let mut app = app(sync, &store, Sessions::new());
    for iterator in [true, false] {
        let path = format!("/late/{iterator}");
        app.rule(&path).endpoint(&format!("late-{iterator}")).view(view(sync, move || late(iterator, set_name)));
    }
    app.websocket("/talk", async || {
        let socket = websocket();
        socket.receive().await?;
        socket.send(set_name()).await
    });
    let of_websocket = over.clone();
    app.teardown_request(move || over.send(()));
    app.teardown_websocket(move || of_websocket.send(()));
    (store, app.test_client(), ended)
}

#[rstest]
fn a_change_in_a_streamed_body_is_saved(#[values(true, false)] sync: bool, #[values(true, false)] iterator: bool) {
    let (_, client, ended) = client(sync);
    get(&client, "/write");
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!(get(&client, &format!("/late/{iterator}")).text(), "set");
    // Saved before the teardown.
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!(get(&client, "/read").text(), "late");
}

#[rstest]
fn a_change_in_a_websocket_is_saved(#[values(true, false)] sync: bool) {
    let (_, client, ended) = client(sync);
    get(&client, "/write");
    ended.recv_timeout(DEADLINE).unwrap();
    let socket = client.websocket("/talk").wait().unwrap();
    socket.send("go on").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("set"));
    socket.closed().wait().unwrap();
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!(get(&client, "/read").text(), "late");
}

/// A client that has no session gets no id any more, so the change is an error and not lost.
#[rstest]
fn a_new_session_cannot_begin_late(#[values(true, false)] sync: bool, #[values(true, false)] iterator: bool) {
    let (store, client, ended) = client(sync);
    let text = get(&client, &format!("/late/{iterator}")).text();
    assert!(text.contains("the head of the response has left already"), "{text}");
    ended.recv_timeout(DEADLINE).unwrap();
    let socket = client.websocket("/talk").wait().unwrap();
    socket.send("go on").wait().unwrap();
    let said = socket.receive().wait().unwrap();
    assert!(said.text().unwrap().contains("the head of the response has left already"), "{said:?}");
    socket.closed().wait().unwrap();
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!((client.cookie("session"), store.calls()), (None, Vec::<String>::new()));
}

/// An id that is not in the store looks like one until the session is opened; then the change is not saved under it.
#[rstest]
fn a_late_change_of_an_unknown_session_is_not_saved(#[values(true, false)] iterator: bool) {
    let (store, client, ended) = client(true);
    client.set_cookie("session", "unknown");
    get(&client, &format!("/late/{iterator}"));
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!((id(&client).as_str(), store.calls()), ("unknown", vec!["get".to_owned()]));
}

//! Changes of the session that come after the response has left.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use costrel::testing::TestClient;
use costrel::{Body, Bytes, Error, Waiting, session, stream_with_context, websocket};
use costrel_session::Sessions;
use futures_util::stream;
use rstest::rstest;
use serde_json::Value;

use crate::support::{Store, app, get, id, view};

/// The longest time that a test waits for what comes after a response.
const DEADLINE: Duration = Duration::from_secs(5);

fn late<R>(iterator: bool, change: impl Fn() -> R + Clone + Send + Sync + 'static) -> Body
where
    R: Into<Bytes> + Send + 'static,
{
    if iterator {
        return stream_with_context(Body::from_iterator((0..1).map(move |_| Ok::<_, Error>(change().into()))));
    }
    stream_with_context(Body::from_stream(stream::unfold(Some(change), |change| async move {
        change.map(|change| (Ok::<_, Error>(change().into()), None))
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

/// Puts each message into the session, until the client closes.
fn talk_on() -> Waiting<()> {
    Waiting::new(async {
        loop {
            let text = websocket().receive().await?.text().map(str::to_owned);
            session().set("name", text)?;
            websocket().send("set").await?;
        }
    })
}

/// Also if no function is called at the end of the conversation.
#[rstest]
fn what_a_websocket_changed_is_saved_when_its_client_closes(
    #[values(true, false)] sync: bool,
    #[values(true, false)] teardown: bool,
) {
    let store = Store::new();
    let (over, ended) = std::sync::mpsc::channel();
    let mut app = app(sync, &store, Sessions::new());
    if sync {
        app.websocket("/talk", || talk_on().wait());
    } else {
        app.websocket("/talk", async || talk_on().await);
    }
    if teardown {
        app.teardown_websocket(move || over.send(()));
    }
    let client = app.test_client();
    get(&client, "/write");
    let before = store.value(&id(&client));
    let socket = client.websocket("/talk").wait().unwrap();
    for text in ["first", "second"] {
        socket.send(text).wait().unwrap();
        socket.receive().wait().unwrap();
    }
    drop(socket);
    if teardown {
        ended.recv_timeout(DEADLINE).unwrap();
    }
    let begin = Instant::now();
    while store.value(&id(&client)) == before {
        assert!(!teardown && begin.elapsed() < DEADLINE, "the session was not saved");
        std::thread::yield_now();
    }
    assert_eq!(get(&client, "/read").text(), "second");
}

/// What others save between the parts of a request stays, whether the request has changed that key before or not.
#[rstest]
fn a_second_save_takes_back_nothing(
    #[values(true, false)] sync: bool,
    #[values(true, false)] iterator: bool,
    #[values(true, false)] in_view: bool,
) {
    let (store, id_of_client) = (Store::new(), Arc::new(OnceLock::<String>::new()));
    let mut app = app(sync, &store, Sessions::new());
    let (of_store, of_client) = (store.clone(), id_of_client.clone());
    let other = Arc::new(move || of_store.put_at_once(of_client.get().unwrap(), r#"{"name":"other","seen":1}"#));
    let (over, ended) = std::sync::mpsc::channel();
    app.rule("/two").view(view(sync, move || {
        session().set(if in_view { "mine" } else { "name" }, 1)?;
        let later = other.clone();
        if in_view {
            other();
        }
        let change = move || {
            if !in_view {
                later();
            }
            session().set("late", 1).map_or("not set", |()| "set")
        };
        Ok::<_, Error>(late(iterator, change))
    }));
    app.rule("/data").view(view(sync, || Value::Object(session().data()).to_string()));
    app.teardown_request(move || over.send(()));
    let client = app.test_client();
    get(&client, "/write");
    ended.recv_timeout(DEADLINE).unwrap();
    id_of_client.set(id(&client)).unwrap();
    get(&client, "/two");
    ended.recv_timeout(DEADLINE).unwrap();
    let mine = if in_view { r#""mine":1,"# } else { "" };
    assert_eq!(get(&client, "/data").text(), format!(r#"{{"late":1,{mine}"name":"other","seen":1}}"#));
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
    let text = get(&client, &format!("/late/{iterator}")).text();
    assert!(text.contains("the head of the response has left already"), "{text}");
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!((id(&client).as_str(), store.calls()), ("unknown", vec!["get".to_owned()]));
}

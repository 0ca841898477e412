//! Two requests of one client at a time.

use std::sync::Arc;

use costrel::testing::TestClient;
use costrel::{Error, IntoView, session};
use costrel_session::{AtOnce, Sessions, session_id};
use futures_util::future::join_all;
use rstest::rstest;
use tokio::sync::Barrier;

use crate::support::{Fault, Store, app, get, id, view};

/// A client with a session, and views of one colour that look at it, wait for one another, and change it.
fn client(sync: bool, sessions: Sessions) -> (Store, TestClient) {
    let (store, meet) = (Store::new(), Arc::new(Barrier::new(2)));
    let mut app = app(sync, &store, sessions);
    let mut add = |path: &str, change: fn() -> Result<(), Error>| {
        let meet = meet.clone();
        let view = move || {
            let meet = meet.clone();
            async move {
                // Both have opened the session before either changes it.
                session().load().await?;
                meet.wait().await;
                change().map(|()| "changed")
            }
        };
        let by_sync_code = {
            let view = view.clone();
            move || costrel::async_to_sync(|()| view())(()).flatten()
        };
        let view = if sync { by_sync_code.into_view() } else { view.into_view() };
        app.rule(path).endpoint(path.trim_start_matches('/')).view(view);
    };
    add("/a", || session().set("a", 1));
    add("/b", || session().set("b", 1));
    add("/remove", || session().remove("name").map(drop).ok_or_else(|| Error::status(500)));
    add("/clear", || {
        session().clear();
        Ok(())
    });
    add("/new-id", || session().regenerate());
    app.route("/data", || serde_json::Value::Object(session().data()).to_string());
    let client = app.test_client();
    get(&client, "/write");
    client.session_transaction(|session| session.set("kept", 1)).wait().unwrap();
    (store, client)
}

/// Sends two requests at a time, and returns what the session is then.
fn both(client: &TestClient, paths: [&str; 2]) -> String {
    let one = client.clone();
    let (first, second) = (paths[0].to_owned(), paths[1].to_owned());
    let other = std::thread::spawn(move || get(&one, &first).text());
    assert_eq!(get(client, &second).text(), "changed");
    assert_eq!(other.join().unwrap(), "changed");
    get(client, "/data").text()
}

#[rstest]
#[case(["/a", "/b"], r#"{"_permanent":true,"a":1,"b":1,"kept":1,"name":"ada"}"#)]
#[case(["/a", "/remove"], r#"{"_permanent":true,"a":1,"kept":1}"#)]
#[case(["/remove", "/remove"], r#"{"_permanent":true,"kept":1}"#)]
fn changes_of_different_keys_are_all_kept(
    #[values(true, false)] sync: bool,
    #[case] paths: [&str; 2],
    #[case] due: &str,
) {
    let (_, client) = client(sync, Sessions::new());
    assert_eq!(both(&client, paths), due);
}

/// Whichever of the two ends first, the session is over or begun anew, and the old id is worth nothing.
#[rstest]
fn a_session_that_was_ended_is_not_brought_back(#[values(true, false)] sync: bool) {
    let (store, client) = client(sync, Sessions::new());
    let old = id(&client);
    both(&client, ["/a", "/clear"]);
    assert_eq!(store.value(&old), None);
    assert_eq!(get(&client, "/data").text(), "{}");
}

#[rstest]
fn a_new_id_takes_the_changes_along(#[values(true, false)] sync: bool) {
    let (store, client) = client(sync, Sessions::new());
    let old = id(&client);
    let data = both(&client, ["/a", "/new-id"]);
    assert!(data.contains("ada"), "{data}");
    assert_eq!(store.value(&old), None);
    assert_ne!(id(&client), old);
}

/// A new id comes first, so that the session outlives a store that fails in between, and one that repeats a call.
#[rstest]
#[case(Fault::Fails("set"), 503)]
#[case(Fault::Fails("set_if"), 503)]
#[case(Fault::Fails("delete"), 200)]
#[case(Fault::Repeats, 200)]
fn a_fault_in_the_store_does_not_end_the_session(
    #[values(true, false)] sync: bool,
    #[case] fault: Fault,
    #[case] due: u16,
) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.testing = false;
    let client = app.test_client();
    get(&client, "/write");
    let old = id(&client);
    store.set_fault(fault);
    assert_eq!(get(&client, "/renew").status(), due);
    assert_ne!(id(&client), old, "the page of an error is saved under the new id too");
    assert_eq!(get(&client, "/read").text(), "ada");
    assert_eq!(get(&client, "/renew").status(), 200);
    assert_eq!(get(&client, "/read").text(), "ada");
    client.set_cookie("session", &old);
    assert_eq!(get(&client, "/read").text(), "", "the old id is worth nothing");
}

/// A client whose requests are always overtaken gets an error; nothing is saved over what others have.
#[rstest]
fn a_request_that_is_always_overtaken_fails(
    #[values(true, false)] sync: bool,
    #[values("/write", "/renew")] path: &str,
) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.testing = false;
    let client = app.test_client();
    get(&client, "/browser");
    let (old, before) = (id(&client), store.value(&id(&client)));
    store.set_fault(Fault::Conflicts);
    assert_eq!(get(&client, path).status(), 503);
    assert_eq!((id(&client), store.value(&old)), (old, before));
}

/// A session that was cleared stays as permanent as the other request has made it meanwhile.
#[rstest]
fn a_conflict_leaves_it_permanent(#[values(true, false)] sync: bool, #[values(true, false)] permanent: bool) {
    let store = Store::new();
    let other = store.clone();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/begin-again").view(view(sync, move || {
        let id = session_id().unwrap_or_default();
        other.put_at_once(&id, &format!(r#"{{"_permanent":{permanent},"name":"other"}}"#));
        session().clear();
        session().set("mine", 1).map(|()| "again")
    }));
    app.route("/data", || serde_json::Value::Object(session().data()).to_string());
    let client = app.test_client();
    get(&client, "/write");
    let cookie = get(&client, "/begin-again").header("set-cookie").unwrap().to_owned();
    assert_eq!(cookie.contains("Expires="), permanent, "{cookie}");
    assert_eq!(get(&client, "/data").text(), format!(r#"{{"_permanent":{permanent},"mine":1}}"#));
}

#[rstest]
fn the_last_one_wins_if_that_is_wanted(
    #[values(true, false)] sync: bool,
    #[values(Sessions::new().at_once(AtOnce::LastWins), Sessions::new().compat("flask-session 0.8"))]
    sessions: Sessions,
) {
    let (_, client) = client(sync, sessions);
    let data = both(&client, ["/a", "/b"]);
    assert!(data.contains("\"a\"") != data.contains("\"b\""), "one of the two is lost: {data}");
}

/// No update of 40 requests at a time is lost, on one event loop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_of_many_is_lost() {
    let store = Store::new();
    let mut app = app(false, &store, Sessions::new());
    app.route("/set/<int:n>", async |n: i64| session().set(&format!("key{n}"), n).map(|()| "set"));
    app.route("/count", async || session().len().to_string());
    let client = app.test_client();
    client.get("/write").await.unwrap();
    let requests = (0..12).map(|n| {
        let request = client.get(&format!("/set/{n}"));
        tokio::spawn(async move { request.await.unwrap().status() })
    });
    for status in join_all(requests).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(client.get("/count").await.unwrap().text(), "14");
}

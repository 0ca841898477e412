//! WebSocket conversations: handlers, their messages and what is around them.

use std::sync::Arc;

use costrel::{
    App, Blueprint, Error, IntoView, Message, Response, abort, convert::IntoWebSocketView, g, request, session,
    url_for, websocket,
};
use rstest::rstest;

use crate::support::notes::Notes;

pub(super) fn echo_sync() -> Result<(), Error> {
    loop {
        let message = websocket().receive().wait()?;
        websocket().send(message).wait()?;
    }
}

pub(super) async fn echo_async() -> Result<(), Error> {
    loop {
        let message = websocket().receive().await?;
        websocket().send(message).await?;
    }
}

#[rstest]
fn messages_come_back_as_they_were_sent(#[values("/sync", "/async")] path: &str) {
    let mut app = App::new("test");
    app.websocket("/sync", echo_sync).websocket("/async", echo_async);
    let socket = app.test_client().websocket(path).wait().unwrap();
    assert_eq!(socket.status(), 101);
    for message in [Message::from("text"), Message::from(vec![0, 255]), Message::from("")] {
        socket.send(message.clone()).wait().unwrap();
        assert_eq!(socket.receive().wait().unwrap(), message);
    }
    socket.close(1000, "bye").wait().unwrap();
}

/// Values are sent as JSON. A message that is no such value closes with 1008, because the error is the client's.
#[rstest]
fn values_go_as_json(#[values("/sync", "/async")] path: &str) {
    let mut app = App::new("test");
    app.websocket("/sync", || -> Result<(), Error> {
        loop {
            let n: i64 = websocket().receive_json().wait()?;
            websocket().send_json(&[n, n * 2]).wait()?;
        }
    });
    app.websocket("/async", async || -> Result<(), Error> {
        loop {
            let n: i64 = websocket().receive_json().await?;
            websocket().send_json(&[n, n * 2]).await?;
        }
    });
    let socket = app.test_client().websocket(path).wait().unwrap();
    socket.send_json(&21).wait().unwrap();
    assert_eq!(socket.receive_json::<[i64; 2]>().wait().unwrap(), [21, 42]);
    socket.send("twenty").wait().unwrap();
    assert_eq!(socket.closed().wait().unwrap(), Some(1008));
}

#[rstest]
fn arguments_session_and_g_are_there(#[values("sync", "async")] colour: &str) {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    app.before_websocket(async || g().set("seen", 1));
    let told = |name: &str, n: i64| {
        let user = session().get::<String>("user").unwrap_or_default();
        format!("{name} {n} {user} {:?} {}", g().get::<i32>("seen"), request().endpoint().unwrap_or_default())
    };
    app.websocket(
        "/sync/<name>/<int:n>",
        (move |name: String, n: i64| websocket().send(told(&name, n)).wait()).into_websocket_view().named("talk"),
    );
    app.rule("/async/<name>/<int:n>")
        .endpoint("talk_async")
        .websocket(move |name: String, n: i64| async move { websocket().send(told(&name, n)).await });
    let client = app.test_client();
    client.session_transaction(|session| session.set("user", "ada")).wait().unwrap();
    let socket = client.websocket(&format!("/{colour}/x/7")).wait().unwrap();
    let endpoint = if colour == "sync" { "talk" } else { "talk_async" };
    assert_eq!(socket.receive().wait().unwrap().text(), Some(&*format!("x 7 ada Some(1) {endpoint}")));
    assert_eq!(socket.closed().wait().unwrap(), Some(1000));
}

/// A handler or hook that does not accept the handshake answers in HTTP.
#[rstest]
#[case::response("response", 403)]
#[case::abort("abort", 401)]
#[case::error("error", 500)]
#[case::panic("panic", 500)]
#[case::nothing("nothing", 403)]
#[case::hook("hook", 418)]
fn what_is_not_accepted_is_an_http_response(
    #[case] how: &'static str,
    #[case] status: u16,
    #[values(true, false)] sync: bool,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let teardown = notes.clone();
    app.teardown_websocket(move || teardown.note("teardown"));
    app.before_websocket(|| (request().path() == "/hook").then_some(("", 418)));
    let refuse = move || -> Result<Option<(&'static str, u16)>, Error> {
        match how {
            "response" => Ok(Some(("no", 403))),
            "abort" => abort(401),
            "error" => Err(Error::from_boxed("broken".into())),
            "panic" => panic!("broken"),
            _ => Ok(None),
        }
    };
    let rule = format!("/{how}");
    if sync {
        app.websocket(&rule, refuse)
    } else {
        app.websocket(&rule, move || async move { refuse() })
    };
    let socket = app.test_client().websocket(&rule).wait().unwrap();
    assert_eq!(socket.status(), status);
    assert!(socket.send("hello").wait().unwrap_err().message().contains(&format!("refused with {status}")));
    assert_eq!(notes.wait_for(1), ["teardown"]);
}

/// A conversation runs the app's WebSocket hooks around the blueprint's, and no hooks of requests.
#[rstest]
fn hooks_run_in_order(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let mut blueprint = Blueprint::new("talk").url_prefix("/talk");
    let note = |what: &'static str| {
        let notes = notes.clone();
        move || notes.note(what)
    };
    let note_after = |what: &'static str| {
        let notes = notes.clone();
        move |response: Response| {
            notes.note(format!("{what} {}", response.status().as_u16()));
            response
        }
    };
    app.before_request(note("wrong")).before_websocket(note("before app"));
    app.after_websocket(note_after("after app")).teardown_websocket(note("teardown app"));
    blueprint.before_websocket(note("before"));
    blueprint.after_websocket(note_after("after")).teardown_websocket(note("teardown"));
    if sync {
        blueprint.rule("/").endpoint("echo").websocket(|| websocket().send(url_for(".echo").build()?).wait());
    } else {
        blueprint.rule("/").endpoint("echo").websocket(async || websocket().send(url_for(".echo").build()?).await);
    }
    app.register_blueprint(blueprint);
    let socket = app.test_client().websocket("/talk/").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("/talk/"));
    let expected = ["before app", "before", "after 101", "after app 101", "teardown", "teardown app"];
    assert_eq!(notes.wait_for(6), expected);
}

#[rstest]
#[case("/http", true, 400)]
#[case("/socket", false, 400)]
#[case("/none", true, 404)]
#[case("/none", false, 404)]
#[case("/both", true, 101)]
#[case("/both", false, 200)]
fn what_asks_for_the_other_kind_is_400(#[case] path: &str, #[case] socket: bool, #[case] status: u16) {
    let mut app = App::new("test");
    app.route("/http", || "");
    app.websocket("/socket", echo_async);
    app.rule("/both").endpoint("page").view(|| "page");
    app.rule("/both").endpoint("talk").websocket(echo_async);
    let client = app.test_client();
    let seen = if socket {
        client.websocket(path).wait().unwrap().status()
    } else {
        client.get(path).wait().unwrap().status()
    };
    assert_eq!(seen, status);
}

/// A view that answers for what other rules do not take gets their handshakes as the fallback, and pages where there is a
/// WebSocket alone.
#[rstest]
fn another_app_behind_this_one_gets_what_is_not_for_this_one(#[values(true, false)] sync: bool) {
    let told = || request().header("upgrade").unwrap_or("page").to_owned();
    let view = if sync { told.into_view() } else { (move || std::future::ready(told())).into_view() };
    let behind = view.named("behind").answers_other_methods();
    let mut app = App::new("test");
    app.route("/page", || "here");
    app.websocket("/socket", echo_async);
    app.fallback(behind);
    let client = app.test_client();
    let handshake = |path: &str| {
        let asked = client.get(path).header("connection", "upgrade").header("upgrade", "websocket");
        asked.wait().unwrap().text()
    };
    assert_eq!((handshake("/page"), handshake("/none")), ("websocket".into(), "websocket".into()));
    assert_eq!(client.get("/page").wait().unwrap().text(), "here");
    assert_eq!(client.get("/socket").wait().unwrap().text(), "page");
}

#[test]
fn a_handler_waits_while_its_client_does_not_read() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let in_view = notes.clone();
    app.websocket("/", move || {
        let notes = in_view.clone();
        async move {
            for n in 0..10_000 {
                websocket().send(vec![0; 10_000]).await?;
                notes.note(n.to_string());
            }
            Ok::<_, Error>(())
        }
    });
    let socket = app.test_client().websocket("/").wait().unwrap();
    // When the first message arrives, the handler has filled the buffers in between, and no more.
    socket.receive().wait().unwrap();
    assert!(notes.all().len() < 1_000, "{}", notes.all().len());
    for _ in 1..10_000 {
        socket.receive().wait().unwrap();
    }
    assert_eq!(socket.closed().wait().unwrap(), Some(1000));
}

#[test]
fn a_hundred_talk_at_once() {
    let mut app = App::new("test");
    app.config.workers = 2;
    app.config.threads = app.config.threads.map(|_| 100);
    app.websocket("/sync", echo_sync).websocket("/async", echo_async);
    let client = app.test_client();
    let sockets: Vec<_> = (0..100)
        .map(|n| Arc::new(client.websocket(if n % 2 == 0 { "/sync" } else { "/async" }).wait().unwrap()))
        .collect();
    for (n, socket) in sockets.iter().enumerate() {
        socket.send(n.to_string()).wait().unwrap();
    }
    for (n, socket) in sockets.iter().enumerate() {
        assert_eq!(socket.receive().wait().unwrap().text(), Some(&*n.to_string()));
    }
}

#[test]
fn outside_a_conversation_there_is_no_websocket() {
    let mut app = App::new("test");
    app.errorhandler(500, |error: Error| error.message().to_owned());
    app.route("/", || {
        websocket().accept();
        "never"
    });
    assert!(app.test_client().get("/").wait().unwrap().text().contains("There is no WebSocket in this request"));
}

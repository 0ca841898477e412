//! The login of `costrel-login` with its session on the server.

use std::time::Duration;

use costrel::{App, Body, Error, IntoView, stream_with_context};
use costrel_login::{Login, User, confirm_login, current_user, login_required, login_user, logout_user};
use costrel_session::Sessions;
use rstest::rstest;

use crate::support::{Store, app, get, id, view};

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
}

/// An app whose session has a user, or whose client has a remember cookie.
fn with_login(sync: bool, store: &Store) -> App {
    let mut app = app(sync, store, Sessions::new());
    app.init(Login::new().user_loader(|id: String| (id == "1").then_some(Ada))).unwrap();
    app.route("/remember", async || login_user(Ada).remember(true).await.map(|_| "in"));
    let me = if sync {
        (|| current_user().wait().map(|user| user.get_id())).into_view()
    } else {
        (async || current_user().await.map(|user| user.get_id())).into_view()
    };
    app.rule("/me").decorate(login_required).view(me);
    app
}

/// An attacker who has planted an id is not signed in by the remember cookie of the client either.
#[rstest]
fn a_remembered_user_gets_a_session_with_a_new_id(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let client = with_login(sync, &store).test_client();
    get(&client, "/remember");
    client.delete_cookie("session");
    get(&client, "/write");
    let planted = id(&client);
    assert_eq!(get(&client, "/me").text(), "1");
    assert_ne!(id(&client), planted);
    assert_eq!((get(&client, "/read").text().as_str(), store.value(&planted)), ("ada", None));
}

/// A login that fails because its session gets no new id any more signs in no user.
#[rstest]
fn a_login_in_a_streamed_body_signs_in_no_user(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let (over, ended) = std::sync::mpsc::channel();
    let mut app = with_login(sync, &store);
    app.rule("/late").view(view(sync, || {
        let sign_in = (0..1).map(|_| {
            Ok::<_, Error>(format!("{} {}", login_user(Ada).wait().is_err(), confirm_login().wait().is_err()))
        });
        stream_with_context(Body::from_iterator(sign_in))
    }));
    app.teardown_request(move || over.send(()));
    let client = app.test_client();
    get(&client, "/write");
    let before = store.value(&id(&client));
    assert_eq!(get(&client, "/late").text(), "true true");
    for _ in 0..2 {
        ended.recv_timeout(Duration::from_secs(5)).unwrap();
    }
    assert_eq!(store.value(&id(&client)), before);
    assert_eq!(get(&client, "/me").status(), 401);
}

/// An attacker who has planted an id in a client's browser is not signed in with it.
#[rstest]
fn a_login_gives_the_session_a_new_id(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.init(Login::new().user_loader(|id: String| (id == "1").then_some(Ada))).unwrap();
    let views = if sync {
        [(|| login_user(Ada).wait().map(|_| "in")).into_view(), (|| confirm_login().wait().map(|()| "in")).into_view()]
    } else {
        [
            (async || login_user(Ada).await.map(|_| "in")).into_view(),
            (async || confirm_login().await.map(|()| "in")).into_view(),
        ]
    };
    for (name, view) in ["in", "confirm"].into_iter().zip(views) {
        app.rule(&format!("/{name}")).endpoint(name).view(view);
    }
    app.route("/out", async || logout_user().await.map(|()| "out"));
    app.rule("/me").decorate(login_required).view(async || current_user().await.map(|user| user.get_id()));
    let client = app.test_client();
    get(&client, "/write");
    let planted = id(&client);
    for path in ["/in", "/confirm"] {
        let before = id(&client);
        get(&client, path);
        assert_ne!(id(&client), before);
        assert_eq!((get(&client, "/read").text().as_str(), store.value(&before)), ("ada", None));
    }
    assert_eq!(get(&client, "/me").status(), 200);
    store.calls();
    get(&client, "/me");
    assert_eq!(store.calls(), ["get", "set_if"]);
    let signed_in = id(&client);
    client.set_cookie("session", &planted);
    assert_eq!(get(&client, "/me").status(), 401);
    client.set_cookie("session", &signed_in);
    get(&client, "/out");
    assert_eq!(get(&client, "/me").status(), 401);
}

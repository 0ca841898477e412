//! The login of `costrel-login` with its session on the server.

use costrel::IntoView;
use costrel_login::{Login, User, confirm_login, current_user, login_required, login_user, logout_user};
use costrel_session::Sessions;
use rstest::rstest;

use crate::support::{Store, app, get, id};

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
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

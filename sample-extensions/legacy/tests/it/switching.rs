//! Endpoints that go back to the old app while the app runs.

use std::sync::mpsc::channel;

use costrel::testing::TestClient;
use costrel::{App, Blueprint};
use costrel_legacy::{LEGACY_SWITCHED, Legacy, Switched, legacy};
use rstest::rstest;

use crate::support::{RawOld, Server, receive, response};

/// A front with moved views of both colours, and views that take them back.
fn front(old: &Legacy, is_sync: bool) -> App {
    let mut app = App::new("front");
    app.init(old).unwrap();
    if is_sync {
        app.rule("/").endpoint("index").view(|| "new");
    } else {
        app.rule("/").endpoint("index").view(async || "new");
    }
    let mut blog = Blueprint::new("blog");
    blog.rule("/blog").endpoint("posts").view(|| "new posts");
    app.register_blueprint(blog);
    let (back, over) = (old.clone(), old.clone());
    app.route("/switch/back/<name>", move |name: String| {
        let back = back.clone();
        async move { back.take_back(&name).await.map(|()| "done") }
    });
    app.route("/switch/over/<name>", move |name: String| over.hand_over(&name).wait().map(|()| "done"));
    app
}

fn get(client: &TestClient, path: &str) -> String {
    client.get(path).wait().unwrap().text()
}

#[rstest]
fn an_endpoint_goes_back_and_comes_again_without_a_restart(#[values(true, false)] is_sync: bool) {
    let (raw, _) = RawOld::answering(response("old"));
    let old = legacy(&raw.url);
    let (tell, told) = channel();
    let mut app = front(&old, is_sync);
    app.connect(&LEGACY_SWITCHED, move |switched: Switched| drop(tell.send((switched.endpoint, switched.taken_back))));
    let client = app.test_client();
    assert_eq!(get(&client, "/"), "new");
    assert_eq!(get(&client, "/switch/back/index"), "done");
    assert_eq!(
        (get(&client, "/"), get(&client, "/blog"), old.taken_back()),
        ("old".into(), "new posts".into(), vec!["index".into()])
    );
    assert_eq!(receive(&told), ("index".into(), true));
    // What is no change is not told.
    assert_eq!(get(&client, "/switch/back/index"), "done");
    assert_eq!(get(&client, "/switch/over/index"), "done");
    assert_eq!((get(&client, "/"), receive(&told)), ("new".into(), ("index".into(), false)));
    assert_eq!(get(&client, "/switch/back/blog.*"), "done");
    assert_eq!((get(&client, "/"), get(&client, "/blog")), ("new".into(), "old".into()));
    assert_eq!(receive(&told), ("blog.*".into(), true));
    assert!(told.try_recv().is_err());
}

#[rstest]
#[case("nothing", "no rule has this endpoint")]
#[case("*", "`blog.*`")]
#[case("bl*", "`blog.*`")]
#[case("socket", "is a WebSocket")]
fn a_name_that_means_nothing_is_an_error(#[case] name: &str, #[case] said: &str) {
    let old = legacy("http://127.0.0.1:1");
    let mut app = front(&old, true);
    app.rule("/socket").endpoint("socket").websocket(async || {});
    let application = app.build().unwrap();
    let error = application.app_context_sync(|| old.take_back(name).wait()).unwrap_err();
    assert!(error.message().contains(said), "{error}");
    assert_eq!(old.taken_back(), [""; 0]);
    let mut app = App::new("front");
    app.config.set("LEGACY_TAKE_BACK", [name]).unwrap();
    app.rule("/socket").endpoint("socket").websocket(async || {});
    app.init(&legacy("http://127.0.0.1:1")).unwrap();
    assert!(app.build().unwrap_err().message().contains(said));
}

#[test]
fn the_setting_takes_back_from_the_start() {
    let (raw, _) = RawOld::answering(response("old"));
    let mut app = App::new("front");
    app.config.set("LEGACY_TAKE_BACK", ["index"]).unwrap();
    app.init(&legacy(&raw.url)).unwrap();
    app.rule("/").endpoint("index").view(|| "new");
    app.rule("/b").endpoint("b").view(|| "new");
    let client = app.test_client();
    assert_eq!((get(&client, "/"), get(&client, "/b")), ("old".into(), "new".into()));
    let listed = client.application().test_cli_runner().invoke(["legacy"]).wait().unwrap();
    assert!(
        listed.output.contains("index     /          old app (taken back)\nb         /b         here\n"),
        "{listed:?}"
    );
}

/// A path of which one method has moved is the old app's for the others.
#[test]
fn other_methods_of_a_moved_path_are_the_old_apps() {
    let (raw, heads) = RawOld::answering(response("old"));
    let server = Server::start(front(&legacy(&raw.url), true));
    let answer = server.exchange("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert!(answer.ends_with("old"), "{answer}");
    assert!(receive(&heads).starts_with("POST / "));
    assert!(server.get("/").ends_with("new"));
}

#[test]
fn a_second_old_app_on_one_app_is_a_set_up_error() {
    let old = legacy("http://127.0.0.1:1");
    let mut app = App::new("front");
    app.init(&old).unwrap();
    assert!(app.init(&old).unwrap_err().message().contains("initialised twice"));
}

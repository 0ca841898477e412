//! Tests of `login_required`, on sync and async views, with sync and async callbacks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Error, IntoView, View, testing::TestClient, websocket};
use costrel_login::{CurrentUser, Login, User, current_user, login_required, login_user, logout_user};
use rstest::rstest;

#[derive(Clone)]
struct Person {
    id: &'static str,
    active: bool,
}

impl User for Person {
    fn get_id(&self) -> String {
        self.id.into()
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

const ADA: Person = Person { id: "ada", active: true };
const BANNED: Person = Person { id: "banned", active: false };

fn find(id: &str) -> Option<Person> {
    [ADA, BANNED].into_iter().find(|person| person.id == id)
}

fn sync_loader(login: Login) -> Login {
    login.user_loader(|id: String| find(&id))
}

fn async_loader(login: Login) -> Login {
    login.user_loader(async |id: String| find(&id))
}

fn fallible_loader(login: Login) -> Login {
    login.user_loader(async |id: String| Ok::<_, std::io::Error>(find(&id)))
}

fn greeting(user: &CurrentUser) -> String {
    format!("hello {}", user.get::<Person>().map_or("no user", |person| person.id))
}

fn sync_view() -> View {
    (|| Ok::<_, Error>(greeting(&current_user().wait()?))).into_view()
}

fn async_view() -> View {
    (async || Ok::<_, Error>(greeting(&current_user().await?))).into_view()
}

fn client(login: Login, view: View) -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = Some("test".into());
    app.init(login).unwrap();
    app.post("/sign-in", || login_user(ADA).wait().map(|_| "welcome"));
    app.post("/sign-in-banned", async || login_user(BANNED).await.map(|done| done.to_string()));
    app.route("/login", || "the login page");
    app.post("/sign-out", || logout_user().wait().map(|()| "signed out"));
    app.rule("/me").decorate(login_required).methods(["GET", "OPTIONS"]).view(view);
    app.test_client()
}

#[rstest]
fn who_is_signed_in_gets_through_and_who_is_not_gets_401(
    #[values(sync_loader, async_loader, fallible_loader)] loader: fn(Login) -> Login,
    #[values(sync_view, async_view)] view: fn() -> View,
) {
    let client = client(loader(Login::new()), view());
    assert_eq!(client.get("/me").wait().unwrap().status(), 401);
    client.post("/sign-in").wait().unwrap();
    let me = client.get("/me").wait().unwrap();
    assert_eq!((me.status().as_u16(), me.text().as_str()), (200, "hello ada"));
    client.post("/sign-out").wait().unwrap();
    assert_eq!(client.get("/me").wait().unwrap().status(), 401);
}

#[rstest]
fn with_a_login_view_people_are_sent_there_and_told_the_way_back(#[values(sync_view, async_view)] view: fn() -> View) {
    let client = client(async_loader(Login::new().login_view("/login")), view());
    let sent = client.get("/me?page=2").wait().unwrap();
    assert_eq!((sent.status().as_u16(), sent.header("location")), (302, Some("/login?next=%2Fme%3Fpage%3D2")));
}

#[rstest]
fn an_unauthorized_handler_of_either_colour_answers(
    #[values(
        |login: Login| login.unauthorized_handler(|| ("members only", 403)),
        |login: Login| login.unauthorized_handler(async || ("members only", 403))
    )]
    handler: fn(Login) -> Login,
) {
    let answer = client(handler(async_loader(Login::new())), async_view()).get("/me").wait().unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().as_str()), (403, "members only"));
}

#[rstest]
fn options_passes_as_in_flask_login(#[values(sync_view, async_view)] view: fn() -> View) {
    let client = client(async_loader(Login::new()), view());
    assert_eq!(client.open(costrel::Method::OPTIONS, "/me").wait().unwrap().text(), "hello no user");
}

#[test]
fn who_is_not_active_cannot_sign_in() {
    let client = client(async_loader(Login::new()), async_view());
    assert_eq!(client.post("/sign-in-banned").wait().unwrap().text(), "false");
    assert_eq!(client.get("/me").wait().unwrap().status(), 401);
}

#[test]
fn a_user_who_is_gone_is_nobody() {
    let client = client(Login::new().user_loader(|_: String| None::<Person>), async_view());
    client.post("/sign-in").wait().unwrap();
    assert_eq!(client.get("/me").wait().unwrap().status(), 401);
}

#[test]
fn a_loader_that_fails_is_an_error_not_a_stranger() {
    let broken = |_: String| Err::<Option<Person>, _>(std::io::Error::other("the database is down"));
    let client = client(Login::new().user_loader(broken), async_view());
    client.post("/sign-in").wait().unwrap();
    assert_eq!(client.get("/me").wait().unwrap().status(), 500);
}

#[test]
fn the_user_is_loaded_once_per_request() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = loads.clone();
    let login = Login::new().user_loader(move |id: String| {
        counted.fetch_add(1, Ordering::Relaxed);
        find(&id)
    });
    let client = client(login, sync_view());
    client.post("/sign-in").wait().unwrap();
    client.get("/me").wait().unwrap();
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[test]
fn a_forged_session_is_nobody() {
    let client = client(async_loader(Login::new()), async_view());
    client.post("/sign-in").wait().unwrap();
    let mut forged = client.cookie("session").unwrap();
    forged.replace_range(..1, "f");
    client.set_cookie("session", &forged);
    assert_eq!(client.get("/me").wait().unwrap().status(), 401);
}

#[test]
fn what_it_cannot_do_without_is_said_at_start_up() {
    let mut app = App::new("test");
    let error = app.init(Login::new()).unwrap_err().to_string();
    assert!(error.contains("the extension Login did not start: no user loader is set"), "{error}");
    let error = app.init(async_loader(Login::new())).unwrap_err().to_string();
    assert!(error.contains("set `app.config.secret_key` first"), "{error}");
    app.rule("/me").decorate(login_required).view(sync_view().named("me"));
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("tests/behaviour.rs:") && error.contains("a decorator on the view `me` needs"), "{error}");
}

/// The path to return to is the one that the client asked for, with the one below which the app is mounted.
#[rstest]
fn next_has_the_path_below_which_the_app_is_mounted(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.config.application_root = "/shop".into();
    app.init(Login::new().user_loader(|_: String| None::<Person>).login_view("/shop/login")).unwrap();
    app.route("/login", || "the login page");
    let rule = app.rule("/me").decorate(login_required);
    if sync {
        rule.view(|| "never")
    } else {
        rule.view(async || "never")
    };
    let refused = app.test_client().get("/me?tab=1").wait().unwrap();
    assert_eq!(refused.header("location"), Some("/shop/login?next=%2Fshop%2Fme%3Ftab%3D1"));
}

#[test]
fn a_second_login_extension_is_a_set_up_error_at_its_line() {
    let login = || Login::new().user_loader(|_: String| None::<Person>);
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.init(login()).unwrap();
    let (error, line) = (app.init(login()).unwrap_err().to_string(), line!());
    assert!(error.contains(&format!("behaviour.rs:{line}:")) && error.contains("initialised twice"), "{error}");
}

/// A login is around a conversation as it is around a page.
#[rstest]
fn a_websocket_is_for_who_is_signed_in(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.init(sync_loader(Login::new())).unwrap();
    app.route("/in", || login_user(ADA).wait().map(|_| "in"));
    let rule = app.rule("/talk").decorate(login_required);
    if sync {
        rule.websocket(|| websocket().send("hello").wait())
    } else {
        rule.websocket(async || websocket().send("hello").await)
    };
    let client = app.test_client();
    assert_eq!(client.websocket("/talk").wait().unwrap().status(), 401);
    client.get("/in").wait().unwrap();
    let socket = client.websocket("/talk").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("hello"));
}

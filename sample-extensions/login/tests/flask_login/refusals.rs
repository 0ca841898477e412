//! What a client gets that is not let in.

use costrel::{App, Blueprint, Error, IntoView, Method, MethodView, Methods, View, get_flashed_messages};
use costrel_login::signals::{USER_NEEDS_REFRESH, USER_UNAUTHORIZED};
use costrel_login::{Login, fresh_login_required, login_required};
use rstest::rstest;

use crate::support::{app, count, get, login, session_of, taken, text, view};

fn location(page: &costrel::testing::TestResponse) -> (u16, &str) {
    (page.status().as_u16(), page.header("location").unwrap_or_default())
}

/// Adds a page that shows the flashed messages.
fn with_flashes(mut app: App, sync: bool) -> App {
    view!(app.rule("/flashes").endpoint("flashes"), sync, wait => format!("{:?}", get_flashed_messages()));
    app
}

#[rstest]
fn l1_without_a_login_view_a_visitor_gets_401(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let client = app(login(sync_callbacks), sync).test_client();
    assert_eq!(get(&client, "/me").status(), 401);
    assert_eq!(get(&client, "/secret").status(), 401);
}

#[rstest]
fn l2_a_visitor_is_sent_to_the_login_view_with_a_message(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
    #[values("login", "/login")] view: &str,
) {
    let client = with_flashes(app(login(sync_callbacks).login_view(view), sync), sync).test_client();
    assert_eq!(location(&get(&client, "/me")), (302, "/login?next=%2Fme"));
    assert_eq!(text(&client, "/flashes"), r#"[("message", "Please log in to access this page.")]"#);
}

#[rstest]
#[case::other_host(
    "https://auth.localhost/login",
    "https://auth.localhost/login?next=http%3A%2F%2Flocalhost%2Fme%3Fa%3D1"
)]
#[case::other_scheme("https://localhost/login", "https://localhost/login?next=http%3A%2F%2Flocalhost%2Fme%3Fa%3D1")]
#[case::fragment(
    "https://a.example/app?x=1#/in",
    "https://a.example/app?x=1&next=http%3A%2F%2Flocalhost%2Fme%3Fa%3D1#/in"
)]
#[case::fragment_alone("https://a.example#x", "https://a.example?next=http%3A%2F%2Flocalhost%2Fme%3Fa%3D1#x")]
#[case::this_host("http://localhost/login?lang=en&next=x", "http://localhost/login?lang=en&next=%2Fme%3Fa%3D1")]
fn l5_next_is_whole_for_another_host(#[case] page: &str, #[case] wanted: &str, #[values(true, false)] sync: bool) {
    let client = app(login(sync).login_view(page), sync).test_client();
    assert_eq!(location(&get(&client, "/me?a=1")), (302, wanted));
}

#[rstest]
fn l6_a_forced_host_replaces_the_one_that_the_client_names(#[values(true, false)] sync: bool) {
    let bad_host = |app: App| app.test_client().get("/secret").header("host", "bad.com").wait().unwrap();
    let mut forced = app(login(sync).login_view("login"), sync);
    forced.config.set("FORCE_HOST_FOR_REDIRECTS", "good.com").unwrap();
    assert_eq!(location(&bad_host(forced)), (302, "//good.com/login?next=%2Fsecret"));
    assert_eq!(location(&bad_host(app(login(sync).login_view("login"), sync))), (302, "/login?next=%2Fsecret"));
}

#[rstest]
fn l7_next_may_be_in_the_session(
    #[values(true, false)] sync: bool,
    #[values("basic", "strong")] protection: &str,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let login = login(sync).login_view("login");
    let mut app = app(compat.map_or(login.clone(), |version| login.compat(version)), sync);
    app.config.set("USE_SESSION_FOR_NEXT", true).unwrap();
    app.config.set("SESSION_PROTECTION", protection).unwrap();
    let client = app.test_client();
    assert_eq!(location(&get(&client, "/me?tab=2")), (302, "/login"));
    assert_eq!(text(&client, "/login"), "login page for \"\"");
    let session = session_of(&client);
    assert_eq!(session["next"], "/me?tab=2");
    assert_eq!(session["_id"].as_str().unwrap().len(), 128);
}

#[rstest]
fn l8_blueprints_have_login_views_of_their_own(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let login = login(sync_callbacks)
        .login_view("login")
        .blueprint_login_view("first", "first.login")
        .blueprint_login_view("second", "/second/login")
        .blueprint_login_view("api", None);
    let mut app = app(login, sync);
    for name in ["first", "second", "api", "other"] {
        let mut blueprint = Blueprint::new(name).url_prefix(format!("/{name}"));
        view!(blueprint.rule("/login").endpoint("login"), sync, wait => "login");
        view!(blueprint.rule("/").endpoint("index").decorate(login_required), sync, wait => "never");
        app.register_blueprint(blueprint);
    }
    let client = app.test_client();
    assert_eq!(location(&get(&client, "/me")), (302, "/login?next=%2Fme"));
    assert_eq!(location(&get(&client, "/first/")), (302, "/first/login?next=%2Ffirst%2F"));
    assert_eq!(location(&get(&client, "/second/")), (302, "/second/login?next=%2Fsecond%2F"));
    assert_eq!(location(&get(&client, "/other/")), (302, "/login?next=%2Fother%2F"));
    assert_eq!(get(&client, "/api/").status(), 401);
}

#[rstest]
fn l9_a_handler_of_either_colour_answers_and_nothing_is_flashed(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let login = login(sync).login_view("login");
    let login = if sync_callbacks {
        login.unauthorized_handler(|| ("This is secret!", 401))
    } else {
        login.unauthorized_handler(async || ("This is secret!", 401))
    };
    let client = with_flashes(app(login, sync), sync).test_client();
    let page = get(&client, "/me");
    assert_eq!((page.status().as_u16(), page.text().as_str()), (401, "This is secret!"));
    assert_eq!(text(&client, "/flashes"), "[]");
}

#[rstest]
fn l10_each_refusal_is_told_once(#[values(true, false)] sync: bool, #[values(true, false)] sync_callbacks: bool) {
    let mut app = app(login(sync).login_view("login"), sync);
    let refused = count(&mut app, &USER_UNAUTHORIZED, sync_callbacks);
    let stale = count(&mut app, &USER_NEEDS_REFRESH, sync_callbacks);
    let client = app.test_client();
    get(&client, "/me");
    assert_eq!((taken(&refused), taken(&stale)), (1, 0));
    get(&client, "/secret");
    assert_eq!((taken(&refused), taken(&stale)), (1, 0));
    get(&client, "/in");
    get(&client, "/me");
    client.session_transaction(|session| session.set("_fresh", false)).wait().unwrap();
    get(&client, "/secret");
    assert_eq!((taken(&refused), taken(&stale)), (0, 1));
}

#[rstest]
fn l20_options_reaches_the_view_as_a_visitor(#[values(true, false)] sync: bool) {
    let client = app(login(sync), sync).test_client();
    for (path, wanted) in [("/me", "hello "), ("/secret", "secret of ")] {
        let page = client.open(Method::OPTIONS, path).wait().unwrap();
        assert_eq!((page.status().as_u16(), page.text().as_str()), (200, wanted));
    }
}

#[derive(Clone)]
struct Page(&'static str);

impl Page {
    fn get(self) -> &'static str {
        self.0
    }

    async fn put(self) -> &'static str {
        self.0
    }
}

impl MethodView for Page {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).put(Self::put)
    }
}

#[test]
fn l21_class_views_are_decorated_too() {
    let mut app = app(login(true), true);
    let view: View = Page::as_view("page", || Page("never"));
    app.rule("/page").decorate(login_required).decorate(fresh_login_required).view(view);
    let client = app.test_client();
    assert_eq!(client.open(Method::OPTIONS, "/page").wait().unwrap().status(), 200);
    assert_eq!(get(&client, "/page").status(), 401);
    assert_eq!(client.put("/page").wait().unwrap().status(), 401);
}

#[rstest]
fn l38_a_login_that_is_not_fresh_is_confirmed(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let stale = |client: &costrel::testing::TestClient| {
        get(client, "/in");
        client.session_transaction(|session| session.set("_fresh", false)).wait().unwrap();
        get(client, "/secret")
    };
    let client = app(login(sync_callbacks), sync).test_client();
    assert_eq!(get(&client, "/secret").status(), 401);
    get(&client, "/in");
    assert_eq!(text(&client, "/secret"), "secret of 42");
    assert_eq!(stale(&client).status(), 401);

    let login = login(sync_callbacks).login_view("login").refresh_view("refresh");
    let client = with_flashes(app(login, sync), sync).test_client();
    assert_eq!(location(&stale(&client)), (302, "/refresh-view?next=%2Fsecret"));
    assert_eq!(text(&client, "/flashes"), r#"[("message", "Please reauthenticate to access this page.")]"#);
    assert_eq!(text(&client, "/confirm"), "confirmed");
    assert_eq!(text(&client, "/secret"), "secret of 42");
}

#[rstest]
fn l43_a_needs_refresh_handler_of_either_colour_answers(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let login = login(sync);
    let login = if sync_callbacks {
        login.needs_refresh_handler(|| ("Password, please", 403))
    } else {
        login.needs_refresh_handler(async || ("Password, please", 403))
    };
    let client = app(login, sync).test_client();
    get(&client, "/in");
    client.session_transaction(|session| session.set("_fresh", false)).wait().unwrap();
    let page = get(&client, "/secret");
    assert_eq!((page.status().as_u16(), page.text().as_str()), (403, "Password, please"));
}

#[rstest]
fn l40_messages_are_translated_and_an_empty_one_is_not_flashed(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let options = |login: Login| {
        let login = login.login_view("login").login_message("sign in", "info");
        let login = login.refresh_view("refresh").needs_refresh_message("once more", "warning");
        if sync_callbacks {
            login.localize_callback(|message: String| message.to_uppercase())
        } else {
            login.localize_callback(async |message: String| Ok::<_, Error>(message.to_uppercase()))
        }
    };
    let client = with_flashes(app(options(login(sync)), sync), sync).test_client();
    get(&client, "/me");
    assert_eq!(text(&client, "/flashes"), r#"[("info", "SIGN IN")]"#);
    get(&client, "/in");
    client.session_transaction(|session| session.set("_fresh", false)).wait().unwrap();
    get(&client, "/secret");
    assert_eq!(text(&client, "/flashes"), r#"[("warning", "ONCE MORE")]"#);

    let silent = options(login(sync)).login_message("", "info");
    let client = with_flashes(app(silent, sync), sync).test_client();
    get(&client, "/me");
    assert_eq!(text(&client, "/flashes"), "[]");
}

/// `login_required` is for a path with variables too, and for one that is no ASCII.
#[rstest]
fn next_is_the_path_as_the_client_sent_it(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync).login_view("login"), sync);
    app.rule("/of/<name>").decorate(login_required).view((|_: String| "never").into_view());
    let client = app.test_client();
    assert_eq!(location(&get(&client, "/of/%C3%A9?q=a+b")), (302, "/login?next=%2Fof%2F%25C3%25A9%3Fq%3Da%2Bb"));
}

//! Tests of `Csrf`, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::testing::{TestClient, TestRequest, TestResponse};
use costrel::{
    App, Blueprint, Error, Method, MethodView, Methods, View, context, of_type, render_template_string, session,
};
use costrel_csrf::{Csrf, CsrfError};
use rstest::rstest;

/// A session's secret and its token, made by Flask-WTF at the second 1,700,000,000 with the key `dev-secret-key`.
const SECRET: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = ".eJxTMjA0MjYxNTO3sExMSk5JTcPFVwIA4koKpQ.ZVPxAA.ds9pCujVnhfk7tbxQAYms-MiEis";

fn app() -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev-secret-key".into());
    app
}

fn routes(app: &mut App) {
    app.route("/token", || Csrf::new().token());
    app.rule("/sync").methods(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).view(|| "done");
    app.rule("/async").methods(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).view(async || "done");
    app.route("/secret", || session().get::<String>("csrf_token").unwrap_or_default());
}

fn client(app: App) -> TestClient {
    let mut app = app;
    app.init(&Csrf::new()).unwrap();
    routes(&mut app);
    app.test_client()
}

fn token(client: &TestClient) -> String {
    client.get("/token").wait().unwrap().text()
}

/// Gives the client the session that Flask-WTF's token is for.
fn with_secret(client: &TestClient, secret: &str) {
    let secret = secret.to_owned();
    client.session_transaction(move |session| session.set("csrf_token", secret)).wait().unwrap();
}

fn reason(response: &TestResponse) -> String {
    assert_eq!(response.status(), 400, "{}", response.text());
    response.text().split("<p>").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap_or_default().to_owned()
}

#[rstest]
fn a_token_lets_a_request_through(
    #[values("/sync", "/async")] path: &str,
    #[values(Method::POST, Method::PUT, Method::PATCH, Method::DELETE)] method: Method,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let mut app = app();
    app.config.threads = threads;
    let client = client(app);
    let token = token(&client);
    let open = || client.open(method.clone(), path);
    assert_eq!(open().header("x-csrftoken", &token).wait().unwrap().text(), "done");
    assert_eq!(open().header("x-csrf-token", &token).wait().unwrap().text(), "done");
    assert_eq!(open().form(&[("csrf_token", &token)]).wait().unwrap().text(), "done");
    assert_eq!(open().form(&[("login-csrf_token", &token)]).wait().unwrap().text(), "done");
    assert_eq!(reason(&open().wait().unwrap()), "The CSRF token is missing.");
    assert_eq!(reason(&open().form(&[("csrf_token", "")]).wait().unwrap()), "The CSRF token is missing.");
}

#[rstest]
fn safe_methods_need_none(
    #[values("/sync", "/async")] path: &str,
    #[values(Method::GET, Method::HEAD, Method::OPTIONS)] method: Method,
) {
    assert_eq!(client(app()).open(method, path).wait().unwrap().status(), 200);
}

#[test]
fn a_token_of_another_session_or_none_is_refused() {
    let (mine, other) = (client(app()), client(app()));
    let (own, foreign) = (token(&mine), token(&other));
    let send = |token: &str| reason(&mine.post("/sync").header("x-csrftoken", token).wait().unwrap());
    assert_eq!(send(&foreign), "The CSRF tokens do not match.");
    assert_eq!(send(&format!("{own}A")), "The CSRF token is invalid.");
    assert_eq!(send("none"), "The CSRF token is invalid.");
    let stranger = client(app());
    let response = stranger.post("/sync").header("x-csrftoken", &own).wait().unwrap();
    assert_eq!(reason(&response), "The CSRF session token is missing.");
}

#[test]
fn flask_wtfs_token_is_read_and_has_an_age() {
    let send = |limit: serde_json::Value| {
        let mut app = app();
        app.config.set("WTF_CSRF_TIME_LIMIT", limit).unwrap();
        let client = client(app);
        with_secret(&client, SECRET);
        client.post("/sync").header("x-csrftoken", TOKEN).wait().unwrap()
    };
    assert_eq!(send(serde_json::Value::Null).text(), "done");
    assert_eq!(send(4_000_000_000_u64.into()).text(), "done");
    assert_eq!(reason(&send(3_600.into())), "The CSRF token has expired.");
}

/// The clock of the app in Flask that made the token is in the year 3000.
#[rstest]
#[case(serde_json::Value::Null, None)]
#[case(4_000_000_000_u64.into(), Some("The CSRF token has expired."))]
fn without_a_limit_the_age_of_a_token_is_not_looked_at(
    #[case] limit: serde_json::Value,
    #[case] refusal: Option<&str>,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = app();
    app.config.set("WTF_CSRF_TIME_LIMIT", limit).unwrap();
    let client = client(app);
    with_secret(&client, SECRET);
    let token = ".eJxTMjA0MjYxNTO3sExMSk5JTcPFVwIA4koKpQ.B5FezAA.fndQcGELWPXmBc0wS6dGRP3zS4U";
    let response = client.post(path).header("x-csrftoken", token).wait().unwrap();
    match refusal {
        Some(due) => assert_eq!(reason(&response), due),
        None => assert_eq!(response.text(), "done"),
    }
}

/// As in Flask, where a test turns the check off after the app is made.
#[rstest]
#[case("WTF_CSRF_ENABLED")]
#[case("WTF_CSRF_CHECK_DEFAULT")]
fn a_setting_counts_that_is_set_after_the_extension(#[case] name: &str, #[values("/sync", "/async")] path: &str) {
    let send = |before: bool, after: bool| {
        let mut app = app();
        app.config.set(name, before).unwrap();
        app.init(&Csrf::new()).unwrap();
        app.config.set(name, after).unwrap();
        routes(&mut app);
        app.test_client().post(path).wait().unwrap().status().as_u16()
    };
    assert_eq!((send(true, false), send(false, true)), (200, 400));
}

#[test]
fn a_token_is_one_for_a_request_and_its_secret_one_for_a_session() {
    let mut app = app();
    app.init(&Csrf::new()).unwrap();
    app.route("/two", || Ok::<_, Error>((Csrf::new().token()? == Csrf::new().token()?).to_string()));
    routes(&mut app);
    let client = app.test_client();
    assert_eq!(client.get("/two").wait().unwrap().text(), "true");
    let secret = client.get("/secret").wait().unwrap().text();
    assert_eq!((secret.len(), secret.bytes().all(|byte| byte.is_ascii_hexdigit())), (40, true));
    token(&client);
    assert_eq!(client.get("/secret").wait().unwrap().text(), secret);
}

#[rstest]
#[case(None, "The referrer header is missing.")]
#[case(Some(""), "The referrer header is missing.")]
#[case(Some("https://evil.example/"), "The referrer does not match the host.")]
#[case(Some("http://shop.example/"), "The referrer does not match the host.")]
#[case(Some("https://shop.example.evil/"), "The referrer does not match the host.")]
#[case(Some("https://shop.example:444/"), "The referrer does not match the host.")]
#[case(Some("https://shop.example@evil.example/"), "The referrer does not match the host.")]
#[case(Some("https://shop.example/form?x=1"), "")]
#[case(Some("https://shop.example"), "")]
fn over_https_the_referrer_is_this_host(
    #[case] referrer: Option<&str>,
    #[case] expected: &str,
    #[values(true, false)] strict: bool,
) {
    let mut app = app();
    app.config.server.proxy_fix.x_proto = 1;
    app.config.set("WTF_CSRF_SSL_STRICT", strict).unwrap();
    let client = client(app);
    let over_https = |request: TestRequest| request.header("host", "shop.example").header("x-forwarded-proto", "https");
    let token = over_https(client.get("/token")).wait().unwrap().text();
    let request = over_https(client.post("/sync")).header("x-csrftoken", &token);
    let response =
        referrer.into_iter().fold(request, |request, value| request.header("referer", value)).wait().unwrap();
    if expected.is_empty() || !strict {
        assert_eq!(response.text(), "done");
    } else {
        assert_eq!(reason(&response), expected);
    }
}

#[test]
fn a_view_or_a_blueprint_may_be_exempt() {
    let (mut app, csrf) = (app(), Csrf::new());
    app.init(&csrf).unwrap();
    let mut outer = Blueprint::new("outer").url_prefix("/outer");
    let mut inner = Blueprint::new("inner").url_prefix("/inner");
    inner.post("/", async || "inner");
    outer.decorate(csrf.exempt());
    outer.post("/", || "outer");
    outer.register_blueprint(inner);
    app.register_blueprint(outer);
    app.rule("/view").methods(["POST"]).decorate(csrf.exempt()).view(|| "view");
    app.post("/other", || "other");
    let client = app.test_client();
    let status = |path: &str| client.post(path).wait().unwrap().status().as_u16();
    assert_eq!(["/outer/", "/outer/inner/", "/view", "/other", "/nowhere"].map(status), [200, 200, 200, 400, 404]);
}

/// A view of a class, with a method of either colour.
#[derive(Clone)]
struct Hook;

impl MethodView for Hook {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.post(|_hook: Self| "posted").put(async |_hook: Self| "put")
    }
}

/// A class that is exempt wherever it is.
#[derive(Clone)]
struct ExemptHook;

impl MethodView for ExemptHook {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.post(|_hook: Self| "posted").put(async |_hook: Self| "put")
    }

    fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
        vec![Box::new(Csrf::new().exempt())]
    }
}

#[rstest]
#[case::by_the_rule("/rule", 200)]
#[case::by_the_class("/class", 200)]
#[case::by_the_view("/view", 200)]
#[case::not_exempt("/other", 400)]
fn a_class_may_be_exempt(#[case] path: &str, #[case] status: u16, #[values(Method::POST, Method::PUT)] method: Method) {
    let (mut app, csrf) = (app(), Csrf::new());
    app.init(&csrf).unwrap();
    app.rule("/rule").decorate(csrf.exempt()).view(Hook::as_view("rule", || Hook));
    app.rule("/class").view(ExemptHook::as_view("class", || ExemptHook));
    app.rule("/view").view(csrf.exempt()(Hook::as_view("view", || Hook)));
    app.rule("/other").view(Hook::as_view("other", || Hook));
    assert_eq!(app.test_client().open(method, path).wait().unwrap().status(), status);
}

#[rstest]
#[case::protected_blueprint(true, &[200, 400])]
#[case::exempt_blueprint(false, &[400, 200])]
fn what_a_view_says_itself_counts_before_its_blueprint(#[case] is_protected: bool, #[case] due: &[u16]) {
    let (mut app, csrf) = (app(), Csrf::new());
    app.config.set("WTF_CSRF_CHECK_DEFAULT", false).unwrap();
    app.init(&csrf).unwrap();
    let mut api = Blueprint::new("api");
    if is_protected {
        api.decorate(csrf.protected());
        api.rule("/own").methods(["POST"]).decorate(csrf.exempt()).view(|| "");
    } else {
        api.decorate(csrf.exempt());
        api.rule("/own").methods(["POST"]).decorate(csrf.protected()).view(async || "");
    }
    api.post("/other", async || "");
    app.register_blueprint(api);
    let client = app.test_client();
    assert_eq!(["/own", "/other"].map(|path| client.post(path).wait().unwrap().status().as_u16()), due);
}

#[rstest]
fn a_check_may_be_made_by_hand(#[values("/hook/", "/view", "/decorated")] path: &str) {
    let (mut app, csrf) = (app(), Csrf::new());
    app.config.set("WTF_CSRF_CHECK_DEFAULT", false).unwrap();
    app.init(&csrf).unwrap();
    routes(&mut app);
    let mut blueprint = Blueprint::new("hook").url_prefix("/hook");
    blueprint.before_request(move || async move { csrf.protect().await });
    blueprint.post("/", || "done");
    app.register_blueprint(blueprint);
    app.post("/view", move || async move {
        csrf.protect().await?;
        Ok::<_, Error>("done")
    });
    app.rule("/decorated").methods(["POST"]).decorate(csrf.protected()).view(|| "done");
    let client = app.test_client();
    assert_eq!(client.post("/sync").wait().unwrap().text(), "done");
    assert_eq!(reason(&client.post(path).wait().unwrap()), "The CSRF token is missing.");
    let token = token(&client);
    assert_eq!(client.post(path).header("x-csrftoken", &token).wait().unwrap().text(), "done");
}

/// A hook checks what has a cookie of its own, and an exempt view stays exempt.
#[rstest]
fn a_check_by_hand_may_leave_exempt_views_alone(#[values(true, false)] is_sync: bool) {
    let (mut app, csrf) = (app(), Csrf::new());
    app.config.set("WTF_CSRF_CHECK_DEFAULT", false).unwrap();
    app.init(&csrf).unwrap();
    if is_sync {
        app.before_request(move || csrf.protect_unless_exempt().wait());
    } else {
        app.before_request(move || async move { csrf.protect_unless_exempt().await });
    }
    app.rule("/exempt").methods(["POST"]).decorate(csrf.exempt()).view(|| "done");
    app.rule("/strict").methods(["POST"]).decorate(csrf.exempt()).view(move || csrf.protect().wait().map(|()| "done"));
    app.post("/other", || "done");
    let client = app.test_client();
    let statuses = ["/exempt", "/strict", "/other", "/nowhere"].map(|path| client.post(path).wait().unwrap().status());
    assert_eq!(statuses.map(|status| status.as_u16()), [200, 400, 400, 404]);
}

#[rstest]
#[case(None, "csrf-token")]
#[case(Some("\"><b"), "&quot;&gt;&lt;b")]
fn a_page_has_a_tag_with_the_token_for_its_scripts(
    #[case] name: Option<&str>,
    #[case] shown: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let (mut app, page) = (app(), "{{ csrf_meta_tag() }} {{ csrf_token() }}");
    app.config.set("WTF_CSRF_META_NAME", name).unwrap();
    app.init(&Csrf::new()).unwrap();
    app.route("/sync", move || render_template_string(page, context! {}).wait());
    app.route("/async", async move || render_template_string(page, context! {}).await);
    let text = app.test_client().get(path).wait().unwrap().text();
    let (tag, token) = text.split_once("> ").unwrap();
    assert_eq!(format!("{tag}>"), format!("<meta name=\"{shown}\" content=\"{token}\">"));
}

#[rstest]
#[case::same("sec-fetch-site", "same-origin", 200)]
#[case::typed_in("sec-fetch-site", "none", 200)]
#[case::same_site("sec-fetch-site", "same-site", 400)]
#[case::cross_site("sec-fetch-site", "cross-site", 400)]
#[case::unknown("sec-fetch-site", "x", 400)]
#[case::own_origin("origin", "http://localhost", 200)]
#[case::other_origin("origin", "https://evil.example", 400)]
#[case::null("origin", "null", 400)]
#[case::no_browser("x-none", "", 200)]
fn the_browser_may_say_where_a_request_comes_from(
    #[case] header: &str,
    #[case] value: &str,
    #[case] status: u16,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = app();
    app.init(&Csrf::by_fetch_metadata()).unwrap();
    routes(&mut app);
    let client = app.test_client();
    assert_eq!(client.post(path).header(header, value).wait().unwrap().status(), status);
    assert_eq!(client.get(path).header(header, value).wait().unwrap().status(), 200);
}

#[rstest]
fn an_error_handler_takes_the_refusal_by_its_type(#[values(true, false)] before: bool) {
    let mut app = app();
    let handle = |error: Error| (format!("{:?}", error.downcast_ref::<CsrfError>()), 403);
    if before {
        app.errorhandler(of_type::<CsrfError>(), handle);
    }
    app.errorhandler(400, || "for other errors");
    app.init(&Csrf::new()).unwrap();
    if !before {
        app.errorhandler(of_type::<CsrfError>(), handle);
    }
    routes(&mut app);
    let response = app.test_client().post("/async").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (403, "Some(TokenMissing)"));
}

#[rstest]
#[case::limit("WTF_CSRF_TIME_LIMIT", serde_json::json!("60"))]
#[case::methods("WTF_CSRF_METHODS", serde_json::json!(5))]
#[case::enabled("WTF_CSRF_ENABLED", serde_json::json!("no"))]
fn a_setting_that_does_not_fit_is_a_set_up_error(#[case] name: &str, #[case] value: serde_json::Value) {
    let mut app = app();
    app.config.set(name, value).unwrap();
    let error = app.init(&Csrf::new()).and_then(|()| app.build().map(drop)).unwrap_err();
    assert!(error.message().contains(name) && error.location().is_some(), "{error}");
}

#[test]
fn it_can_be_off_and_have_other_names() {
    let mut off = app();
    off.config.set("WTF_CSRF_ENABLED", false).unwrap();
    assert_eq!(client(off).post("/sync").wait().unwrap().text(), "done");
    let mut named = app();
    named.config.set("WTF_CSRF_FIELD_NAME", "_token").unwrap();
    named.config.set("WTF_CSRF_HEADERS", ["X-Own"]).unwrap();
    named.config.set("WTF_CSRF_METHODS", "PUT").unwrap();
    named.config.set("WTF_CSRF_SECRET_KEY", "another").unwrap();
    let client = client(named);
    let token = token(&client);
    assert_eq!(client.post("/sync").wait().unwrap().text(), "done");
    assert_eq!(client.put("/sync").form(&[("_token", &token)]).wait().unwrap().text(), "done");
    assert_eq!(client.put("/sync").header("x-own", &token).wait().unwrap().text(), "done");
    assert_eq!(
        reason(&client.put("/sync").header("x-csrftoken", &token).wait().unwrap()),
        "The CSRF token is missing."
    );
}

#[test]
fn a_setting_that_is_null_has_its_default() {
    let mut app = app();
    for key in ["ENABLED", "FIELD_NAME", "HEADERS", "METHODS", "SECRET_KEY", "SSL_STRICT", "CHECK_DEFAULT"] {
        app.config.set(&format!("WTF_CSRF_{key}"), serde_json::Value::Null).unwrap();
    }
    let client = client(app);
    let token = token(&client);
    assert_eq!(reason(&client.post("/sync").wait().unwrap()), "The CSRF token is missing.");
    assert_eq!(client.post("/sync").form(&[("csrf_token", &token)]).wait().unwrap().text(), "done");
}

#[test]
fn without_a_secret_key_the_error_says_so() {
    let mut app = App::new("test");
    app.init(&Csrf::new()).unwrap();
    routes(&mut app);
    let failed = app.test_client().get("/token").wait().unwrap();
    assert_eq!(failed.status(), 500);
}

/// The check reads no session and sets no cookie on pages without a token.
#[test]
fn a_page_without_a_token_has_no_cookie() {
    let response = client(app()).get("/sync").wait().unwrap();
    assert_eq!((response.header("set-cookie"), response.header("vary")), (None, None));
}

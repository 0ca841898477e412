//! Tests of the schemes, with callbacks and views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::testing::{TestClient, TestResponse};
use costrel::{App, Error, HeaderName, IntoView, Method, StatusCode, View, abort};
use costrel_httpauth::{HttpAuth, MultiAuth};
use rstest::rstest;

fn basic(is_sync: bool) -> HttpAuth<String> {
    let check = |name: String, password: String| (password == "secret").then_some(name);
    if is_sync {
        HttpAuth::basic(check)
    } else {
        HttpAuth::basic(move |name: String, password: String| std::future::ready(check(name, password)))
    }
}

fn bearer(is_sync: bool) -> HttpAuth<String> {
    let check = |token: String| token.strip_prefix("t0ken-").map(str::to_owned);
    if is_sync {
        HttpAuth::bearer(check)
    } else {
        HttpAuth::bearer(move |token: String| std::future::ready(check(token)))
    }
}

/// A view of either colour that shows the user.
fn shown(auth: &HttpAuth<String>, is_sync: bool) -> View {
    let auth = auth.clone();
    let show = move || auth.current_user().unwrap_or_else(|| "no user".to_owned());
    if is_sync { show.into_view() } else { (move || std::future::ready(show())).into_view() }
}

fn client(auth: &HttpAuth<String>, decorator: impl Fn(View) -> View, is_sync: bool) -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    app.rule("/").methods(["GET", "POST"]).endpoint("index").decorate(decorator).view(shown(auth, is_sync));
    app.test_client()
}

fn with(client: &TestClient, authorization: &str) -> TestResponse {
    client.get("/").header("authorization", authorization).wait().unwrap()
}

#[rstest]
#[case::right("Basic YWRhOnNlY3JldA==", 200, "ada")]
#[case::scheme_in_another_case("basic YWRhOnNlY3JldA==", 200, "ada")]
#[case::wrong_password("Basic YWRhOm5v", 401, "")]
#[case::empty_password("Basic YWRhOg==", 401, "")]
#[case::another_scheme("Bearer YWRhOnNlY3JldA==", 401, "")]
#[case::no_base64("Basic ???", 401, "")]
#[case::no_colon("Basic YWRh", 401, "")]
#[case::nothing("", 401, "")]
#[case::utf_8("Basic am9zw6k6c2VjcmV0", 200, "josé")]
#[case::latin_1("Basic am9z6TpzZWNyZXQ=", 200, "josé")]
#[case::wrong_in_latin_1("Basic am9z6TpwYeQ=", 401, "")]
fn basic_checks_name_and_password(
    #[case] authorization: &str,
    #[case] status: u16,
    #[case] text: &str,
    #[values(true, false)] sync_callback: bool,
    #[values(true, false)] sync_view: bool,
) {
    let auth = basic(sync_callback);
    let response = with(&client(&auth, auth.login_required(), sync_view), authorization);
    assert_eq!(response.status(), status);
    let challenge = (status == 401).then_some("Basic realm=\"Authentication Required\"");
    assert_eq!(response.header("www-authenticate"), challenge);
    assert!(status != 200 || response.text() == text, "{}", response.text());
}

#[rstest]
#[case("Bearer t0ken-ada", 200)]
#[case("bearer t0ken-ada", 200)]
#[case("Bearer other", 401)]
#[case("Basic YWRhOnNlY3JldA==", 401)]
#[case("Bearer", 401)]
fn bearer_checks_a_token(#[case] authorization: &str, #[case] status: u16, #[values(true, false)] is_sync: bool) {
    let auth = bearer(is_sync).realm("Shop");
    let response = with(&client(&auth, auth.login_required(), is_sync), authorization);
    assert_eq!(response.status(), status);
    assert_eq!(response.header("www-authenticate"), (status == 401).then_some("Bearer realm=\"Shop\""));
}

#[test]
fn a_header_of_its_own_is_the_token() {
    let auth = bearer(true).scheme("ApiKey").header(HeaderName::from_static("x-api-key"));
    let client = client(&auth, auth.login_required(), true);
    assert_eq!(client.get("/").header("x-api-key", "t0ken-ada").wait().unwrap().text(), "ada");
    let refused = with(&client, "ApiKey t0ken-ada");
    assert_eq!(refused.header("www-authenticate"), Some("ApiKey realm=\"Authentication Required\""));
}

#[rstest]
fn the_name_of_the_usual_header_changes_nothing(#[values(true, false)] is_sync: bool) {
    let auth = bearer(is_sync).header(HeaderName::from_static("authorization"));
    let client = client(&auth, auth.login_required(), is_sync);
    assert_eq!(with(&client, "Bearer t0ken-ada").text(), "ada");
    assert_eq!(with(&client, "t0ken-ada").status(), 401);
}

/// A scheme that no browser knows keeps it from asking for a password.
#[test]
fn basic_may_have_another_name_or_header() {
    let auth = basic(true).scheme("xBasic");
    assert_eq!(with(&client(&auth, auth.login_required(), true), "xBasic YWRhOnNlY3JldA==").text(), "ada");
    assert_eq!(with(&client(&auth, auth.login_required(), true), "xBasic YWRhOm5v").status(), 401);
    let auth = basic(true).header(HeaderName::from_static("x-login"));
    let client = client(&auth, auth.login_required(), true);
    let send = |value: &str| client.get("/").header("x-login", value).wait().unwrap().status().as_u16();
    assert_eq!(["Basic YWRhOnNlY3JldA==", "YWRhOnNlY3JldA==", "Basic"].map(send), [200, 401, 401]);
}

/// As in Flask-HTTPAuth, the callback decides about a client that sent nothing.
#[test]
fn a_callback_may_let_in_a_client_that_sent_nothing() {
    let auth = HttpAuth::basic(|name: String, _: String| name.is_empty().then(|| "guest".to_owned()));
    assert_eq!(client(&auth, auth.login_required(), true).get("/").wait().unwrap().text(), "guest");
}

#[rstest]
#[case("Bearer t0ken-ada", "ada")]
#[case("Bearer other", "no user")]
#[case("", "no user")]
fn optional_lets_everyone_through(
    #[case] authorization: &str,
    #[case] text: &str,
    #[values(true, false)] is_sync: bool,
) {
    let auth = bearer(is_sync);
    assert_eq!(with(&client(&auth, auth.login_optional(), is_sync), authorization).text(), text);
}

#[rstest]
#[case::one(&["staff"], false, 200)]
#[case::any(&["owner", "staff"], false, 200)]
#[case::none(&["owner"], false, 403)]
#[case::all(&["staff", "night"], true, 200)]
#[case::not_all(&["staff", "owner"], true, 403)]
fn roles_are_required(
    #[case] roles: &[&str],
    #[case] all: bool,
    #[case] status: u16,
    #[values(true, false)] sync_roles: bool,
) {
    let of = |name: &str| if name == "ada" { vec!["staff".to_owned(), "night".to_owned()] } else { vec![] };
    let auth = bearer(true);
    let auth = if sync_roles {
        auth.roles(move |user: String| of(&user))
    } else {
        auth.roles(move |user: String| std::future::ready(of(&user)))
    };
    let (any_of, all_of) = (auth.role_required(roles), auth.roles_required(roles));
    let decorate = move |view: View| if all { all_of(view) } else { any_of(view) };
    let client = client(&auth, decorate, true);
    let response = with(&client, "Bearer t0ken-ada");
    assert_eq!(response.status(), status);
    assert_eq!(response.header("www-authenticate").is_some(), status == 403);
    assert_eq!(with(&client, "Bearer t0ken-bob").status(), 403);
    assert_eq!(with(&client, "Bearer other").status(), 401);
}

#[rstest]
fn an_error_handler_answers(#[values(true, false)] is_sync: bool) {
    let auth = bearer(true);
    let auth = if is_sync {
        auth.error_handler(|status: StatusCode| format!("no: {}", status.as_u16()))
    } else {
        auth.error_handler(async |status: StatusCode| format!("no: {}", status.as_u16()))
    };
    let response = with(&client(&auth, auth.login_required(), true), "Bearer other");
    assert_eq!((response.status().as_u16(), response.text().as_str()), (401, "no: 401"));
    assert!(response.header("www-authenticate").is_some());
}

#[test]
fn an_error_handlers_own_status_and_challenge_stay() {
    let auth = bearer(true).error_handler(|| ("teapot", 418, [("www-authenticate", "Own")]));
    let response = with(&client(&auth, auth.login_required(), true), "Bearer other");
    assert_eq!((response.status().as_u16(), response.header("www-authenticate")), (418, Some("Own")));
}

#[rstest]
#[case::same(401, Some("Bearer realm=\"Authentication Required\""))]
#[case::forbidden(403, Some("Bearer realm=\"Authentication Required\""))]
#[case::a_page(200, None)]
fn the_apps_error_handler_answers_a_refusal(
    #[case] status: u16,
    #[case] challenge: Option<&str>,
    #[values(true, false)] before: bool,
    #[values(true, false)] is_sync: bool,
) {
    let (mut app, auth) = (App::new("test"), bearer(true));
    let handle = move |error: Error| (format!("own {}", error.status_code().as_u16()), status);
    let register = |app: &mut App| {
        if is_sync {
            app.errorhandler(401, handle);
        } else {
            app.errorhandler(401, move |error: Error| std::future::ready(handle(error)));
        }
    };
    if before {
        register(&mut app);
    }
    app.rule("/").decorate(auth.login_required()).view(shown(&auth, is_sync));
    app.route("/other", || abort::<&str>(401));
    if !before {
        register(&mut app);
    }
    let client = app.test_client();
    let page = client.get("/").wait().unwrap();
    assert_eq!((page.status().as_u16(), page.text().as_str()), (status, "own 401"));
    assert_eq!(page.header("www-authenticate"), challenge);
    assert_eq!(client.get("/other").wait().unwrap().header("www-authenticate"), None, "no scheme has refused it");
}

#[test]
fn a_challenge_of_the_error_handler_stays() {
    let (mut app, auth) = (App::new("test"), bearer(true));
    app.errorhandler(401, |_: Error| ("own", 401, [("www-authenticate", "Own")]));
    app.rule("/").decorate(auth.login_required()).view(|| "never");
    let page = app.test_client().get("/").wait().unwrap();
    assert_eq!(page.headers().get_all("www-authenticate").iter().collect::<Vec<_>>(), ["Own"]);
}

#[test]
fn a_callback_that_fails_is_a_500() {
    let auth = HttpAuth::bearer(|_: String| Err::<Option<String>, _>(Error::setup("the database is away")));
    assert_eq!(with(&client(&auth, auth.login_required(), true), "Bearer x").status(), 500);
}

#[test]
fn a_view_that_takes_options_is_asked_without_credentials() {
    let (mut app, auth) = (App::new("test"), bearer(true));
    app.rule("/").methods(["GET", "OPTIONS"]).decorate(auth.login_required()).view(|| "own");
    assert_eq!(app.test_client().open(Method::OPTIONS, "/").wait().unwrap().text(), "own");
}

#[rstest]
#[case("Basic YWRhOnNlY3JldA==", 200)]
#[case("Bearer t0ken-ada", 200)]
#[case("Bearer other", 401)]
#[case("Other x", 401)]
#[case("", 401)]
fn the_client_chooses_among_several_schemes(#[case] authorization: &str, #[case] status: u16) {
    let (mut app, auth) = (App::new("test"), MultiAuth::new([basic(true), bearer(false)]));
    let shown = {
        let auth = auth.clone();
        move || auth.current_user().unwrap_or_default()
    };
    app.rule("/").decorate(auth.login_required()).view(shown);
    let response = with(&app.test_client(), authorization);
    assert_eq!(response.status(), status);
    let challenge = if authorization == "Bearer other" { "Bearer" } else { "Basic" };
    let challenge = format!("{challenge} realm=\"Authentication Required\"");
    assert_eq!(response.header("www-authenticate"), (status == 401).then_some(&*challenge));
}

#[rstest]
#[case(&["staff", "night"], 200)]
#[case(&["staff", "owner"], 403)]
fn several_schemes_require_all_roles(
    #[case] roles: &[&str],
    #[case] status: u16,
    #[values("Basic YWRhOnNlY3JldA==", "Bearer t0ken-ada")] authorization: &str,
    #[values(true, false)] is_sync: bool,
) {
    let with_roles = |auth: HttpAuth<String>| auth.roles(|_: String| vec!["staff".to_owned(), "night".to_owned()]);
    let auth = MultiAuth::new([basic(is_sync), bearer(is_sync)].map(with_roles));
    let response = with(&client(&basic(true), auth.roles_required(roles), is_sync), authorization);
    assert_eq!(response.status(), status);
}

#[rstest]
#[case::roles(|app: &mut App| { app.rule("/").decorate(bearer(true).role_required(&["a"])).view(|| ""); }, "does not say which roles")]
#[case::realm(|app: &mut App| { app.rule("/").decorate(bearer(true).realm("a\"b").login_required()).view(|| ""); }, "the realm \"a\\\"b\"")]
#[case::scheme(|app: &mut App| { app.rule("/").decorate(bearer(true).scheme("").login_required()).view(|| ""); }, "the scheme \"\"")]
#[case::mode(|app: &mut App| { app.rule("/").decorate(bearer(true).compat("x").login_required()).view(|| ""); }, "is unknown")]
#[case::nothing(|app: &mut App| { app.rule("/").decorate(MultiAuth::<String>::new([]).login_required()).view(|| ""); }, "one scheme or more")]
fn what_cannot_be_meant_is_a_set_up_error(#[case] set_up: fn(&mut App), #[case] message: &str) {
    let mut app = App::new("test");
    set_up(&mut app);
    let error = app.build().unwrap_err();
    assert!(error.message().contains(message), "{error}");
}

//! Tests of `Cors`, app-wide and on one view, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use costrel::testing::TestResponse;
use costrel::{App, Blueprint, Error, HeaderValue, IntoView, Method, View, abort, redirect};
use costrel_cors::Cors;
use costrel_ext_kit::tower::DecoratorLayer;
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;

const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// Where the headers come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    App,
    View,
}

/// An app whose view answers GET and POST, with these options in this place.
fn app(place: Place, is_sync: bool, cors: &Cors) -> App {
    let mut app = App::new("test");
    if place == Place::App {
        app.init(cors).unwrap();
    }
    let view: View = if is_sync { (|| "hello").into_view() } else { (async || "hello").into_view() };
    let decorator = cors.cross_origin();
    let rule = app.rule("/").methods(["GET", "POST"]).endpoint("index");
    if place == Place::View {
        rule.decorate(decorator).view(view)
    } else {
        rule.view(view)
    };
    app
}

fn ask(app: App, method: Method, headers: &[(&str, &str)]) -> TestResponse {
    let request = app.test_client().open(method, "/");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).wait().unwrap()
}

fn preflight(app: App, origin: &str, method: &str, headers: &str) -> TestResponse {
    let asks =
        [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)];
    ask(app, Method::OPTIONS, &asks)
}

fn header<'r>(response: &'r TestResponse, name: &str) -> Option<&'r str> {
    response.header(&format!("access-control-{name}"))
}

#[rstest]
#[case::any(Cors::new(), Some(A), Some(A), Some("Origin"))]
#[case::any_without_origin(Cors::new(), None, Some("*"), None)]
#[case::wildcard(Cors::new().send_wildcard(true), Some(A), Some("*"), None)]
#[case::one(Cors::new().origins([A]), Some(A), Some(A), None)]
#[case::one_of_two(Cors::new().origins([B, A]), Some(A), Some(A), Some("Origin"))]
#[case::in_another_case(Cors::new().origins([B, A]), Some("HTTPS://A.EXAMPLE"), Some("HTTPS://A.EXAMPLE"), Some("Origin"))]
#[case::another(Cors::new().origins([A]), Some(B), None, Some("Origin"))]
#[case::none_of_two(Cors::new().origins([B, A]), Some("null"), None, Some("Origin"))]
#[case::no_origin(Cors::new().origins([B, A]), None, Some(A), Some("Origin"))]
#[case::not_always(Cors::new().origins([B, A]).always_send(false), None, None, Some("Origin"))]
#[case::regex(Cors::new().origins([r"https://\w+\.example"]), Some(B), Some(B), Some("Origin"))]
#[case::longer_than_the_regex(Cors::new().origins([r"https://\w\.example"]), Some("https://a.example.evil"), None, Some("Origin"))]
#[case::flasks_regex(Cors::new().origins([r"https://\w\.example"]).compat("flask-cors 6"), Some("https://a.example.evil"), Some("https://a.example.evil"), Some("Origin"))]
#[case::no_vary(Cors::new().origins([B, A]).vary_header(false), Some(A), Some(A), None)]
fn the_origin_of_a_request_is_allowed(
    #[case] cors: Cors,
    #[case] origin: Option<&str>,
    #[case] allowed: Option<&str>,
    #[case] vary: Option<&str>,
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let headers: Vec<_> = origin.into_iter().map(|origin| ("origin", origin)).collect();
    let response = ask(app(place, is_sync, &cors), Method::GET, &headers);
    assert_eq!(response.text(), "hello");
    let vary = vary.map(str::to_lowercase);
    assert_eq!((header(&response, "allow-origin"), response.header("vary").map(str::to_lowercase)), (allowed, vary));
}

#[rstest]
fn a_preflight_is_answered(#[values(Place::App, Place::View)] place: Place, #[values(true, false)] is_sync: bool) {
    let cors = Cors::new()
        .origins([A])
        .methods(["post", "GET"])
        .allow_headers(["x-token", "content-.*"])
        .expose_headers(["x-b", "x-a"])
        .supports_credentials(true)
        .max_age(Duration::from_secs(600));
    let response = preflight(app(place, is_sync, &cors), A, "post", "X-Token, x-other,Content-Type");
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, ""));
    assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    let names = ["allow-origin", "allow-methods", "allow-headers", "max-age", "allow-credentials", "expose-headers"];
    let values = names.map(|name| header(&response, name).unwrap_or("none"));
    assert_eq!(values, [A, "GET, POST", "Content-Type, X-Token", "600", "true", "x-a, x-b"]);
}

#[rstest]
fn a_preflight_for_what_is_not_allowed_has_no_methods(
    #[values(Place::App, Place::View)] place: Place,
    #[values((A, "DELETE"), (B, "GET"))] asks: (&str, &str),
) {
    let cors = Cors::new().origins([A]).methods(["GET"]);
    let response = preflight(app(place, true, &cors), asks.0, asks.1, "x-token");
    assert_eq!((header(&response, "allow-methods"), header(&response, "allow-headers")), (None, None));
    assert_eq!(header(&response, "allow-origin"), (asks.0 == A).then_some(A));
}

#[rstest]
fn a_private_network_is_allowed_or_not(#[values(None, Some(true), Some(false))] allow: Option<bool>) {
    let cors = allow.map_or_else(Cors::new, |allow| Cors::new().allow_private_network(allow));
    let headers = [("origin", A), ("access-control-request-private-network", "true")];
    let response = ask(app(Place::App, false, &cors), Method::GET, &headers);
    let expected = if allow == Some(true) { "true" } else { "false" };
    assert_eq!(header(&response, "allow-private-network"), Some(expected));
    let response = ask(app(Place::App, false, &cors), Method::GET, &headers[..1]);
    assert_eq!(header(&response, "allow-private-network"), None);
}

/// The headers are on whatever leaves, and no refusal reaches a preflight.
#[rstest]
#[case::abort(|app: &mut App| { app.route("/x", async || abort::<&str>(403)); }, 403)]
#[case::error(|app: &mut App| { app.route("/x", || Err::<&str, _>(Error::setup("broken"))); }, 500)]
#[case::panic(|app: &mut App| { app.route("/x", || -> &str { panic!("as it should") }); }, 500)]
#[case::redirect(|app: &mut App| { app.route("/x", || redirect("/")); }, 302)]
#[case::no_rule(|_: &mut App| {}, 404)]
#[case::slash(|app: &mut App| { app.route("/x/", || ""); }, 308)]
#[case::another_method(|app: &mut App| { app.post("/x", || ""); }, 405)]
#[case::hook(|app: &mut App| { app.before_request(|| abort::<()>(401)).route("/x", || ""); }, 401)]
#[case::after(|app: &mut App| { app.after_request(|_: costrel::Response| abort::<costrel::Response>(403)).route("/x", || ""); }, 500)]
fn every_response_has_the_headers(#[case] set_up: fn(&mut App), #[case] status: u16) {
    let mut app = App::new("test");
    app.init(&Cors::new().origins([A])).unwrap();
    set_up(&mut app);
    let response = app.test_client().get("/x").header("origin", A).wait().unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow-origin")), (status, Some(A)));
}

#[rstest]
fn a_preflight_reaches_neither_hook_nor_view(
    #[values(true, false)] is_sync: bool,
    #[values(None, Some(1))] threads: Option<usize>,
) {
    let mut app = App::new("test");
    app.config.threads = threads;
    app.init(&Cors::new().origins([A])).unwrap();
    app.before_request(|| abort::<()>(401));
    let refusing = move |view: View| {
        let inner = view.clone();
        view.wrapped(
            "refusing",
            costrel::Callable::new_async(move |request| {
                let _never = inner.call(request);
                std::future::ready(abort(401))
            }),
        )
    };
    let view: View = if is_sync {
        (|| -> &str { panic!("ran") }).into_view()
    } else {
        (async || -> &str { panic!("ran") }).into_view()
    };
    app.rule("/").methods(["PUT"]).endpoint("index").decorate(refusing).view(view);
    let client = app.test_client();
    let response = client.open(Method::OPTIONS, "/").header("origin", A).header("access-control-request-method", "PUT");
    let response = response.wait().unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow-origin")), (200, Some(A)));
    assert_eq!(client.application().handle().crossings(), 0);
}

#[test]
fn a_view_that_takes_options_answers_if_it_is_told_to() {
    let cors = Cors::new().origins([A]).automatic_options(false);
    for place in [Place::App, Place::View] {
        let mut app = App::new("test");
        if place == Place::App {
            app.init(&cors).unwrap();
        }
        let rule = app.rule("/").methods(["GET", "OPTIONS"]);
        if place == Place::View {
            rule.decorate(cors.cross_origin()).view(|| "own")
        } else {
            rule.view(|| "own")
        };
        let response = preflight(app, A, "GET", "x-token");
        assert_eq!((response.text().as_str(), header(&response, "allow-origin")), ("own", Some(A)));
    }
}

/// A view of either colour that no preflight may reach.
fn unreached(is_sync: bool) -> View {
    if is_sync { (|| -> &str { panic!("ran") }).into_view() } else { (async || -> &str { panic!("ran") }).into_view() }
}

#[rstest]
#[case::a_rule_with_options(|app: &mut App, view| { app.rule("/").methods(["POST", "OPTIONS"]).view(view); }, "OPTIONS, POST")]
#[case::a_fallback(|app: &mut App, view| { app.fallback(view); }, "GET, OPTIONS, POST")]
fn a_preflight_never_runs_the_view(
    #[case] register: fn(&mut App, View),
    #[case] allow: &str,
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let (mut app, cors) = (App::new("test"), Cors::new().origins([A]).methods(["GET", "POST"]));
    let view = if place == Place::View { cors.cross_origin()(unreached(is_sync)) } else { unreached(is_sync) };
    register(&mut app, view);
    if place == Place::App {
        app.init(&cors).unwrap();
    }
    let response = preflight(app, A, "POST", "x");
    assert_eq!((response.status().as_u16(), response.header("allow")), (200, Some(allow)));
    assert_eq!(header(&response, "allow-methods"), Some("GET, POST"));
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "as Flask's own answer");
}

#[rstest]
#[tokio::test]
async fn a_preflight_is_answered_before_a_service_beneath_a_layer(
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] automatic: bool,
) {
    let cors = Cors::new().origins([A]).methods(["POST"]).automatic_options(automatic);
    let mut app = App::new("layer");
    if place == Place::App {
        app.init(&cors).unwrap();
    }
    let decorator = cors.cross_origin();
    let decorate = move |view| if place == Place::View { decorator(view) } else { view };
    let layer = DecoratorLayer::new(app, decorate).unwrap();
    let router = Router::new().route("/", post(async || "posted")).layer(layer);
    let ask = |method: Method| {
        let asks = costrel::http::Request::builder().method(method).uri("/").header("origin", A);
        router.clone().oneshot(asks.header("access-control-request-method", "POST").body(Body::empty()).unwrap())
    };
    let answer = ask(Method::OPTIONS).await.unwrap();
    let (status, allow) = if automatic { (200, "OPTIONS, POST") } else { (405, "POST") };
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (status, allow));
    assert_eq!(answer.headers()["access-control-allow-methods"], "POST");
    assert_eq!(ask(Method::POST).await.unwrap().status(), 200);
}

/// Two rules may match one path, and the answer has the methods of both.
#[rstest]
fn a_preflight_names_all_methods_of_its_path(#[values(Place::App, Place::View)] place: Place) {
    let (mut app, cors) = (App::new("test"), Cors::new().origins([A]));
    if place == Place::App {
        app.init(&cors).unwrap();
    }
    let decorator = cors.cross_origin();
    let decorate = move |view| if place == Place::View { decorator(view) } else { view };
    app.rule("/").methods(["GET"]).endpoint("one").decorate(decorate.clone()).view(|| "");
    app.rule("/").methods(["PUT"]).endpoint("two").decorate(decorate).view(async || "");
    assert_eq!(preflight(app, A, "PUT", "x").header("allow"), Some("GET, HEAD, OPTIONS, PUT"));
}

#[rstest]
fn headers_that_a_view_has_set_stay(
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let own = || ("", [("access-control-allow-origin", B), ("access-control-allow-credentials", "true")]);
    let (mut app, cors) = (App::new("test"), Cors::new().max_age(Duration::from_secs(5)));
    if place == Place::App {
        app.init(&cors).unwrap();
    }
    let view = if is_sync { own.into_view() } else { (move || std::future::ready(own())).into_view() };
    app.rule("/").endpoint("index").view(if place == Place::View { cors.cross_origin()(view) } else { view });
    let response = ask(app, Method::GET, &[("origin", A)]);
    assert_eq!((header(&response, "allow-origin"), response.header("vary")), (Some(B), None));
    assert_eq!(response.headers().get_all("access-control-allow-origin").iter().count(), 1);
}

#[test]
fn the_longest_pattern_of_a_path_counts_and_the_view_before_it() {
    let mut app = App::new("test");
    let of = |origin: &str| Cors::new().origins([origin]);
    app.init(&Cors::new().max_age(Duration::from_secs(9)).resource("/api/*", of(A)).resource("/api/b/*", of(B)))
        .unwrap();
    app.route("/api/x", || "").route("/api/b/x", async || "").route("/x", || "");
    app.rule("/api/own").decorate(of("https://own.example").cross_origin()).view(|| "");
    let client = app.test_client();
    let allowed = |path: &str| {
        let origins = [A, B, "https://own.example"];
        let answered = origins.map(|origin| client.get(path).header("origin", origin).wait().unwrap());
        answered.iter().find_map(|response| header(response, "allow-origin").map(str::to_owned))
    };
    let paths = ["/api/x", "/api/b/x", "/x", "/api/own"].map(allowed);
    assert_eq!(paths.map(Option::unwrap_or_default), [A, B, "", "https://own.example"]);
}

#[rstest]
#[case::text(json!("/api/*"), false)]
#[case::list(json!(["/api/*", "/b"]), false)]
#[case::map(json!({"/api/*": {"origins": B, "max_age": null}}), true)]
fn resources_may_be_a_setting(
    #[case] resources: Value,
    #[case] has_origins: bool,
    #[values("", "flask-cors 6")] mode: &str,
) {
    let mut app = App::new("test");
    app.config.set("CORS_RESOURCES", resources).unwrap();
    let cors = Cors::new().origins([A]);
    app.init(&if mode.is_empty() { cors } else { cors.compat(mode) }).unwrap();
    app.route("/api/x", || "").route("/x", async || "");
    let client = app.test_client();
    let origin = if has_origins { B } else { A };
    let allowed = |path: &str| {
        let response = client.get(path).header("origin", origin).wait().unwrap();
        header(&response, "allow-origin").map(str::to_owned)
    };
    assert_eq!((allowed("/api/x").as_deref(), allowed("/x")), (Some(origin), None));
}

#[test]
fn resources_in_code_count_before_those_of_the_settings() {
    let mut app = App::new("test");
    app.config.set("CORS_RESOURCES", "/a").unwrap();
    app.init(&Cors::new().resource("/b", Cors::new())).unwrap();
    app.route("/a", || "").route("/b", || "");
    let client = app.test_client();
    let allows = |path: &str| header(&client.get(path).header("origin", A).wait().unwrap(), "allow-origin").is_some();
    assert_eq!(["/a", "/b"].map(allows), [false, true]);
}

/// As in Flask-CORS: a text before an expression, then the number of `/`, then the length.
#[rstest]
fn patterns_have_an_order(#[values("", "flask-cors 6")] mode: &str) {
    let of = |origin: &str| Cors::new().origins([origin]);
    let cors = Cors::new()
        .resource("/a/*", of("https://two.example"))
        .resource("/a/b/*", of("https://three.example"))
        .resource("/a/b/c", of("https://text.example"))
        .resource("/a/looooooooong*", of("https://long.example"))
        .resource(if mode.is_empty() { "/b*looooooong" } else { "/b.*looooooong" }, of("https://long.example"))
        .resource("/b/*", of("https://two.example"));
    let mut app = App::new("test");
    app.init(&if mode.is_empty() { cors } else { cors.compat(mode) }).unwrap();
    app.route("/<path:path>", |path: String| path);
    let client = app.test_client();
    let first = |path: &str| {
        let origins = ["two", "three", "text", "long"].map(|name| format!("https://{name}.example"));
        let answers = origins.map(|origin| client.get(path).header("origin", &origin).wait().unwrap());
        answers.iter().find_map(|answer| header(answer, "allow-origin").map(str::to_owned)).unwrap_or_default()
    };
    let found = ["/a/x", "/a/b/x", "/a/b/c", "/a/looooooooongest", "/b/looooooong"].map(first);
    assert_eq!(found, ["two", "three", "text", "long", "two"].map(|name| format!("https://{name}.example")));
}

#[rstest]
#[case(Some(A), Some(A))]
#[case(None, None)]
fn flasks_credentials_for_any_origin_need_an_origin(
    #[case] origin: Option<&str>,
    #[case] allowed: Option<&str>,
    #[values(Place::App, Place::View)] place: Place,
) {
    let cors = Cors::new().supports_credentials(true).compat("flask-cors 6");
    let headers: Vec<_> = origin.into_iter().map(|origin| ("origin", origin)).collect();
    let response = ask(app(place, true, &cors), Method::GET, &headers);
    assert_eq!(
        (header(&response, "allow-origin"), header(&response, "allow-credentials")),
        (allowed, allowed.and(Some("true")))
    );
}

#[test]
fn a_setting_that_is_null_has_its_default() {
    let names = [
        "ORIGINS",
        "METHODS",
        "ALLOW_HEADERS",
        "EXPOSE_HEADERS",
        "SUPPORTS_CREDENTIALS",
        "MAX_AGE",
        "SEND_WILDCARD",
        "VARY_HEADER",
        "ALWAYS_SEND",
        "ALLOW_PRIVATE_NETWORK",
        "AUTOMATIC_OPTIONS",
        "RESOURCES",
        "INTERCEPT_EXCEPTIONS",
    ];
    let mut app = App::new("test");
    for name in names {
        app.config.set(&format!("CORS_{name}"), Value::Null).unwrap();
    }
    app.config.set("CORS_INTERCEPT_EXCEPTIONS", true).unwrap();
    app.init(&Cors::new()).unwrap();
    app.route("/", || "hello");
    assert_eq!(header(&preflight(app, A, "GET", "x"), "allow-origin"), Some(A));
}

#[test]
fn settings_have_flasks_names() {
    let mut app = App::new("test");
    app.config.set("CORS_ORIGINS", A).unwrap();
    app.config.set("CORS_SUPPORTS_CREDENTIALS", true).unwrap();
    app.config.set("CORS_MAX_AGE", 60).unwrap();
    app.init(&Cors::new().max_age(Duration::from_secs(5))).unwrap();
    app.route("/", || "hello");
    let response = preflight(app, A, "GET", "x");
    let values = ["allow-origin", "allow-credentials", "max-age"].map(|name| header(&response, name).unwrap_or("none"));
    assert_eq!(values, [A, "true", "5"]);
}

#[rstest]
#[case::setting(|app: &mut App| { app.config.set("CORS_MAX_AGE", "60").unwrap(); app.init(&Cors::new()) }, "CORS_MAX_AGE")]
#[case::setting_that_is_unknown(|app: &mut App| { app.config.set("CORS_ORIGIN", A).unwrap(); app.init(&Cors::new()) }, "CORS_ORIGIN: unknown field")]
#[case::resources(|app: &mut App| { app.config.set("CORS_RESOURCES", 1).unwrap(); app.init(&Cors::new()) }, "CORS_RESOURCES: expected a text")]
#[case::options_of_a_resource(|app: &mut App| { app.config.set("CORS_RESOURCES", json!({"/a": {"origin": A}})).unwrap(); app.init(&Cors::new()) }, "CORS_RESOURCES: \"/a\": unknown field `origin`")]
#[case::resources_of_a_resource(|app: &mut App| { app.config.set("CORS_RESOURCES", json!({"/a": {"resources": "/b"}})).unwrap(); app.init(&Cors::new()) }, "of the app alone")]
#[case::no_interception(|app: &mut App| { app.config.set("CORS_INTERCEPT_EXCEPTIONS", false).unwrap(); app.init(&Cors::new()) }, "CORS_INTERCEPT_EXCEPTIONS: false")]
#[case::expression_for_a_path(|app: &mut App| app.init(&Cors::new().resource("/api/.*", Cors::new())), "write `*` for any text")]
#[case::mode_of_a_resource(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().compat("flask-cors 6"))), "on the outer `Cors`")]
#[case::resource_of_a_resource(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().resource("/b", Cors::new()))), "on the outer `Cors`")]
#[case::credentials(|app: &mut App| app.init(&Cors::new().supports_credentials(true)), "list the origins")]
#[case::credentials_in_flask(|app: &mut App| app.init(&Cors::new().supports_credentials(true).send_wildcard(true).compat("flask-cors 6")), "list the origins")]
#[case::credentials_for_every_regex(|app: &mut App| app.init(&Cors::new().origins(["https?://.+"]).supports_credentials(true)), "list the origins")]
#[case::credentials_for_flasks_star(|app: &mut App| app.init(&Cors::new().origins([".*"]).supports_credentials(true)), "list the origins")]
#[case::wildcard(|app: &mut App| app.init(&Cors::new().origins(["https://*.a.example"])), "write `.*`")]
#[case::regex(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().origins(["("]))), "\"(\"")]
#[case::method(|app: &mut App| app.init(&Cors::new().methods(["GET POST"])), "is no method")]
#[case::headers(|app: &mut App| app.init(&Cors::new().expose_headers(["a\nb"])), "are no headers")]
#[case::mode(|app: &mut App| app.init(&Cors::new().compat("flask-cors 99")), "is unknown")]
#[case::twice(|app: &mut App| app.init(&Cors::new()).and_then(|()| app.init(&Cors::new())), "twice")]
fn what_cannot_be_meant_is_a_set_up_error(#[case] set_up: fn(&mut App) -> Result<(), Error>, #[case] message: &str) {
    let mut app = App::new("test");
    let error = set_up(&mut app).and_then(|()| app.build().map(drop)).unwrap_err();
    assert!(error.message().contains(message), "{error}");
    assert!(error.location().is_some());
}

#[test]
fn a_decorators_set_up_error_is_at_its_line() {
    let mut app = App::new("test");
    let cors = Cors::new().supports_credentials(true);
    let line = line!() - 1;
    app.rule("/").decorate(cors.cross_origin()).view(|| "hello");
    let error = app.build().unwrap_err();
    assert_eq!(error.location().map(std::panic::Location::line), Some(line));
}

#[test]
fn a_blueprint_may_be_decorated() {
    let (mut app, mut api) = (App::new("test"), Blueprint::new("api"));
    api.decorate(Cors::new().origins([A]).cross_origin());
    api.post("/", async || "posted");
    app.register_blueprint(api);
    assert_eq!(
        header(&preflight(app, A, "POST", "x"), "allow-methods").map(|methods| methods.contains("POST")),
        Some(true)
    );
}

#[test]
fn a_views_own_options_count_and_not_its_blueprints() {
    let (mut app, mut api) = (App::new("test"), Blueprint::new("api"));
    api.decorate(Cors::new().cross_origin());
    api.rule("/").decorate(Cors::new().origins([A]).cross_origin()).view(|| "own");
    app.register_blueprint(api);
    assert_eq!(header(&ask(app, Method::GET, &[("origin", B)]), "allow-origin"), None);
}

/// What others have put into `Vary` stays.
#[test]
fn the_views_own_vary_stays() {
    let mut app = App::new("test");
    app.init(&Cors::new()).unwrap();
    app.route("/", || ("", [("vary", "Accept, Origin")]));
    let response = ask(app, Method::GET, &[("origin", A)]);
    let lines: Vec<_> = response.headers().get_all("vary").iter().collect();
    assert_eq!(lines, [HeaderValue::from_static("Accept, Origin")]);
}

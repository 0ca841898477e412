//! Tests of `Cors`, app-wide and on one view, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "behaviour/settings.rs"]
mod settings;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use costrel::testing::TestResponse;
use costrel::{App, Blueprint, Error, HeaderValue, IntoView, Method, View, abort, redirect};
use costrel_cors::Cors;
use costrel_ext_kit::tower::DecoratorLayer;
use rstest::rstest;
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
#[case::one_as_text(Cors::new().origins(A), Some(A), Some(A), None)]
#[case::one_as_owned_text(Cors::new().origins(A.to_owned()), Some(A), Some(A), None)]
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

/// An endpoint may have rules on several paths, and the names of headers may be in several lines.
#[rstest]
fn a_preflight_is_read_whole(#[values(true, false)] is_sync: bool) {
    let (cors, view) = (Cors::new().allow_headers(["x-one", "x-two"]), unreached(is_sync));
    let mut app = App::new("test");
    for (path, methods) in [("/a", ["GET", "HEAD"]), ("/b", ["POST", "OPTIONS"])] {
        app.rule(path).methods(methods).endpoint("both").decorate(cors.cross_origin()).view(view.clone());
    }
    let asked = app.test_client().open(Method::OPTIONS, "/b").header("origin", A);
    let asked = asked.header("access-control-request-method", "POST");
    let names = ["x-one", "x-other, x-two"];
    let asked = names.iter().fold(asked, |asked, names| asked.header("access-control-request-headers", names));
    let answer = asked.wait().unwrap();
    assert!(answer.header("allow").unwrap().contains("POST"), "{:?}", answer.header("allow"));
    assert_eq!(header(&answer, "allow-headers"), Some("x-one, x-two"));
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

/// A view that answers OPTIONS itself does so beneath the default options of its blueprint too.
#[rstest]
#[case::beneath(|view: View| Cors::new().cross_origin()(Cors::new().automatic_options(false).cross_origin()(view)), true)]
#[case::above(|view: View| Cors::new().automatic_options(false).cross_origin()(Cors::new().cross_origin()(view)), false)]
fn a_views_own_answer_to_options_counts_beneath_its_blueprint(
    #[case] decorated: fn(View) -> View,
    #[case] runs: bool,
    #[values(true, false)] is_sync: bool,
) {
    let view: View = if is_sync { (|| "of the view").into_view() } else { (async || "of the view").into_view() };
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "OPTIONS"]).endpoint("index").view(decorated(view));
    let response = preflight(app, A, "GET", "");
    assert_eq!((response.text() == "of the view", header(&response, "allow-origin")), (runs, Some(A)));
}

#[test]
fn one_text_is_a_list_of_one() {
    let cors = || Cors::new().origins(A).methods("GET").allow_headers("x-one").expose_headers("x-two".to_owned());
    for place in [Place::App, Place::View] {
        let response = preflight(app(place, true, &cors()), A, "GET", "x-one");
        assert_eq!(header(&response, "allow-origin"), Some(A));
        assert_eq!(header(&preflight(app(place, false, &cors()), B, "GET", ""), "allow-origin"), None);
    }
}

#[rstest]
fn an_origin_that_is_none_is_a_set_up_error_at_its_line(#[values("https://a.example/", "a.example")] origin: &str
) {
    let (error, line) = (App::new("test").init(&Cors::new().origins(origin)).unwrap_err(), line!());
    assert!(error.message().contains("write scheme://host[:port]"), "{error}");
    assert_eq!(error.location().unwrap().line(), line);
    let mut app = App::new("test");
    app.config.set("CORS_ORIGINS", origin).unwrap();
    assert!(app.init(&Cors::new()).is_err());
}

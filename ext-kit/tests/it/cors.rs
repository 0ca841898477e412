//! A CORS decorator, as an extension would write it: it claims OPTIONS, and its headers are on every response that leaves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use costrel::{
    App, Blueprint, Body, Error, HeaderValue, IntoResponse, IntoView, Method, MethodView, Methods, Phase, Request,
    Response, View, abort, g, request, session,
};
use costrel_ext_kit::{Decorate, Decorator, tower::AppService, tower::DecoratorLayer};
use http::header::{ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD};
use rstest::rstest;
use tower::{Layer, ServiceExt};

const ORIGIN: &str = "https://a.example";

/// Lets pages of one origin read the responses.
fn cors(origin: &'static str) -> impl Fn(View) -> View + Clone + Send + Sync + 'static {
    move |view| {
        let headers = move |request: &Request, response: &mut Response| {
            if request.header("origin").is_some() {
                response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(origin));
            }
        };
        Decorator::new(view).named("cors").phase(Phase::CORS).claims_options().on_response(headers).guard(preflight)
    }
}

type Preflight = (&'static str, u16, [(http::HeaderName, HeaderValue); 1]);

fn preflight(request: &Request) -> Option<Preflight> {
    let asked =
        request.headers().get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| *request.method() == Method::OPTIONS)?;
    Some(("", 204, [(ACCESS_CONTROL_ALLOW_METHODS, asked.clone())]))
}

/// A CORS decorator as a sync wrapper.
fn cors_sync(view: View) -> View {
    let claimed = Decorator::new(view).named("cors").claims_options().on_response(allow_all);
    claimed.wrap(|view, request| match preflight(&request) {
        Some(early) => early.into_response(),
        None => costrel::current_app().ensure_sync(view)(request),
    })
}

fn cors_async(view: View) -> View {
    let claimed = Decorator::new(view).named("cors").claims_options().on_response(allow_all);
    claimed.wrap_async(|next, request| async move {
        match preflight(&request) {
            Some(early) => early.into_response(),
            None => next.call(request).await,
        }
    })
}

fn allow_all(_: &Request, response: &mut Response) {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ORIGIN));
}

fn login_required(view: View) -> View {
    Decorator::new(view).phase(Phase::AUTH).guard(|_| abort::<()>(401))
}

/// A view of either colour that must not run.
fn unreachable_view(sync: bool) -> View {
    if sync { (|| -> &str { panic!("ran") }).into_view() } else { (async || -> &str { panic!("ran") }).into_view() }
}

/// Where an app answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Host {
    TestClient,
    Threads,
    EventLoop,
}

impl Host {
    /// Sends a request with the header `Origin`; returns status and head of the response.
    fn send(self, mut app: App, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        app.config.threads = (self == Self::Threads).then_some(1);
        let headers = [&[("origin", ORIGIN)], headers].concat();
        if self == Self::EventLoop {
            return over_a_socket(app, method, path, &headers);
        }
        let request = app.test_client().open(method.parse().unwrap(), path);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.wait().unwrap();
        (response.status().as_u16(), format!("{:?}", response.headers()).replace('"', ""))
    }
}

fn over_a_socket(app: App, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let event_loop = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = event_loop.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let application = app.build().unwrap();
    event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    event_loop.shutdown_background();
    (answer[9..12].parse().unwrap(), answer.to_lowercase())
}

fn has_origin(head: &str, origin: &str) -> bool {
    head.contains(&format!("access-control-allow-origin: {origin}"))
}

#[derive(Clone)]
struct Api;

impl MethodView for Api {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.post(|_api: Self| -> &str { panic!("ran") })
    }

    fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
        vec![Box::new(login_required), Box::new(cors(ORIGIN))]
    }
}

/// Puts the view on an app behind CORS, in one of the ways that there are.
fn app_of(kind: &str, decorator: impl Fn(View) -> View + Clone + Send + Sync + 'static, view: View) -> App {
    let mut app = App::new("test");
    app.config.workers = 1;
    let mut blueprint = Blueprint::new("api").url_prefix("/api");
    match kind {
        "get" => drop(app.rule("/api/x").endpoint("x").decorate(decorator).view(view)),
        "class" => drop(app.route("/api/x", Api::as_view("x", || Api))),
        "no automatic options" => {
            app.config.provide_automatic_options = false;
            app.rule("/api/x").methods(["POST"]).endpoint("x").decorate(decorator).view(view);
        }
        "login outside" => {
            let rule = app.rule("/api/x").methods(["POST"]).endpoint("x").any_order();
            rule.decorate(login_required).decorate(decorator).view(view);
        }
        "login inside" => {
            let rule = app.rule("/api/x").methods(["POST"]).endpoint("x");
            rule.decorate(decorator).decorate(login_required).view(view);
        }
        "blueprint" => {
            blueprint.decorate(decorator);
            blueprint.rule("/x").methods(["POST"]).endpoint("x").decorate(login_required).view(view);
        }
        _ => unreachable!("{kind}"),
    }
    app.register_blueprint(blueprint);
    app
}

/// The preflight of each kind of rule is answered by the decorator: no view runs, no login refuses it.
#[rstest]
fn a_preflight_goes_through_the_decorator(
    #[values("get", "class", "no automatic options", "login outside", "login inside", "blueprint")] kind: &str,
    #[values(true, false)] sync: bool,
    #[values(Host::TestClient, Host::Threads, Host::EventLoop)] host: Host,
    #[values("guard", "sync", "async")] form: &str,
) {
    let decorator = match form {
        "guard" => (|view| cors(ORIGIN)(view)) as fn(View) -> View,
        "sync" => cors_sync,
        _ => cors_async,
    };
    let app = app_of(kind, decorator, unreachable_view(sync));
    let (status, head) =
        host.send(app, "OPTIONS", "/api/x", &[("access-control-request-method", "POST"), ("content-length", "0")]);
    assert_eq!(status, 204, "{head}");
    assert!(has_origin(&head, ORIGIN), "{head}");
    assert!(head.to_lowercase().contains("access-control-allow-methods: post"), "{head}");
}

/// What the decorator lets through is Costrel's own answer, with the methods of the path.
#[rstest]
fn options_that_are_no_preflight_pass_the_decorator(#[values("guard", "sync", "async")] form: &str) {
    let decorator = match form {
        "guard" => (|view| cors(ORIGIN)(view)) as fn(View) -> View,
        "sync" => cors_sync,
        _ => cors_async,
    };
    let client = app_of("login inside", decorator, unreachable_view(true)).test_client();
    let answer = client.open(Method::OPTIONS, "/api/x").header("origin", ORIGIN).wait().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.header("allow"), answer.text().as_str()),
        (200, Some("OPTIONS, POST"), "")
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    let refused = client.post("/api/x").header("origin", ORIGIN).wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("access-control-allow-origin")), (401, Some(ORIGIN)));
}

/// Of the rules that share a path, a preflight is for the one that the browser is about to ask.
#[rstest]
#[case("GET", Some("https://get.example"))]
#[case("POST", Some("https://post.example"))]
#[case("PUT", None)]
#[case("DELETE", Some("https://get.example"))]
fn rules_that_share_a_path_have_preflights_of_their_own(
    #[values("/items/1", "/items/one")] path: &str,
    #[case] asked: &str,
    #[case] origin: Option<&str>,
) {
    let mut app = App::new("test");
    app.rule("/items/<name>").methods(["PUT"]).endpoint("put").view(|_: String| "put");
    app.rule("/items/<name>").endpoint("get").decorate(cors("https://get.example")).view(async |_: String| "get");
    app.rule("/items/<name>")
        .methods(["POST"])
        .endpoint("post")
        .decorate(cors("https://post.example"))
        .view(|_: String| "");
    let preflight = app.test_client().open(Method::OPTIONS, path).header("origin", ORIGIN);
    let answer = preflight.header("access-control-request-method", asked).wait().unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert_eq!(answer.status(), if origin.is_some() { 204 } else { 200 });
}

/// A rule that lists OPTIONS answers it, through all its decorators.
#[rstest]
fn a_view_of_options_stays_the_answer(#[values(true, false)] sync: bool) {
    let view = if sync { (|| "mine").into_view() } else { (async || "mine").into_view() };
    let mut app = App::new("test");
    app.rule("/").methods(["OPTIONS"]).endpoint("x").decorate(cors(ORIGIN)).view(view);
    let answer = app.test_client().open(Method::OPTIONS, "/").header("origin", ORIGIN).wait().unwrap();
    assert_eq!((answer.text().as_str(), answer.header("access-control-allow-origin")), ("mine", Some(ORIGIN)));
}

/// Several decorators that claim OPTIONS are stacked as on the view.
#[test]
fn decorators_that_claim_options_nest() {
    let marked = |mark: &'static str| {
        move |view: View| {
            Decorator::new(view).claims_options().after(move |outcome| {
                let mut response = outcome?;
                response.headers_mut().append("x-mark", HeaderValue::from_static(mark));
                Ok(response)
            })
        }
    };
    let mut app = App::new("test");
    let rule = app.rule("/").methods(["POST"]).decorate(marked("outer")).decorate(login_required);
    rule.decorate(marked("inner")).view(|| "posted");
    let client = app.test_client();
    let answer = client.open(Method::OPTIONS, "/").wait().unwrap();
    let marks: Vec<_> = answer.headers().get_all("x-mark").iter().map(|mark| mark.to_str().unwrap()).collect();
    assert_eq!((answer.status().as_u16(), marks), (200, vec!["inner", "outer"]));
}

/// An outcome that a request can have, on an app whose only rules have CORS.
fn ending(how: &str, sync: bool) -> (App, &'static str, &'static str) {
    let mut app = App::new("test");
    let (mut method, mut path) = ("GET", "/api/x");
    let fail = || -> Result<&str, Error> { Err(std::io::Error::other("broken").into()) };
    let view = match (how, sync) {
        ("abort", true) => (|| abort::<&str>(409)).into_view(),
        ("abort", false) => (async || abort::<&str>(409)).into_view(),
        ("error" | "failing handler", true) => fail.into_view(),
        ("error" | "failing handler", false) => (move || async move { fail() }).into_view(),
        ("panic", _) => unreachable_view(sync),
        (_, true) => (|| "fine").into_view(),
        (_, false) => (async || "fine").into_view(),
    };
    match how {
        "before_request" if sync => drop(app.before_request(|| Some(("early", 403)))),
        "before_request" => drop(app.before_request(async || Some(("early", 403)))),
        "failing after_request" if sync => drop(app.after_request(|_: Response| abort::<Response>(404))),
        "failing after_request" => drop(app.after_request(async |_: Response| abort::<Response>(404))),
        "two failing hooks" => {
            app.after_request(|_: Response| abort::<Response>(404));
            app.after_request(async |_: Response| -> Response { panic!("as it should") });
            app.errorhandler(500, || ("a page", 500));
        }
        "failing handler" => drop(app.errorhandler(costrel::Exception, || abort::<&str>(404))),
        "405" => method = "DELETE",
        "slash" => path = "/folder",
        "head" => method = "HEAD",
        "class 405" => (method, path) = ("PUT", "/class"),
        "bad argument" => path = "/small/300",
        _ => {}
    }
    let decorator = cors(ORIGIN);
    let rule = app.rule("/api/x").endpoint("x").any_order();
    match how {
        "refused outside" => drop(rule.decorate(login_required).decorate(decorator.clone()).view(view)),
        "refused beneath" => drop(rule.decorate(decorator.clone()).decorate(login_required).view(view)),
        _ => drop(rule.decorate(decorator.clone()).view(view)),
    }
    app.rule("/folder/").decorate(decorator.clone()).view(|| "");
    app.rule("/small/<int:n>").decorate(decorator).view(|n: u8| n.to_string());
    app.route("/class", Api::as_view("class", || Api));
    (app, method, path)
}

/// The headers are on every response, whatever made it and whatever failed.
#[rstest]
fn every_response_that_leaves_has_the_headers(
    #[values(
        ("value", 200),
        ("head", 200),
        ("abort", 409),
        ("error", 500),
        ("panic", 500),
        ("before_request", 403),
        ("failing after_request", 500),
        ("two failing hooks", 500),
        ("failing handler", 500),
        ("refused outside", 401),
        ("refused beneath", 401),
        ("405", 405),
        ("class 405", 405),
        ("slash", 308),
        ("bad argument", 404)
    )]
    (how, expected): (&str, u16),
    #[values(true, false)] sync: bool,
    #[values(Host::TestClient, Host::Threads, Host::EventLoop)] host: Host,
) {
    let (app, method, path) = ending(how, sync);
    let (status, head) = host.send(app, method, path, &[]);
    assert_eq!(status, expected, "{head}");
    assert!(has_origin(&head, ORIGIN), "{head}");
}

/// A response to a path without the decorator is left alone.
#[test]
fn other_paths_have_no_headers() {
    let mut app = App::new("test");
    app.rule("/a").decorate(cors(ORIGIN)).view(|| "a");
    app.route("/b", || "b");
    let client = app.test_client();
    for path in ["/b", "/missing"] {
        let response = client.get(path).header("origin", ORIGIN).wait().unwrap();
        assert_eq!(response.header("access-control-allow-origin"), None, "{path}");
    }
}

/// The app's own hook sees every response, with the session's cookie on it, once, in the request's context.
#[rstest]
#[case("/fine", 200)]
#[case("/missing", 404)]
#[case("/fail", 500)]
fn an_apps_hook_sees_every_response(
    #[case] path: &str,
    #[case] status: u16,
    #[values(true, false)] sync: bool,
    #[values(None, Some(1))] threads: Option<usize>,
) {
    let mut app = App::new("test");
    app.config.threads = threads;
    app.config.secret_key = Some("secret".into());
    app.before_request(async || {
        g().set("seen", "g");
        session().set("n", 1)
    });
    let fail = || abort::<&str>(500);
    if sync {
        app.route("/fine", || "fine")
    } else {
        app.route("/fine", async || "fine")
    };
    if sync {
        app.route("/fail", fail)
    } else {
        app.route("/fail", move || async move { fail() })
    };
    app.on_response(|given, response| {
        assert_eq!(given.path(), request().path());
        let has_cookie = response.headers().contains_key("set-cookie");
        let seen =
            format!("{} {has_cookie} {}", response.status().as_u16(), g().get::<String>("seen").unwrap_or_default());
        response.headers_mut().append("x-seen", seen.parse().unwrap());
    });
    app.on_response(|_, _| panic!("as it should"));
    let response = app.test_client().get(path).wait().unwrap();
    assert_eq!(response.header("x-seen"), Some(&*format!("{status} true g")));
    assert_eq!(response.headers().get_all("x-seen").iter().count(), 1);
    assert_eq!(response.status(), status);
}

/// The page for a request that found no thread leaves the app as any other does.
#[rstest]
fn a_busy_server_has_the_headers(#[values(None, Some(1))] threads: Option<usize>) {
    let mut app = App::new("test");
    (app.config.threads, app.config.max_queued) = (threads, 0);
    app.rule("/").decorate(cors(ORIGIN)).view(|| "needs a thread");
    let refused = app.test_client().get("/").header("origin", ORIGIN).wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("access-control-allow-origin")), (503, Some(ORIGIN)));
}

/// As a layer on a service that knows nothing of it.
#[rstest]
#[tokio::test]
async fn on_axum(#[values("/fine", "/missing", "/fail")] path: &str, #[values("guard", "sync", "async")] form: &str) {
    let decorator = match form {
        "guard" => (|view| cors(ORIGIN)(view)) as fn(View) -> View,
        "sync" => cors_sync,
        _ => cors_async,
    };
    let mut app = App::new("layer");
    app.errorhandler(costrel::Exception, || abort::<&str>(404));
    let layer = DecoratorLayer::new(app, decorator).unwrap();
    let fail = tower::service_fn(async |_: http::Request<Body>| {
        Err::<http::Response<Body>, _>(std::io::Error::other("broken"))
    });
    let send = |method: &str| {
        let request = http::Request::builder().method(method).uri(path).header("origin", ORIGIN);
        request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
    };
    let mut inner = App::new("inner");
    inner.post("/fine", || "fine");
    for (method, status) in [
        ("OPTIONS", 204),
        (
            "POST",
            if path == "/fine" {
                200
            } else if path == "/fail" {
                500
            } else {
                404
            },
        ),
    ] {
        let response = if path == "/fail" {
            layer.layer(fail).oneshot(send(method)).await.unwrap()
        } else {
            let router = axum::Router::new().route("/fine", axum::routing::post(async || "fine"));
            layer.layer(router).oneshot(send(method)).await.unwrap()
        };
        assert_eq!(response.status(), status, "{method}");
        assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
    }
    let around = layer.layer(AppService::new(inner.build().unwrap()));
    assert_eq!(around.oneshot(send("OPTIONS")).await.unwrap().status(), 204);
}

/// A sync login around the whole app does not cost a preflight a worker, nor does the guard.
#[test]
fn a_preflight_takes_no_worker() {
    let mut app = App::new("test");
    let login = |view: View| view.guarded_by_sync(|_| abort::<()>(401));
    app.rule("/").methods(["POST"]).decorate(login).decorate(cors(ORIGIN)).view(|| "posted");
    let client = app.test_client();
    let preflight = client.open(Method::OPTIONS, "/").header("access-control-request-method", "POST");
    assert_eq!(preflight.wait().unwrap().status(), 204);
    assert_eq!(client.application().handle().crossings(), 0);
}

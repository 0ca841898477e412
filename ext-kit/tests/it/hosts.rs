//! Decorators as layers: on axum, tonic and plain hyper, with and without a Costrel app around.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use costrel::{App, Body, Error, Method, View, abort, current_app, g, session};
use costrel_ext_kit::tower::{AppService, DecoratorLayer, service_view};
use costrel_ext_kit::{Decorate, Decorator};
use http::Request;
use http_body_util::{BodyExt, Full};
use rstest::rstest;
use tower::{Layer, Service, ServiceExt, service_fn};

fn key_required(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.header("x-key") != Some("open") {
            return abort(401);
        }
        g().set("key", "seen");
        next.call(request).await
    })
}

/// The literal port of a Flask decorator, which calls the service from a worker.
fn key_required_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        if request.header("x-key") != Some("open") {
            return abort(401);
        }
        current_app().ensure_sync(view)(request)
    })
}

/// A decorator that puts the name of the current app into a header.
fn names_the_app(view: View) -> View {
    view.followed_by(|answered| {
        let mut response = answered?;
        response.headers_mut().insert("x-app", current_app().name().parse()?);
        Ok(response)
    })
}

/// Without a Costrel app around, the app of the layer is the current one.
#[tokio::test]
async fn current_app_comes_from_the_layer() {
    let app = Router::new().route("/", get(async || "plain")).layer(layer(names_the_app));
    let response = app.oneshot(Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-app"], "layer");
}

fn layer(decorator: fn(View) -> View) -> DecoratorLayer {
    DecoratorLayer::new(App::new("layer"), decorator).unwrap()
}

async fn text(body: impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[rstest]
#[tokio::test]
async fn on_axum(#[values(key_required, key_required_sync)] decorator: fn(View) -> View) {
    let app =
        Router::new().route("/{name}", get(|axum::extract::Path(name): axum::extract::Path<String>| async { name }));
    let app = app.layer(layer(decorator));
    let refused = app.clone().oneshot(Request::get("/ada").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(refused.status(), 401);
    let request = Request::get("/ada").header("x-key", "open").body(axum::body::Body::empty()).unwrap();
    assert_eq!(text(app.oneshot(request).await.unwrap().into_body()).await, "ada");
}

#[tokio::test]
async fn on_axum_around_a_costrel_app() {
    let mut inner = App::new("inner");
    inner.route("/", async || format!("{} {:?}", current_app().name(), g().get::<&str>("key")));
    let service = layer(key_required).layer(AppService::new(inner.build().unwrap()));
    let app = Router::new().fallback_service(service);
    let request = Request::get("/").header("x-key", "open").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(text(response.into_body()).await, "inner None", "the app has a context of its own");
}

#[rstest]
#[tokio::test]
async fn on_tonic(#[values(key_required, key_required_sync)] decorator: fn(View) -> View) {
    let (_, health) = tonic_health::server::health_reporter();
    let service = layer(decorator).layer(tonic::service::Routes::new(health).prepare());
    // An empty HealthCheckRequest, framed as gRPC frames messages.
    let call = |key: &'static str| {
        let request = Request::post("/grpc.health.v1.Health/Check").header("content-type", "application/grpc");
        let request =
            request.header("te", "trailers").header("x-key", key).body(Full::new(Bytes::from_static(&[0; 5])));
        service.clone().oneshot(request.unwrap())
    };
    assert_eq!(call("closed").await.unwrap().status(), 401);
    let response = call("open").await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "application/grpc")
    );
    let collected = BodyExt::collect(response.into_body()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0", "trailers pass through");
    assert_eq!(collected.to_bytes()[5..], [8, 1], "SERVING");
}

#[rstest]
#[tokio::test]
async fn on_a_plain_hyper_service(#[values(key_required, key_required_sync)] decorator: fn(View) -> View) {
    let plain = service_fn(async |request: Request<Body>| {
        let body = request.into_body().collect().await.unwrap();
        Ok::<_, Infallible>(hyper::Response::new(Full::new(body)))
    });
    let service = layer(decorator).layer(plain);
    let request = Request::post("/").header("x-key", "open").body(Full::new(Bytes::from("echo"))).unwrap();
    assert_eq!(text(service.oneshot(request).await.unwrap().into_body()).await, "echo");
}

/// The layer's app has hooks, sessions and error handlers like any other.
#[tokio::test]
async fn a_layer_has_sessions_and_error_handlers() {
    let mut app = App::new("layer");
    app.config.secret_key = Some("secret".into());
    app.errorhandler(401, async |_: Error| ("no key", 401));
    let visited = |view: View| {
        view.wrapped_by_async(|next, request| async move {
            session().set("visited", true)?;
            next.call(request).await
        })
    };
    let layer = DecoratorLayer::new(app, |view| visited(key_required(view))).unwrap();
    let service = layer
        .layer(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::new())))));
    let refused = service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert!(refused.headers().contains_key("set-cookie"));
    assert_eq!(text(refused.into_body()).await, "no key");
}

#[test]
fn a_layer_without_its_extension_fails_when_it_is_made() {
    struct Missing;
    let needy = |view: View| Decorator::new(view).requires::<Missing>().guard(|_| ());
    let error = DecoratorLayer::new(App::new("layer"), needy).unwrap_err();
    assert!(error.message().contains("Missing"), "{error}");
}

/// tower-http#561: the service that was polled ready is the one to call. `Mock` panics on any other.
#[tokio::test]
async fn the_ready_service_is_the_one_that_is_called() {
    let (mock, mut handle) = tower_test::mock::pair::<Request<Body>, hyper::Response<Full<Bytes>>>();
    let mut service = layer(key_required).layer(mock);
    handle.allow(2);
    for n in ["one", "two"] {
        let request = Request::get("/").header("x-key", "open").body(Body::empty()).unwrap();
        let answer = ServiceExt::<Request<Body>>::ready(&mut service).await.unwrap().call(request);
        let serve = async {
            let (_, send) = handle.next_request().await.unwrap();
            send.send_response(hyper::Response::new(Full::new(Bytes::from(n))));
        };
        let (response, ()) = tokio::join!(answer, serve);
        assert_eq!(text(response.unwrap().into_body()).await, n);
    }
}

#[tokio::test]
async fn backpressure_of_the_inner_service_is_passed_on() {
    let (mock, mut handle) = tower_test::mock::pair::<Request<Body>, hyper::Response<Full<Bytes>>>();
    let mut service = tokio_test::task::spawn(layer(key_required).layer(mock));
    handle.allow(0);
    let mut poll = || {
        service.enter(|context, mut service| Service::<Request<Body>>::poll_ready(&mut *service, context).is_ready())
    };
    assert!(!poll());
    handle.allow(1);
    assert!(poll());
}

/// A decorator that calls the view again, as a retry does, gets a service that is ready again.
#[tokio::test]
async fn a_retry_calls_a_ready_service() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let flaky = service_fn(move |_: Request<Body>| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if call == 0 {
                Err(std::io::Error::other("flaky"))
            } else {
                Ok(hyper::Response::new(Full::new(Bytes::from("ok"))))
            }
        }
    });
    let retry = |view: View| {
        view.wrapped_by_async(|next, request| async move {
            match next.call(request.clone()).await {
                Err(_) => next.call(request).await,
                done => done,
            }
        })
    };
    let service = DecoratorLayer::new(App::new("layer"), retry).unwrap().layer(flaky);
    let response = service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((text(response.into_body()).await.as_str(), calls.load(Ordering::SeqCst)), ("ok", 2));
}

/// The app's error handlers see the original error of the service.
#[rstest]
#[tokio::test]
async fn errors_of_a_service_reach_the_handlers(#[values(true, false)] as_view: bool) {
    let broken =
        || service_fn(async |_: Request<Body>| Err::<hyper::Response<Full<Bytes>>, _>(std::io::Error::other("broken")));
    let mut app = App::new("test");
    app.errorhandler(costrel::of_type::<std::io::Error>(), async |error: Error| (format!("mapped: {error}"), 502));
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = if as_view {
        app.fallback(service_view("broken", broken()));
        app.build().unwrap().call(request).await
    } else {
        DecoratorLayer::new(app, |view| view).unwrap().layer(broken()).oneshot(request).await.unwrap()
    };
    assert_eq!((response.status().as_u16(), text(response.into_body()).await.as_str()), (502, "mapped: broken"));
}

#[tokio::test]
async fn an_axum_router_is_a_view() {
    let router = Router::new()
        .route("/a", get(async || "from axum"))
        .route("/a", axum::routing::post(async |body: String| body));
    let mut app = App::new("test");
    app.rule("/a").methods(["GET", "POST"]).decorate(key_required).view(service_view("axum", router));
    let client = app.test_client();
    assert_eq!(client.get("/a").await.unwrap().status(), 401);
    assert_eq!(client.get("/a").header("x-key", "open").await.unwrap().text(), "from axum");
    let echoed = client.open(Method::POST, "/a").header("x-key", "open").body("posted").await.unwrap();
    assert_eq!(echoed.text(), "posted");
}

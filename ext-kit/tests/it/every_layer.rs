//! Each layer of tower-http, and those of tower that are for HTTP, as decorators; and decorators over one type of body.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::{Next, from_fn};
use bytes::Bytes;
use costrel::{
    App, Body, Error, HeaderName, HeaderValue, IntoView, StatusCode, View, abort, of_type, request,
    testing::TestRequest,
};
use costrel_ext_kit::tower::{BoxError, DecoratorLayer, layered, service_view};
use costrel_ext_kit::{Decorate, Decorator};
use futures_util::stream;
use http_body_util::{BodyExt, Full};
use rstest::rstest;
use tower::buffer::BufferLayer;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::{LoadShedLayer, error::Overloaded};
use tower::timeout::error::Elapsed;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::add_extension::AddExtensionLayer;
use tower_http::auth::AsyncRequireAuthorizationLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::metrics::InFlightRequestsLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::propagate_header::PropagateHeaderLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::set_header::{SetRequestHeaderLayer, SetResponseHeaderLayer};
use tower_http::set_status::SetStatusLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, ResponseBodyTimeoutLayer};
use tower_http::validate_request::ValidateRequestHeaderLayer;

const ADDED: HeaderName = HeaderName::from_static("x-added");

/// A view that tells what it sees of the request.
fn telling(sync: bool) -> View {
    fn told(data: &Bytes) -> String {
        let (request, text) = (request(), String::from_utf8_lossy(data));
        let extension = request.extension::<&str>().copied().unwrap_or_default();
        format!("{} {} [{text}] {extension}", request.path(), request.header("x-added").unwrap_or("-"))
    }
    if sync {
        (|| Ok::<_, Error>(told(&request().get_data().wait()?))).into_view()
    } else {
        (async || Ok::<_, Error>(told(&request().get_data().await?))).into_view()
    }
}

/// Sends a POST to the view behind the decorator.
fn post(decorator: impl Fn(View) -> View, sync: bool) -> TestRequest {
    let mut app = App::new("test");
    app.rule("/page").methods(["POST"]).endpoint("page").view(decorator(telling(sync)));
    app.errorhandler(of_type::<Overloaded>(), async || ("overloaded", 503));
    app.test_client().post("/page")
}

fn streamed(text: &'static [u8]) -> Body {
    Body::from_stream(stream::iter(text.chunks(4).map(Ok::<_, Error>).map(|chunk| chunk.map(Bytes::from_static))))
}

fn upper(body: Body) -> Full<Bytes> {
    Full::new(body.as_bytes().map_or_else(Bytes::new, |bytes| bytes.to_ascii_uppercase().into()))
}

async fn keyed(request: http::Request<Body>) -> Result<http::Request<Body>, http::Response<Body>> {
    let refused = || http::Response::builder().status(401).body(Body::empty()).unwrap_or_default();
    if request.headers().contains_key("x-key") { Ok(request) } else { Err(refused()) }
}

/// Each layer does its work as a decorator, on views of both colours.
#[rstest]
fn a_layer_works_as_a_decorator(
    #[values(
        "add_extension",
        "async_auth",
        "buffer",
        "catch_panic",
        "concurrency",
        "global_concurrency",
        "decompression",
        "load_shed",
        "map_request_body",
        "map_response_body",
        "metrics",
        "normalize_path",
        "propagate_header",
        "request_body_limit",
        "request_decompression",
        "request_id",
        "sensitive_headers",
        "set_request_header",
        "set_response_header",
        "set_status",
        "timeouts",
        "tower_timeout",
        "validate_request"
    )]
    name: &str,
    #[values(true, false)] sync: bool,
) {
    let decorator: Box<dyn Fn(View) -> View> = match name {
        "add_extension" => Box::new(layered(AddExtensionLayer::new("extended"))),
        "async_auth" => Box::new(layered(AsyncRequireAuthorizationLayer::new(keyed))),
        "buffer" => Box::new(layered(BufferLayer::new(4))),
        "catch_panic" => Box::new(layered(CatchPanicLayer::new())),
        "concurrency" => Box::new(layered(ConcurrencyLimitLayer::new(1))),
        "global_concurrency" => Box::new(layered(GlobalConcurrencyLimitLayer::new(1))),
        "decompression" => Box::new(layered(DecompressionLayer::new())),
        "load_shed" => Box::new(layered(LoadShedLayer::new())),
        "map_request_body" => Box::new(layered(MapRequestBodyLayer::new(upper))),
        "map_response_body" => Box::new(layered(MapResponseBodyLayer::new(upper))),
        "metrics" => Box::new(layered(InFlightRequestsLayer::pair().0)),
        "normalize_path" => Box::new(layered(NormalizePathLayer::append_trailing_slash())),
        "propagate_header" => Box::new(layered(PropagateHeaderLayer::new("x-key".parse().unwrap()))),
        "request_body_limit" => Box::new(layered(RequestBodyLimitLayer::new(4))),
        "request_decompression" => Box::new(layered(RequestDecompressionLayer::new())),
        "request_id" => Box::new(layered(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new("x-id".parse().unwrap(), MakeRequestUuid))
                .layer(PropagateRequestIdLayer::new("x-id".parse().unwrap()))
                .into_inner(),
        )),
        "sensitive_headers" => Box::new(layered(SetSensitiveHeadersLayer::new(["x-key".parse().unwrap()]))),
        "set_request_header" => {
            Box::new(layered(SetRequestHeaderLayer::overriding(ADDED, HeaderValue::from_static("added"))))
        }
        "set_response_header" => {
            Box::new(layered(SetResponseHeaderLayer::overriding(ADDED, HeaderValue::from_static("added"))))
        }
        "set_status" => Box::new(layered(SetStatusLayer::new(StatusCode::IM_A_TEAPOT))),
        "timeouts" => Box::new(layered(
            ServiceBuilder::new()
                .layer(RequestBodyTimeoutLayer::new(Duration::from_secs(5)))
                .layer(ResponseBodyTimeoutLayer::new(Duration::from_secs(5)))
                .into_inner(),
        )),
        "tower_timeout" => Box::new(layered(tower::timeout::TimeoutLayer::new(Duration::from_secs(5)))),
        _ => Box::new(layered(ValidateRequestHeaderLayer::accept("text/html"))),
    };
    let sent = post(decorator, sync).header("x-key", "key").header("accept", "text/html").body("body").wait().unwrap();
    let (status, text) = match name {
        "add_extension" => (200, "/page - [body] extended"),
        "map_request_body" => (200, "/page - [BODY] "),
        "map_response_body" => (200, "/PAGE - [BODY] "),
        "normalize_path" => (200, "/page/ - [body] "),
        "set_request_header" => (200, "/page added [body] "),
        "set_status" => (418, "/page - [body] "),
        _ => (200, "/page - [body] "),
    };
    assert_eq!((sent.status().as_u16(), sent.text().as_str()), (status, text));
    assert_eq!(sent.header("x-id").is_some(), name == "request_id");
    assert_eq!(sent.header("x-key").is_some(), name == "propagate_header");
    assert_eq!(sent.header("x-added").is_some(), name == "set_response_header");
}

/// A body that is longer than the layer allows is a 413, whether its length is announced or found out.
#[rstest]
fn a_body_over_a_layers_limit_is_a_413(
    #[values(true, false)] sync: bool,
    #[values(true, false)] chunked: bool,
    #[values(true, false)] read_by_a_decorator: bool,
) {
    let decorator = |view: View| {
        let view = if read_by_a_decorator {
            view.wrapped_by(|view, request| {
                request.get_data().wait()?;
                costrel::current_app().ensure_sync(view)(request)
            })
        } else {
            view
        };
        layered(RequestBodyLimitLayer::new(8))(view)
    };
    let body = |text: &'static [u8]| if chunked { streamed(text) } else { Body::from(Bytes::from_static(text)) };
    assert_eq!(post(decorator, sync).body(body(b"too long")).wait().unwrap().text(), "/page - [too long] ");
    assert_eq!(post(decorator, sync).body(body(b"much too long")).wait().unwrap().status(), 413);
}

/// A limit may also be a layer around an app, or around a service beneath a decorator.
#[rstest]
#[tokio::test]
async fn a_limit_around_a_service_is_a_413(
    #[values(true, false)] sync: bool,
    #[values("app", "layer", "view")] place: &str,
) {
    let limit = RequestBodyLimitLayer::new(8);
    let request = http::Request::post("/").body(axum::body::Body::new(streamed(b"much too long"))).unwrap();
    let read = |view: View| {
        view.wrapped_by_async(|next, request| async move {
            request.get_data().await?;
            next.call(request).await
        })
    };
    let ok = service_fn(async |_: http::Request<Body>| Ok::<_, Infallible>(http::Response::new(Body::empty())));
    let mut app = App::new("test");
    app.post("/", telling(sync));
    let status = match place {
        "app" => {
            let service = limit.layer(costrel_ext_kit::tower::AppService::new(app.build().unwrap()));
            service.oneshot(request).await.unwrap().status()
        }
        "layer" => {
            let layer = DecoratorLayer::new(App::new("layer"), read).unwrap();
            limit.layer(layer.layer(ok)).oneshot(request).await.unwrap().status()
        }
        _ => {
            let echo = service_fn(async |request: http::Request<tower_http::body::Limited<Body>>| {
                let data = request.into_body().collect().await?.to_bytes();
                Ok::<_, BoxError>(http::Response::new(Body::from(data)))
            });
            let mut app = App::new("outer");
            app.post("/", service_view("echo", limit.layer(echo)));
            app.build().unwrap().call(request.map(Body::new)).await.status()
        }
    };
    assert_eq!(status, 413);
}

#[rstest]
fn a_compressed_body_is_unpacked(#[values(true, false)] sync: bool, #[values(true, false)] chunked: bool) {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"unpacked").unwrap();
    let packed: &'static [u8] = packed.finish().unwrap().leak();
    let send = |bytes: &'static [u8]| {
        let body = if chunked { streamed(bytes) } else { Body::from(Bytes::from_static(bytes)) };
        let request = post(layered(RequestDecompressionLayer::new()), sync).header("content-encoding", "gzip");
        request.body(body).wait().unwrap()
    };
    assert_eq!(send(packed).text(), "/page - [unpacked] ");
    assert_eq!(send(b"no gzip at all").status(), 400);
}

#[rstest]
fn a_layer_that_catches_panics_answers_them(#[values(true, false)] sync: bool) {
    let view = if sync {
        (|| -> &str { panic!("as it should") }).into_view()
    } else {
        (async || -> &str { panic!("as it should") }).into_view()
    };
    let mut app = App::new("test");
    app.route(
        "/",
        layered(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            http::Response::builder().status(418).body(Full::new(Bytes::from("caught"))).unwrap()
        }))(view)
        .named("view"),
    );
    let caught = app.test_client().get("/").wait().unwrap();
    assert_eq!((caught.status().as_u16(), caught.text().as_str()), (418, "caught"));
}

/// A layer's own errors go to the app's handlers, by their type.
#[rstest]
#[tokio::test(start_paused = true)]
async fn errors_of_a_layer_reach_the_handlers(#[values("timeout", "shed", "refused")] which: &str) {
    let mut app = App::new("test");
    app.errorhandler(of_type::<Elapsed>(), async || ("elapsed", 504));
    app.errorhandler(of_type::<Overloaded>(), async || ("overloaded", 503));
    let slow = (async || std::future::pending::<&str>().await).into_view();
    let decorated = match which {
        "timeout" => layered(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)))(slow),
        "shed" => layered(
            ServiceBuilder::new()
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::with_semaphore(Arc::new(tokio::sync::Semaphore::new(0))))
                .into_inner(),
        )(slow),
        _ => layered(ValidateRequestHeaderLayer::accept("text/html"))(slow),
    };
    app.route("/", decorated.named("view"));
    let expected = match which {
        "timeout" => 504,
        "shed" => 503,
        _ => 406,
    };
    assert_eq!(app.test_client().get("/").header("accept", "image/png").await.unwrap().status(), expected);
}

/// A decorator over services that take axum's body alone.
#[rstest]
#[tokio::test]
async fn a_decorator_over_one_type_of_body(#[values(true, false)] sync: bool, #[values(true, false)] chunked: bool) {
    async fn marked(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }
    let decorator = if sync {
        (|view: View| view.wrapped_by(|view, request| costrel::current_app().ensure_sync(view)(request)))
            as fn(View) -> View
    } else {
        |view: View| view.wrapped_by_async(|next, request| async move { next.call(request).await })
    };
    let layer = || DecoratorLayer::new(App::new("layer"), decorator).unwrap().request_body(axum::body::Body::new);
    let body = || axum::body::Body::new(if chunked { streamed(b"echo") } else { Body::from("echo") });
    let request = || http::Request::post("/").body(body()).unwrap();
    let echo = service_fn(async |request: http::Request<axum::body::Body>| {
        Ok::<_, axum::Error>(http::Response::new(Body::from(request.into_body().collect().await?.to_bytes())))
    });
    let alone = layer().layer(echo).oneshot(request()).await.unwrap();
    assert_eq!(alone.into_body().collect().await.unwrap(), "echo");
    let router = axum::Router::new().route("/", axum::routing::post(async |body: String| body));
    let stack = router.layer(ServiceBuilder::new().layer(layer()).layer(from_fn(marked)));
    let response = stack.oneshot(request()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "echo");
}

/// A layer with options, listed by its name.
#[test]
fn a_layer_has_the_options_of_a_decorator() {
    let decorated = |view: View| Decorator::new(view).phase(costrel::Phase::CACHE).layer(CatchPanicLayer::new());
    let mut app = App::new("test");
    app.rule("/").decorate(decorated).view(|| abort::<&str>(404));
    let application = app.build().unwrap();
    let listed = &application.rules()[0].decorators[0];
    assert_eq!((listed.name.as_str(), listed.phase), ("CatchPanicLayer", Some(costrel::Phase::CACHE)));
}

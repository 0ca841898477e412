//! Tower layers on views.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use costrel::{App, Body, Colour, Error, IntoView, Response, StatusCode, View, abort, g, request, testing::TestClient};
use costrel_ext_kit::Decorator;
use costrel_ext_kit::tower::layered;
use futures_util::stream;
use http_body_util::BodyExt;
use rstest::rstest;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

fn client_of(view: View) -> TestClient {
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "POST", "OPTIONS"]).endpoint("view").view(view);
    app.test_client()
}

fn view(colour: Colour) -> View {
    let answer = || format!("{} {}", "long ".repeat(100), g().get::<&str>("seen").unwrap_or("nothing"));
    match colour {
        Colour::Sync => (move || answer()).into_view(),
        Colour::Async => (move || async move { answer() }).into_view(),
    }
}

#[rstest]
fn compression(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(layered(CompressionLayer::new())(view(colour)));
    let compressed = client.get("/").header("accept-encoding", "gzip").wait().unwrap();
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert!(compressed.data().len() < 100);
    assert!(client.get("/").wait().unwrap().text().starts_with("long"));
}

/// A stream that ends with the server does so behind a layer too, whose body does not say it.
#[rstest]
fn a_stream_without_an_end_stays_one(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] endless: bool,
) {
    let body = move || {
        let body = Body::from_stream(stream::iter(["line"]));
        if endless { body.until_shutdown() } else { body }
    };
    let inner = match colour {
        Colour::Sync => body.into_view(),
        Colour::Async => (move || std::future::ready(body())).into_view(),
    };
    let told = Decorator::new(layered(CompressionLayer::new())(inner)).after(|answer| {
        let mut response = answer?;
        let text = response.body().is_until_shutdown().to_string();
        response.headers_mut().insert("x-endless", text.parse().unwrap());
        Ok(response)
    });
    let response = client_of(told).get("/").wait().unwrap();
    assert_eq!((response.header("x-endless"), &*response.text()), (Some(&*endless.to_string()), "line"));
}

#[rstest]
fn cors(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(layered(CorsLayer::permissive())(view(colour)));
    let response = client.get("/").header("origin", "https://a.example").wait().unwrap();
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let preflight = client.open("OPTIONS".parse().unwrap(), "/").header("origin", "https://a.example");
    let preflight = preflight.header("access-control-request-method", "POST").wait().unwrap();
    assert_eq!((preflight.status().as_u16(), preflight.text().as_str()), (200, ""));
}

#[rstest]
fn trace(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(layered(TraceLayer::new_for_http())(view(colour)));
    assert!(client.get("/").wait().unwrap().text().starts_with("long"));
}

#[tokio::test(start_paused = true)]
async fn timeout_drops_the_async_view() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let counter = dropped.clone();
    let slow = move || {
        let counter = Count(counter.clone());
        async move {
            let _counter = counter;
            std::future::pending::<&str>().await
        }
    };
    let layer = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5));
    let response = client_of(layered(layer)(slow.into_view())).get("/").await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

struct Count(Arc<AtomicUsize>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A layer that changes the request and counts the calls of its service that came before it was ready.
#[derive(Clone, Default)]
struct Rewrite {
    unready_calls: Arc<AtomicUsize>,
}

impl<S> tower::Layer<S> for Rewrite {
    type Service = Rewritten<S>;

    fn layer(&self, inner: S) -> Rewritten<S> {
        Rewritten { inner, ready: false, unready_calls: self.unready_calls.clone() }
    }
}

struct Rewritten<S> {
    inner: S,
    ready: bool,
    unready_calls: Arc<AtomicUsize>,
}

impl<S: Clone> Clone for Rewritten<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), ready: false, unready_calls: self.unready_calls.clone() }
    }
}

impl<S: tower::Service<http::Request<Body>>> tower::Service<http::Request<Body>> for Rewritten<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let ready = self.inner.poll_ready(context);
        self.ready = ready.is_ready();
        ready
    }

    fn call(&mut self, mut request: http::Request<Body>) -> S::Future {
        self.unready_calls.fetch_add(usize::from(!std::mem::take(&mut self.ready)), Ordering::SeqCst);
        request.headers_mut().insert("x-added", "by the layer".parse().unwrap());
        self.inner.call(request)
    }
}

#[rstest]
fn what_a_layer_changes_the_view_sees_and_readiness_is_honoured(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let show = || format!("{} {:?}", request().header("x-added").unwrap_or("nothing"), request().endpoint());
    let view = match colour {
        Colour::Sync => (move || show()).into_view(),
        Colour::Async => (move || async move { show() }).into_view(),
    };
    let layer = Rewrite::default();
    let client = client_of(layered(layer.clone())(layered(layer.clone())(view)));
    for _ in 0..3 {
        assert_eq!(client.get("/").wait().unwrap().text(), "by the layer Some(\"view\")");
    }
    assert_eq!(layer.unready_calls.load(Ordering::SeqCst), 0);
}

#[test]
fn a_body_read_before_the_layer_is_still_there_beneath_it() {
    let echo = async || request().get_data().await;
    let mut app = App::new("test");
    app.before_request(async || request().get_data().await.map(drop));
    app.post("/read", layered(Rewrite::default())(echo.into_view()));
    app.post("/sync", layered(Rewrite::default())((|| request().get_data().wait()).into_view()));
    let client = app.test_client();
    assert_eq!(client.post("/read").body("kept").wait().unwrap().text(), "kept");
    assert_eq!(client.post("/sync").body("kept").wait().unwrap().text(), "kept");
}

#[test]
fn errors_pass_through_a_layer_unchanged() {
    let mut app = App::new("test");
    app.errorhandler(404, async |_: Error| ("our own 404", 404));
    app.route("/", layered(Rewrite::default())((async || abort::<&str>(404)).into_view()));
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "our own 404");
}

#[tokio::test]
async fn streams_and_trailers_pass_through_a_layer() {
    let mut app = App::new("test");
    let view = async || {
        let mut trailers = costrel::HeaderMap::new();
        trailers.insert("x-trailer", "end".parse().unwrap());
        let frames = [Ok::<_, Error>(http_body::Frame::data("chunk".into())), Ok(http_body::Frame::trailers(trailers))];
        Response::new(Body::new(http_body_util::StreamBody::new(stream::iter(frames))))
    };
    app.rule("/").endpoint("view").view(layered(Rewrite::default())(view.into_view()));
    let request = http::Request::get("/").body(Body::empty()).unwrap();
    let collected = app.build().unwrap().call(request).await.into_body().boxed_unsync().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-trailer"], "end");
    assert_eq!(collected.to_bytes(), "chunk");
}

/// Adds a header to the request and moves it to another path.
fn moved(mut request: http::Request<Body>) -> http::Request<Body> {
    request.headers_mut().insert("x-added", http::HeaderValue::from_static("new"));
    *request.uri_mut() = http::Uri::from_static("/moved?to=here");
    request
}

/// All code beneath a layer sees its changes, even a guard, which runs as soon as the view is called.
#[rstest]
fn a_guard_beneath_a_layer_sees_what_it_changed(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    use costrel_ext_kit::Decorate;
    let seen = || {
        let request = request();
        format!("{:?} {} {}", request.header("x-added"), request.path(), request.full_path())
    };
    let view = match colour {
        Colour::Sync => seen.into_view(),
        Colour::Async => (move || async move { seen() }).into_view(),
    };
    let guarded = view.guarded_by(|given| {
        assert_eq!(given.header("x-added"), Some("new"));
        if request().header("x-added").is_some() { Ok(()) } else { abort(500) }
    });
    let response = client_of(layered(tower::util::MapRequestLayer::new(moved))(guarded)).get("/").wait().unwrap();
    assert_eq!(response.text(), r#"Some("new") /moved /moved?to=here"#);
}

/// A hook that reads a token from the form must not break uploads beneath a layer.
#[rstest]
fn a_form_that_a_hook_has_read_goes_through_a_layer(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(10, 900_000)] size: usize,
) {
    let view = match colour {
        Colour::Sync => (|| {
            let form = (request().form().wait()?, request().files().wait()?);
            Ok::<_, Error>(format!(
                "{:?} {}",
                form.0.get("token"),
                form.1.get("f").map_or(0, costrel::FileStorage::size)
            ))
        })
        .into_view(),
        Colour::Async => (async || {
            let form = (request().form().await?, request().files().await?);
            Ok::<_, Error>(format!(
                "{:?} {}",
                form.0.get("token"),
                form.1.get("f").map_or(0, costrel::FileStorage::size)
            ))
        })
        .into_view(),
    };
    let mut app = App::new("test");
    app.before_request(async || request().form().await.map(drop));
    app.rule("/").methods(["POST"]).endpoint("view").view(layered(CompressionLayer::new())(view));
    let sent = app.test_client().post("/").form(&[("token", "t")]).file("f", "f", "text/plain", vec![b'x'; size]);
    assert_eq!(sent.wait().unwrap().text(), format!("Some(\"t\") {size}"));
}

/// The limit on a body's length does not depend on the colour of a decorator around the service that reads the body.
#[rstest]
fn a_service_gets_no_longer_body_than_the_app_allows(
    #[values("none", "sync", "async")] decorator: &str,
    #[values(true, false)] streamed: bool,
) {
    use costrel_ext_kit::Decorate;
    use costrel_ext_kit::tower::{AppService, service_view};
    let mut inner = App::new("inner");
    inner.config.max_content_length = None;
    inner.post("/", async || request().get_data().await.map(|data| data.len().to_string()));
    let view = service_view("inner", AppService::new(inner.build().unwrap()));
    let view = match decorator {
        "sync" => view.wrapped_by(|view, request| costrel::current_app().ensure_sync(view)(request)),
        "async" => view.wrapped_by_async(|next, request| async move { next.call(request).await }),
        _ => view,
    };
    let mut app = App::new("outer");
    app.config.max_content_length = Some(10);
    app.rule("/").methods(["POST"]).view(view);
    let client = app.test_client();
    let send = |bytes: usize| {
        let bytes = vec![b'x'; bytes];
        let body = if streamed { Body::from_stream(stream::iter([Ok::<_, Error>(bytes)])) } else { bytes.into() };
        client.post("/").body(body).wait().unwrap()
    };
    assert_eq!(send(10).text(), "10");
    assert_eq!(send(20).status(), 413);
}

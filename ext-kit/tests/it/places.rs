//! Where a request goes and whom it comes from, on axum: mount points, routes, addresses.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use costrel::{App, Body, Error, IntoResponse, IntoView, Request, Response, View, async_to_sync, request, url_for};
use costrel_ext_kit::Decorate;
use costrel_ext_kit::key::{endpoint, place, remote_address, route};
use costrel_ext_kit::tower::{AppService, DecoratorLayer};
use http_body_util::BodyExt;
use rstest::rstest;
use tower::ServiceExt;

/// A decorator that answers with what `tell` says of the request.
fn telling(tell: fn(&Request) -> String) -> impl Fn(View) -> View {
    move |view| view.guarded_by(move |request| Some(tell(request)))
}

fn layer(tell: fn(&Request) -> String) -> DecoratorLayer {
    DecoratorLayer::new(App::new("layer"), telling(tell)).unwrap()
}

async fn text(app: Router, path: &str) -> String {
    let mut request = http::Request::get(path).header("host", "example.com").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
    let body = app.oneshot(request.map(axum::body::Body::new)).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[rstest]
#[case::one("/a/page", "http://example.com/a/page")]
#[case::the_other("/b/page", "http://example.com/b/page")]
#[tokio::test]
async fn one_layer_under_two_prefixes_knows_where_it_is(#[case] path: &str, #[case] url: &str) {
    let inner = Router::new()
        .route("/page", get(async || "never"))
        .layer(layer(|request| format!("{} {}", request.url(), place(request))));
    let app = Router::new().nest("/a", inner.clone()).nest("/b", inner);
    let text = text(app, path).await;
    assert!(text.starts_with(url) && text.contains(&format!("7:{path} ")), "{text}");
}

#[rstest]
#[case::matched("/users/7", "fallback /users/{id}")]
#[case::nested("/v1/users/7", "fallback /v1/users/{id}")]
#[tokio::test]
async fn a_layer_knows_the_route_that_axum_has_matched(#[case] path: &str, #[case] expected: &str) {
    let users = Router::new().route("/users/{id}", get(async || "never")).layer(layer(route));
    let app = Router::new().nest("/v1", users.clone()).merge(users);
    assert_eq!(text(app, path).await, expected);
}

#[tokio::test]
async fn around_a_whole_router_the_route_is_the_path() {
    let app = Router::new().route("/users/{id}", get(async || "never"));
    let app = Router::new().fallback_service(tower::Layer::layer(&layer(route), app));
    assert_eq!(text(app, "/users/7").await, "fallback /users/7");
}

async fn answer_with_endpoint(request: Request) -> Result<Response, Error> {
    endpoint(request).await.into_response()
}

/// A decorator of each form that answers with the endpoint.
fn telling_endpoint(form: &str) -> DecoratorLayer {
    let decorator = move |view: View| match form {
        "sync" => view.wrapped_by(|_, request| async_to_sync(answer_with_endpoint)(request)?),
        _ => view.wrapped_by_async(|_, request| answer_with_endpoint(request)),
    };
    DecoratorLayer::new(App::new("layer"), decorator).unwrap()
}

#[rstest]
#[case::route("/users/7", "/users/{id}")]
#[case::nested("/v1/users/7", "/v1/users/{id}")]
#[tokio::test]
async fn the_endpoint_in_a_layer_is_what_axum_has_matched(
    #[case] path: &str,
    #[case] expected: &str,
    #[values("sync", "async")] form: &str,
) {
    let users = Router::new().route("/users/{id}", get(async || "never")).layer(telling_endpoint(form));
    let app = Router::new().nest("/v1", users.clone()).merge(users);
    assert_eq!(text(app, path).await, expected);
}

/// Around a whole router the user tells the route; what the user leaves is the path.
#[rstest]
#[case::told("/users/7", "/users/{id}")]
#[case::left("/search", "/search")]
#[tokio::test]
async fn around_a_whole_router_the_route_is_told(
    #[case] path: &str,
    #[case] expected: &str,
    #[values("sync", "async")] form: &str,
) {
    let users = |request: &http::Request<Body>| request.uri().path().starts_with("/users/").then_some("/users/{id}");
    let around = |layer: DecoratorLayer| {
        let app = Router::new().route("/users/{id}", get(async || "never"));
        Router::new().fallback_service(tower::Layer::layer(&layer.route(users), app))
    };
    assert_eq!(text(around(telling_endpoint(form)), path).await, expected);
    assert_eq!(text(around(layer(route)), path).await, format!("fallback {expected}"));
}

#[rstest]
#[case::nested("/shop/me", "http://example.com/shop/me /shop/me")]
#[case::twice("/outer/shop/me", "http://example.com/outer/shop/me /outer/shop/me")]
#[tokio::test]
async fn a_nested_app_knows_its_mount_point(
    #[case] path: &str,
    #[case] expected: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = App::new("shop");
    let urls = || format!("{} {}", request().url(), url_for("me").build().unwrap());
    let view = if sync { urls.into_view() } else { (move || std::future::ready(urls())).into_view() };
    app.rule("/me").endpoint("me").view(view);
    let service = AppService::new(app.build().unwrap());
    let shop = Router::new().nest_service("/shop", service);
    assert_eq!(text(Router::new().nest("/outer", shop.clone()).merge(shop), path).await, expected);
}

#[tokio::test]
async fn the_address_is_that_of_connect_info() {
    let mut app = App::new("test");
    app.route("/", async || remote_address(request()).await);
    let app = Router::new().fallback_service(AppService::new(app.build().unwrap()));
    assert_eq!(text(app, "/").await, "192.0.2.7");
    let layered = Router::new()
        .route("/", get(async || "never"))
        .layer(layer(|request| request.remote_addr().map(|address| address.ip().to_string()).unwrap_or_default()));
    assert_eq!(text(layered, "/").await, "192.0.2.7");
}

//! `limit` as a layer on axum: routes count apart, and so do clients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::routing::get;
use axum::{Router, body::Body};
use costrel::App;
use costrel_ext_kit::{key::remote_address, tower::DecoratorLayer};
use costrel_limiter::Limiter;
use tower::ServiceExt;

fn limited() -> Router {
    let (limiter, mut app) = (Limiter::new(remote_address), App::new("layer"));
    app.init(&limiter).unwrap();
    let layer = DecoratorLayer::new(app, limiter.limit("2/minute")).unwrap();
    Router::new().route("/users/{id}", get(async || "user")).route("/search", get(async || "found")).layer(layer)
}

async fn status(app: &Router, path: &str, client: Option<u8>) -> u16 {
    let mut request = Request::get(path).header("host", "example.com").body(Body::empty()).unwrap();
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, client], 4711))));
    }
    app.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn routes_and_clients_count_apart() {
    let app = limited();
    // Two paths of one route count together.
    assert_eq!(status(&app, "/users/1", Some(1)).await, 200);
    assert_eq!(status(&app, "/users/2", Some(1)).await, 200);
    assert_eq!(status(&app, "/users/3", Some(1)).await, 429);
    assert_eq!(status(&app, "/search", Some(1)).await, 200);
    assert_eq!(status(&app, "/users/1", Some(2)).await, 200);
}

#[tokio::test]
async fn without_an_address_no_request_is_counted_with_others() {
    assert_eq!(status(&limited(), "/search", None).await, 500);
}

/// Around a whole service that the layer cannot look into, paths that the user calls one route count together.
#[tokio::test]
async fn around_a_whole_router_a_told_route_counts_as_one() {
    let (limiter, mut app) = (Limiter::new(remote_address), App::new("layer"));
    app.init(&limiter).unwrap();
    let layer = DecoratorLayer::new(app, limiter.limit("2/minute"))
        .unwrap()
        .route(|request| request.uri().path().starts_with("/users/").then_some("/users/{id}"));
    let router = Router::new().fallback(async || "found");
    let app = Router::new().fallback_service(tower::Layer::layer(&layer, router));
    assert_eq!(status(&app, "/users/1", Some(1)).await, 200);
    assert_eq!(status(&app, "/users/2", Some(1)).await, 200);
    assert_eq!(status(&app, "/users/3", Some(1)).await, 429);
    assert_eq!(status(&app, "/search", Some(1)).await, 200);
}

//! `jwt_required` as a layer on axum, whose handlers see the token in the layer's context.

use axum::http::Request;
use axum::routing::get;
use axum::{Router, body::Body};
use costrel::App;
use costrel_ext_kit::tower::DecoratorLayer;
use costrel_jwt::{Jwt, access_token, create_access_token, get_jwt_identity, jwt_required};
use http_body_util::BodyExt;
use rstest::rstest;
use tower::ServiceExt;

/// The layer, and a token for it, which another app with the same secret has made.
async fn guarded() -> (Router, String) {
    let app = || {
        let mut app = App::new("layer");
        app.config.set("JWT_SECRET_KEY", "a secret that both apps share, long and random").unwrap();
        app.init(Jwt::new()).unwrap();
        app
    };
    let token = app().build().unwrap().app_context(create_access_token("ada").into_future()).await.unwrap();
    let layer = DecoratorLayer::new(app(), jwt_required(access_token())).unwrap();
    let me = async || get_jwt_identity::<String>().unwrap();
    (Router::new().route("/me", get(me)).layer(layer), token)
}

#[rstest]
#[case("Bearer {}", 200, "ada")]
#[case("Bearer other", 422, "{\"msg\":\"Not enough segments\"}\n")]
#[case("", 401, "{\"msg\":\"Missing Authorization Header\"}\n")]
#[tokio::test]
async fn a_layer_lets_tokens_through(#[case] header: &str, #[case] status: u16, #[case] body: &str) {
    let (app, token) = guarded().await;
    let request =
        Request::get("/me").header("host", "example.com").header("authorization", header.replace("{}", &token));
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), status);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body.as_bytes());
}

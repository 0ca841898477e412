//! `cached` as a layer on axum, whose handlers may look at anything in the request.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::extract::OriginalUri;
use axum::http::{HeaderMap, Request};
use axum::routing::get;
use axum::{Router, body::Body};
use costrel::App;
use costrel_cache::Cache;
use costrel_ext_kit::tower::DecoratorLayer;
use http_body_util::BodyExt;
use tower::ServiceExt;

fn cached() -> DecoratorLayer {
    let (cache, mut app) = (Cache::new(), App::new("layer"));
    app.init(&cache).unwrap();
    DecoratorLayer::new(app, cache.cached(Duration::from_secs(60))).unwrap()
}

/// Returns the page, and whether it came from the cache.
async fn page(app: &Router, path: &str, headers: &[(&str, &str)]) -> (String, bool) {
    let mut request = Request::get(path).header("host", "example.com").header("accept", "*/*");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let is_hit = response.headers().get("x-cache").is_some_and(|state| state == "hit");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(body.to_vec()).unwrap(), is_hit)
}

#[tokio::test]
async fn one_layer_under_two_prefixes_keeps_their_pages_apart() {
    let inner = Router::new().route("/page", get(async |uri: OriginalUri| uri.path().to_owned())).layer(cached());
    let app = Router::new().nest("/a", inner.clone()).nest("/b", inner);
    for (path, is_hit) in [("/a/page", false), ("/b/page", false), ("/a/page", true), ("/b/page", true)] {
        assert_eq!(page(&app, path, &[]).await, (path.to_owned(), is_hit));
    }
}

#[tokio::test]
async fn what_a_handler_may_have_looked_at_keeps_its_page_from_others() {
    let greet = async |headers: HeaderMap| {
        let names = ["cookie", "x-api-key", "x-made-up"];
        names.iter().find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned)).unwrap_or("anyone".into())
    };
    let app = Router::new().route("/me", get(greet)).layer(cached());
    for name in ["cookie", "x-api-key", "x-made-up"] {
        for value in ["ada", "bob", "ada"] {
            assert_eq!(page(&app, "/me", &[(name, value)]).await, (value.to_owned(), false));
        }
    }
    // A client that names itself takes nothing from those that do not, and gives nothing to them.
    assert_eq!(page(&app, "/me", &[]).await, ("anyone".to_owned(), false));
    assert_eq!(page(&app, "/me", &[]).await, ("anyone".to_owned(), true));
    assert_eq!(page(&app, "/me", &[("cookie", "ada")]).await, ("ada".to_owned(), false));
}

/// A handler may write into its page how the client says that it came, so no other client gets that page.
#[tokio::test]
async fn a_forged_way_here_is_in_no_other_clients_page() {
    let link = async |headers: HeaderMap| {
        let names = ["forwarded", "x-forwarded-host", "x-forwarded-proto", "origin"];
        names.iter().find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned)).unwrap_or("plain".into())
    };
    let app = Router::new().route("/link", get(link)).layer(cached());
    for name in ["forwarded", "x-forwarded-host", "x-forwarded-proto", "origin"] {
        assert_eq!(page(&app, "/link", &[(name, "evil.example")]).await, ("evil.example".to_owned(), false), "{name}");
    }
    assert_eq!(page(&app, "/link", &[]).await, ("plain".to_owned(), false));
    assert_eq!(page(&app, "/link", &[]).await, ("plain".to_owned(), true));
    assert_eq!(page(&app, "/link", &[("origin", "evil.example")]).await, ("evil.example".to_owned(), true));
}

//! The cache beside `jwt_required`: what was made for one client's token is given to no other client.

use std::future::ready;
use std::time::Duration;

use costrel::App;
use costrel::testing::TestClient;
use costrel_cache::{Cache, timeout};
use costrel_jwt::{Jwt, Location, access_token, get_jwt_identity, jwt_required, verify_jwt_in_request};
use rstest::rstest;
use serde_json::json;

use super::{ada, app, token};

const MINUTE: Duration = Duration::from_secs(60);

/// An app whose tokens are in the query, with a cache.
fn cached_app() -> (App, Cache) {
    let requirement = access_token().optional().locations([Location::QueryString]);
    let mut app = app(Jwt::new(), &requirement, &json!({ "JWT_TOKEN_LOCATION": "query_string" }));
    let cache = Cache::new();
    app.init(&cache).unwrap();
    (app, cache)
}

fn name() -> String {
    get_jwt_identity::<Option<String>>().unwrap().unwrap_or_else(|| "visitor".to_owned())
}

/// What the path says to Ada, to Bob, and to a client without a token.
fn told(client: &TestClient, path: &str) -> [String; 3] {
    let bob = token(client, || costrel_jwt::create_access_token("bob").wait());
    let get = |query: &[(&str, &str)]| client.get(path).query(query).wait().unwrap().text();
    [get(&[("jwt", &ada(client))]), get(&[("jwt", &bob)]), get(&[])]
}

const OWN: [&str; 3] = ["ada", "bob", "visitor"];

#[rstest]
fn a_memoized_function_keeps_no_value_of_a_token_in_the_query(#[values(true, false)] is_sync: bool) {
    let (mut app, cache) = cached_app();
    let optional = || jwt_required(access_token().optional());
    if is_sync {
        let greet = cache.memoize(MINUTE, |_: u8| name()).make_name("greet");
        app.rule("/").decorate(optional()).view(move || greet.call(1).wait());
    } else {
        let greet = cache.memoize(MINUTE, |_: u8| ready(name())).make_name("greet");
        app.rule("/").decorate(optional()).view(move || greet.call(1));
    }
    assert_eq!(told(&app.test_client(), "/"), OWN);
}

#[rstest]
#[case::inside_without_the_query(false)]
#[case::inside_in_flask_cachings_ways(true)]
fn a_page_beneath_a_token_in_the_query_is_for_one_client(#[case] compat: bool, #[values(true, false)] is_sync: bool) {
    let requirement = access_token().optional().locations([Location::QueryString]);
    let mut app = app(Jwt::new(), &requirement, &json!({}));
    let cache = if compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    app.init(&cache).unwrap();
    let caching = if compat { timeout(MINUTE) } else { timeout(MINUTE).query_string(false) };
    let rule = app.rule("/").decorate(jwt_required(requirement)).decorate(cache.cached(caching));
    if is_sync {
        rule.view(name)
    } else {
        rule.view(|| ready(name()))
    };
    assert_eq!(told(&app.test_client(), "/"), OWN);
}

/// A token is checked each time, because it expires, or is revoked.
#[rstest]
fn a_page_whose_view_checks_a_token_in_the_query_is_not_kept(#[values(true, false)] is_sync: bool) {
    let (mut app, cache) = cached_app();
    let rule = app.rule("/").decorate(cache.cached(MINUTE));
    if is_sync {
        rule.view(|| verify_jwt_in_request(access_token()).wait().map(|()| name()));
    } else {
        rule.view(async || verify_jwt_in_request(access_token()).await.map(|()| name()));
    }
    let client = app.test_client();
    let token = ada(&client);
    let page = || client.get("/").query(&[("jwt", &token)]).wait().unwrap();
    assert_eq!([page().text(), page().text()], ["ada", "ada"]);
    assert_ne!(page().header("x-cache"), Some("hit"));
}

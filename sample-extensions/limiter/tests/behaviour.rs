//! Tests of `limit`, on sync and async views, with sync and async key functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use costrel::{App, Colour, Error, IntoView, Request, View, testing::TestClient, websocket};
use costrel_ext_kit::{Clock, key::remote_address};
use costrel_limiter::Limiter;
use rstest::rstest;

fn view(colour: Colour) -> View {
    match colour {
        Colour::Sync => (|| "found").into_view(),
        Colour::Async => (async || "found").into_view(),
    }
}

fn by_user_sync(request: Request) -> String {
    request.header("x-user").unwrap_or_default().to_owned()
}

async fn by_user_async(request: Request) -> Result<String, Error> {
    request.header("x-user").map(str::to_owned).ok_or_else(|| Error::status(400))
}

fn client(limiter: &Limiter, limits: &str, colour: Colour) -> TestClient {
    let mut app = App::new("test");
    app.init(limiter).unwrap();
    app.rule("/search").decorate(limiter.limit(limits)).view(view(colour));
    app.rule("/other").decorate(limiter.limit(limits)).view(view(colour));
    app.test_client()
}

fn status(client: &TestClient, user: &str) -> u16 {
    client.get("/search").header("x-user", user).wait().unwrap().status().as_u16()
}

#[rstest]
fn what_goes_beyond_the_limit_is_refused_until_the_window_ends(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let client = client(&Limiter::new(remote_address).clock(clock.clone()), "2/minute", colour);
    assert_eq!([(); 3].map(|()| status(&client, "ada")), [200, 200, 429]);
    clock.advance(Duration::from_millis(59_001));
    let refused = client.get("/search").wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert!(refused.text().contains("2 per 1 minute"), "{}", refused.text());
    clock.advance(Duration::from_millis(999));
    assert_eq!(status(&client, "ada"), 200);
}

#[rstest]
#[case::sync_key(Limiter::new(by_user_sync))]
#[case::async_key(Limiter::new(by_user_async))]
fn every_key_and_every_endpoint_is_counted_alone(
    #[case] limiter: Limiter,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let client = client(&limiter, "1/minute", colour);
    assert_eq!(["ada", "ada", "bob"].map(|user| status(&client, user)), [200, 429, 200]);
    assert_eq!(client.get("/other").header("x-user", "ada").wait().unwrap().status(), 200);
}

#[test]
fn a_key_function_that_fails_ends_the_request() {
    let client = client(&Limiter::new(by_user_async), "1/minute", Colour::Sync);
    assert_eq!(client.get("/search").wait().unwrap().status(), 400);
}

#[rstest]
fn of_several_limits_a_refused_request_is_charged_to_none(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let client = client(&Limiter::new(remote_address).clock(clock.clone()), "3/hour;1/minute", colour);
    assert_eq!([(); 3].map(|()| status(&client, "ada")), [200, 429, 429]);
    for expected in [200, 200, 429] {
        clock.advance(Duration::from_secs(60));
        assert_eq!(status(&client, "ada"), expected);
    }
}

#[test]
fn zero_refuses_everybody() {
    let client = client(&Limiter::new(remote_address), "0/day", Colour::Async);
    assert_eq!(status(&client, "ada"), 429);
}

#[test]
fn an_error_handler_sees_the_429() {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    app.errorhandler(429, |error: Error| (format!("slow down: {error}"), 429));
    app.rule("/").decorate(limiter.limit("0/day")).view(|| "never");
    assert!(app.test_client().get("/").wait().unwrap().text().starts_with("slow down"));
}

#[test]
fn two_apps_do_not_share_counters() {
    let limiter = Limiter::new(remote_address);
    let (one, other) = (client(&limiter, "1/minute", Colour::Async), client(&limiter, "1/minute", Colour::Async));
    assert_eq!([status(&one, ""), status(&other, ""), status(&one, "")], [200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_when_many_come_at_once() {
    let client = client(&Limiter::new(remote_address), "50/minute", Colour::Async);
    let requests: Vec<_> = (0..200).map(|_| tokio::spawn(client.get("/search").into_future())).collect();
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(request.await.unwrap().unwrap().status() == 200);
    }
    assert_eq!(admitted, 50);
}

#[test]
fn a_bad_limit_is_reported_at_its_line_with_the_remedy() {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    let (limit, line) = (limiter.limit("ten a minute"), line!());
    app.rule("/").decorate(limit).view(|| "never");
    let error = app.build().unwrap_err().to_string();
    let expected = format!("tests/behaviour.rs:{line}:");
    assert!(error.contains(&expected) && error.contains("such as \"10/minute\""), "{error}");
}

#[rstest]
fn the_same_limit_twice_counts_a_request_once(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    let twice = limiter.limit("2/minute")(limiter.limit("2/minute;2 per minute")(view(colour)));
    app.rule("/").view(twice.named("twice"));
    let client = app.test_client();
    let statuses = [(); 3].map(|()| client.get("/").wait().unwrap().status().as_u16());
    assert_eq!(statuses, [200, 200, 429]);
}

/// Two limiters on one app count by their own keys, also with the same limit on the same view.
#[rstest]
fn two_limiters_on_one_app_count_apart(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (by_address, by_user) = (Limiter::new(remote_address), Limiter::new(by_user_sync));
    let mut app = App::new("test");
    app.init(&by_address).unwrap();
    app.init(&by_user).unwrap();
    app.rule("/address").decorate(by_address.limit("2/minute")).view(view(colour));
    app.rule("/both").decorate(by_address.limit("2/minute")).decorate(by_user.limit("2/minute")).view(view(colour));
    let client = app.test_client();
    let status = |path: &str, user: &str| client.get(path).header("x-user", user).wait().unwrap().status().as_u16();
    assert_eq!([status("/address", "a"), status("/address", "b"), status("/address", "c")], [200, 200, 429]);
    assert_eq!([status("/both", "127.0.0.1"), status("/both", "127.0.0.1"), status("/both", "b")], [200, 200, 429]);
}

#[test]
fn a_limiter_that_was_not_initialised_is_a_set_up_error_though_another_was() {
    let (one, other) = (Limiter::new(remote_address), Limiter::new(remote_address));
    let mut app = App::new("test");
    app.init(&one).unwrap();
    app.rule("/").decorate(other.limit("1/minute")).view(|| "never");
    assert!(app.build().unwrap_err().to_string().contains("was not initialised"));
}

#[test]
fn a_limiter_initialised_twice_is_a_set_up_error_at_the_second_line() {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    let (error, line) = (app.init(&limiter).unwrap_err().to_string(), line!());
    assert!(error.contains(&format!("behaviour.rs:{line}:")) && error.contains("initialised twice"), "{error}");
}

#[rstest]
fn a_client_is_never_told_to_come_back_at_once(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let client = client(&Limiter::new(remote_address).clock(clock.clone()), "1/second", colour);
    assert_eq!(status(&client, "ada"), 200);
    clock.advance(Duration::from_nanos(999_999_999));
    let refused = client.get("/search").wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("1")));
}

/// A key of any length is told apart from others, and is not kept whole.
#[rstest]
fn long_keys_are_told_apart_and_few_are_kept(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(by_user_sync).capacity(100);
    let client = client(&limiter, "2/minute", colour);
    let long = |end: &str| "x".repeat(10_000) + end;
    assert_eq!([(); 3].map(|()| status(&client, &long("a"))), [200, 200, 429]);
    assert_eq!(status(&client, &long("b")), 200);
    for n in 0..300 {
        assert_eq!(status(&client, &long(&n.to_string())), 200);
    }
    assert_eq!(status(&client, &long("a")), 429, "the count of a client that was refused outlives many new ones");
}

#[rstest]
fn without_an_address_the_request_fails_and_says_what_to_do(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    app.errorhandler(costrel::Exception, |error: Error| (error.message().to_owned(), 500));
    app.rule("/").decorate(limiter.limit("1/minute")).view(view(colour));
    let application = app.build().unwrap();
    let request = costrel::http::Request::get("/").body(costrel::Body::empty()).unwrap();
    let response = costrel::async_to_sync(move |request| application.call(request))(request).unwrap();
    let text = String::from_utf8(response.body().as_bytes().unwrap().to_vec()).unwrap();
    assert!(response.status() == 500 && text.contains("into_make_service_with_connect_info"), "{text}");
}

/// A limit counts handshakes.
#[rstest]
fn a_websocket_is_limited(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("test");
    app.init(&limiter).unwrap();
    let rule = app.rule("/talk").decorate(limiter.limit("2/minute"));
    match colour {
        Colour::Sync => rule.websocket(|| websocket().send("hello").wait()),
        Colour::Async => rule.websocket(async || websocket().send("hello").await),
    };
    let client = app.test_client();
    let statuses = [(); 3].map(|()| client.websocket("/talk").wait().unwrap().status().as_u16());
    assert_eq!(statuses, [101, 101, 429]);
}

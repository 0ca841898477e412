//! Tests of `limit`, on sync and async views, with sync and async key functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use costrel::{App, Colour, Error, IntoView, Request, View, testing::TestClient};
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

//! Refusals: messages, `on_breach`, limits on how often a client may be refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{Colour, Error, Response, abort};
use costrel_limiter::{Limit, Limiter, RequestLimit};
use rstest::rstest;

use crate::support::{COMPAT, app, client_of, get, limiter, seconds, statuses, view};

#[rstest]
#[case::text(Limit::new("1/day").error_message("come back tomorrow"), "come back tomorrow")]
#[case::sync(Limit::new("1/day").error_message(|limit: RequestLimit| format!("only {}", limit.limit)), "only 1 per 1 day")]
#[case::asynchronous(
    Limit::new("1/day").error_message(async |limit: RequestLimit| format!("only {}", limit.limit)),
    "only 1 per 1 day"
)]
#[case::usual(Limit::new("1/day"), "1 per 1 day")]
fn r23_the_message_is_the_limits_and_an_error_handler_sees_it(
    #[case] limit: Limit,
    #[case] message: &str,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.compat(COMPAT);
    let mut app = app(&limiter);
    app.rule("/").decorate(limiter.limit(limit)).view(view(colour, "index"));
    app.errorhandler(429, |error: Error| (format!("handled: {}", error.message()), 429));
    let client = app.test_client();
    assert_eq!(get(&client, "/").text(), "found");
    assert_eq!(get(&client, "/").text(), format!("handled: {message}"));
}

fn answer(limit: RequestLimit) -> Option<(String, u16)> {
    Some((format!("the limiter says {} of {}", limit.limit, limit.remaining), 429))
}

#[rstest]
#[case::sync(|limiter: Limiter| limiter.on_breach(answer), |limit: Limit| limit.on_breach(|| Some(("the limit says", 503))))]
#[case::asynchronous(
    |limiter: Limiter| limiter.on_breach(async |limit| answer(limit)),
    |limit: Limit| limit.on_breach(async || Some(("the limit says", 503)))
)]
fn r24_a_response_of_on_breach_is_the_answer_and_the_limits_own_goes_first(
    #[case] of_limiter: fn(Limiter) -> Limiter,
    #[case] of_limit: fn(Limit) -> Limit,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let limiter = of_limiter(limiter().0);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    app.rule("/a").decorate(limiter.limit("1/day")).view(view(colour, "a"));
    app.rule("/b").decorate(limiter.limit(of_limit(Limit::new("1/day")))).view(view(colour, "b"));
    let client = app.test_client();
    assert_eq!([get(&client, "/a").text(), get(&client, "/b").text()], ["found", "found"], "no breach yet");
    assert_eq!(get(&client, "/a").text(), "the limiter says 1 per 1 day of 0");
    let refused = get(&client, "/b");
    assert_eq!((refused.status().as_u16(), refused.text().as_str()), (503, "the limit says"));
}

#[rstest]
fn r24_an_on_breach_that_fails_ends_the_request_unless_errors_are_swallowed(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let client = |swallow: bool| {
        let limiter = limiter().0.swallow_errors(swallow).on_breach(|_: RequestLimit| abort::<Option<Response>>(503));
        client_of(&limiter, colour, limiter.limit("1/day"))
    };
    assert_eq!(statuses(&client(false), ["/", "/"]), [200, 503]);
    assert_eq!(statuses(&client(true), ["/", "/"]), [200, 429]);
}

#[rstest]
#[case::sync(|limiter: Limiter, calls: Arc<AtomicUsize>| limiter.on_meta_breach(move || note(&calls)))]
#[case::asynchronous(|limiter: Limiter, calls: Arc<AtomicUsize>| limiter.on_meta_breach(move || {
    note(&calls);
    async {}
}))]
fn r26_a_client_that_is_refused_too_often_is_refused_everywhere(
    #[case] on_meta_breach: fn(Limiter, Arc<AtomicUsize>) -> Limiter,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (calls, (limiter, clock)) = (Arc::new(AtomicUsize::new(0)), limiter());
    let limiter = on_meta_breach(limiter.meta_limits(["2/day"]).headers_enabled(true), calls.clone());
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    app.rule("/").decorate(limiter.limit("1/second")).view(view(colour, "index"));
    app.rule("/other").decorate(limiter.limit("9/second")).view(view(colour, "other"));
    let free = limiter.exempt()(limiter.limit("9/second")(view(colour, "free")));
    app.rule("/free").view(free);
    let client = app.test_client();
    for _ in 0..2 {
        assert_eq!(
            statuses(&client, ["/", "/", "/other"]),
            [200, 429, if calls_are_over(&client) { 429 } else { 200 }]
        );
        clock.advance(seconds(1));
    }
    let refused = get(&client, "/");
    assert_eq!((refused.status().as_u16(), refused.header("x-ratelimit-limit")), (429, Some("2")));
    assert!(refused.text().contains("2 per 1 day"), "{}", refused.text());
    assert!(calls.load(Ordering::SeqCst) > 0);
    assert_eq!(statuses(&client, ["/other", "/free"]), [429, 200]);
    clock.advance(seconds(86_400));
    assert_eq!(statuses(&client, ["/", "/other"]), [200, 200]);
}

/// Whether the client has been refused twice.
fn calls_are_over(client: &costrel::testing::TestClient) -> bool {
    get(client, "/other").status() == 429
}

fn note(calls: &AtomicUsize) {
    calls.fetch_add(1, Ordering::SeqCst);
}

/// A limit may have meta limits of its own.
#[rstest]
fn r26_a_limit_has_meta_limits_of_its_own(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let mut app = app(&limiter);
    let limit = Limit::new("1/second").meta_limits(["1/day"]);
    app.rule("/").decorate(limiter.limit(limit)).view(view(colour, "index"));
    app.rule("/other").decorate(limiter.limit("1/second")).view(view(colour, "other"));
    let client = app.test_client();
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429]);
    clock.advance(seconds(1));
    assert_eq!(statuses(&client, ["/", "/other"]), [429, 200]);
}

/// In safe mode the client hears of the refusal that lasts longest.
#[rstest]
fn of_several_refusals_the_client_is_told_of_the_longest(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limits = "1/minute;1/hour";
    let (safe, _) = limiter();
    let client = client_of(&safe, colour, safe.limit(limits));
    assert_eq!(statuses(&client, ["/"]), [200]);
    assert_eq!(get(&client, "/").header("retry-after"), Some("3600"));
    let compat = limiter().0.compat(COMPAT);
    let client = client_of(&compat, colour, compat.limit(limits));
    assert_eq!(statuses(&client, ["/"]), [200]);
    let refused = get(&client, "/");
    assert_eq!(refused.header("retry-after"), None, "headers are off");
    assert!(refused.text().contains("1 per 1 minute"));
}

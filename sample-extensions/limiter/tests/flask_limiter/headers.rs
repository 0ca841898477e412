//! What responses tell of limits, and what a view can read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use costrel::testing::TestResponse;
use costrel::{Colour, IntoView};
use costrel_limiter::{Limiter, Strategy};
use rstest::rstest;

use crate::support::{COMPAT, app, client_of, get, limiter, seconds, statuses, user, view};

/// The limit, what remains, and the seconds until the reset.
fn told(response: &TestResponse) -> (Option<u64>, Option<u64>, Option<u64>) {
    let number = |name: &str| response.header(name)?.parse::<u64>().ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let reset = number("x-ratelimit-reset").map(|reset| reset.saturating_sub(now));
    (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), reset)
}

#[rstest]
fn r15_headers_tell_of_the_limit_that_is_breached(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, clock) = limiter();
    let limiter = limiter.headers_enabled(true).default_limits(["2/second", "10/minute"]);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, |view| view);
    for _ in 0..10 {
        let page = get(&client, "/");
        assert_eq!((page.status().as_u16(), told(&page).0, told(&page).1), (200, Some(2), Some(1)));
        assert_eq!(page.header("retry-after"), is_compat.then_some("1"));
        clock.advance(seconds(1));
    }
    let refused = get(&client, "/");
    assert_eq!(refused.status(), 429);
    let (limit, remaining, reset) = told(&refused);
    assert_eq!((limit, remaining), (Some(10), Some(0)));
    assert!(matches!(reset, Some(45..=51)), "{reset:?}");
    assert_eq!(refused.header("retry-after"), Some("50"));
}

#[rstest]
fn r17_headers_have_the_names_of_the_config_and_a_date_on_demand(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.headers_enabled(true);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = costrel::App::new("test");
    for (name, value) in [
        ("RATELIMIT_HEADER_LIMIT", "X-Limit"),
        ("RATELIMIT_HEADER_REMAINING", "X-Remaining"),
        ("RATELIMIT_HEADER_RESET", "X-Reset"),
        ("RATELIMIT_HEADER_RETRY_AFTER", "X-Retry"),
        ("RATELIMIT_HEADER_RETRY_AFTER_VALUE", "http-date"),
    ] {
        app.config.set(name, value).unwrap();
    }
    app.init(&limiter).unwrap();
    app.rule("/").decorate(limiter.limit("1/minute")).view(view(colour, "index"));
    let client = app.test_client();
    let page = get(&client, "/");
    assert_eq!(
        ["x-limit", "x-remaining", "x-ratelimit-limit"].map(|name| page.header(name)),
        [Some("1"), Some("0"), None]
    );
    assert!(page.header("x-reset").is_some());
    let refused = get(&client, "/");
    assert_eq!(refused.header("retry-after"), None);
    let date = httpdate::parse_http_date(refused.header("x-retry").unwrap()).unwrap();
    let wait = date.duration_since(SystemTime::now()).unwrap_or_default();
    assert!(wait > Duration::from_secs(55) && wait <= Duration::from_secs(60), "{wait:?}");
}

#[rstest]
fn a_retry_after_of_the_view_stays_if_it_is_longer(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let of_view = |wait: &'static str| {
        let limiter = limiter().0.headers_enabled(true).compat(COMPAT);
        let mut app = app(&limiter);
        let rule = app.rule("/").decorate(limiter.limit("9/minute"));
        match colour {
            Colour::Sync => rule.view(move || ("busy", 503, [("retry-after", wait)])),
            Colour::Async => rule.view(move || async move { ("busy", 503, [("retry-after", wait)]) }),
        };
        get(&app.test_client(), "/").header("retry-after").unwrap().to_owned()
    };
    assert_eq!([of_view("90"), of_view("9")], ["90", "60"]);
}

#[rstest]
#[case(Strategy::FixedWindow)]
#[case(Strategy::MovingWindow)]
fn r19_a_view_that_takes_longer_than_the_window_leaves_a_whole_one(
    #[case] strategy: Strategy,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, clock) = limiter();
    let limiter = limiter.headers_enabled(true).strategy(strategy);
    let mut app = app(&limiter);
    let slow = move || {
        clock.advance(Duration::from_millis(1_100));
        "found"
    };
    let view = match colour {
        Colour::Sync => slow.into_view(),
        Colour::Async => (move || std::future::ready(slow())).into_view(),
    };
    app.rule("/").decorate(limiter.limit("5/second")).view(view.named("index"));
    let page = get(&app.test_client(), "/");
    assert_eq!((told(&page).0, told(&page).1), (Some(5), Some(5)));
}

/// The fields of the IETF's draft tell of every limit that counts the request.
#[rstest]
fn the_fields_of_the_draft_tell_of_every_limit(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.draft_headers(true).application_limits(["100/day"]);
    let client = client_of(&limiter, colour, limiter.limit("2/minute"));
    let page = get(&client, "/");
    let all = |name: &str| page.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(all("ratelimit").collect::<Vec<_>>(), ["\"2 per 1 minute\";r=1;t=60", "\"100 per 1 day\";r=99;t=86400"]);
    assert_eq!(
        all("ratelimit-policy").collect::<Vec<_>>(),
        ["\"2 per 1 minute\";q=2;w=60", "\"100 per 1 day\";q=100;w=86400"]
    );
    assert_eq!(page.header("x-ratelimit-limit"), None);
}

#[rstest]
fn r31_two_limiters_are_independent_and_headers_are_there_once(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let compat = |limiter: Limiter| if is_compat { limiter.compat(COMPAT) } else { limiter };
    let by_address = compat(limiter().0.headers_enabled(true));
    let by_user = compat(Limiter::new(user).headers_enabled(true));
    let mut app = app(&by_address);
    app.init(&by_user).unwrap();
    app.rule("/")
        .decorate(by_address.limit("9/minute"))
        .decorate(by_user.limit("2/minute"))
        .view(view(colour, "index"));
    let client = app.test_client();
    let from = |name: &str| client.get("/").header("x-user", name).wait().unwrap();
    for name in ["ada", "ada", "ada", "bob"] {
        let page = from(name);
        let values: Vec<_> = page.headers().get_all("x-ratelimit-limit").iter().collect();
        let expected: &[&str] = if is_compat { &["2", "9"] } else { &["2"] };
        assert_eq!(values, expected, "all of them, or the one that allows less");
    }
    assert_eq!(from("ada").status(), 429);
    assert_eq!(from("bob").status(), 200);
}

/// A view can read the limit that its response tells of.
#[rstest]
fn a_view_reads_its_limits(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.application_limits(["100/day"]);
    let mut app = app(&limiter);
    let known = limiter.clone();
    let read = move || {
        let current = known.current_limit().unwrap();
        assert!(!current.breached && !current.shared && current.key.ends_with("/index/3/1/minute"), "{current:?}");
        assert_eq!(current.resets_in, seconds(60));
        format!("{}: {} left, {} limits", current.limit, current.remaining, known.current_limits().len())
    };
    let view = match colour {
        Colour::Sync => read.into_view(),
        Colour::Async => (move || std::future::ready(read())).into_view(),
    };
    app.rule("/").decorate(limiter.limit("3/minute")).view(view.named("index"));
    app.route("/none", move || limiter.current_limits().len().to_string());
    let client = app.test_client();
    assert_eq!(get(&client, "/").text(), "3 per 1 minute: 2 left, 2 limits");
    assert_eq!(get(&client, "/none").text(), "1");
    assert_eq!(statuses(&client, ["/"; 3]), [200, 200, 429]);
}

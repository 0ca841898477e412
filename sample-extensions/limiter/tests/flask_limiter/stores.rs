//! Where the limiter counts: names in the store, calls of it, failures, prefixes.

use std::fmt;
use std::sync::{Arc, Mutex};

use costrel::testing::TestClient;
use costrel::{Colour, Request};
use costrel_ext_kit::{Clock, key::remote_address};
use costrel_limiter::{Limit, Limiter, Strategy};
use costrel_stores::{
    Blocking, Charge, Counters, Counts, FailClosed, Failover, Hit, MemoryCounters, Outcome, WithLimits,
};
use rstest::rstest;

use crate::support::{COMPAT, app, client_of, get, limiter, seconds, status_with, statuses, user, view};

/// A store that notes each of its calls: for each hit the name, the charge and the cost.
#[derive(Default)]
struct Noting {
    store: MemoryCounters,
    calls: Mutex<Vec<Vec<String>>>,
}

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noting")
    }
}

impl Counters for Noting {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        let names = hits.iter().map(|hit| format!("{} {charge:?} {}", hit.key, hit.cost)).collect();
        self.calls.lock().unwrap().push(names);
        self.store.count(hits, charge)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.store.delete(key)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(prefix)
    }
}

impl Noting {
    fn take(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// What is counted under a name.
    fn counted(&self, name: &str) -> u64 {
        let hit = Hit::new(name, 1_000, seconds(60));
        1_000 - self.store.count(&[hit], Charge::None).wait().unwrap()[0].remaining
    }
}

/// The app of a trace that real Flask-Limiter left on Redis.
fn traced(limiter: Limiter, store: &Arc<Noting>, colour: Colour) -> TestClient {
    let limiter = limiter.application_limits(["100/hour"]).default_limits(["20/day"]).store(store.clone());
    let mut app = app(&limiter);
    app.rule("/a").decorate(limiter.limit("3/minute")).view(view(colour, "a"));
    app.rule("/d").view(view(colour, "d"));
    let shared = limiter.shared_limit(Limit::new("5 per 2 hours").per_method(), "grp");
    app.rule("/s1").methods(["GET", "POST"]).decorate(shared).view(view(colour, "s1"));
    app.test_client()
}

#[rstest]
fn r35_counters_have_flask_limiters_names_and_are_charged_in_its_order(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let store = Arc::new(Noting::default());
    let client = traced(limiter().0.compat(COMPAT), &store, colour);
    assert_eq!(statuses(&client, ["/a", "/a", "/a", "/a", "/d", "/s1"]), [200, 200, 200, 429, 200, 200]);
    assert_eq!(client.post("/s1").wait().unwrap().status(), 200);
    let global = "LIMITER/127.0.0.1/global/100/1/hour InOrder 1";
    let a = [vec![global], vec!["LIMITER/127.0.0.1/a/3/1/minute InOrder 1"]];
    let mut expected: Vec<_> = std::iter::repeat_n(a, 4).flatten().collect();
    expected.push(vec![global, "LIMITER/127.0.0.1/d/20/1/day InOrder 1"]);
    expected.extend([vec![global], vec!["LIMITER/127.0.0.1/grp:GET/5/2/hour InOrder 1"]]);
    expected.extend([vec![global], vec!["LIMITER/127.0.0.1/grp:POST/5/2/hour InOrder 1"]]);
    assert_eq!(store.take(), expected);
    let counted = ["global/100/1/hour", "a/3/1/minute", "d/20/1/day", "grp:GET/5/2/hour", "grp:POST/5/2/hour"]
        .map(|name| store.counted(&format!("LIMITER/127.0.0.1/{name}")));
    assert_eq!(counted, [7, 4, 1, 1, 1], "the refused request is counted too");
}

#[rstest]
fn r35_prefix_cost_scope_and_meta_limits_are_in_the_names_as_in_flask_limiter(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let store = Arc::new(Noting::default());
    let limiter = Limiter::new(|_: Request| "user/1 é".to_owned()).key_prefix("kp").meta_limits(["2/hour"]);
    let limiter = limiter.store(store.clone()).compat(COMPAT);
    let mut app = app(&limiter);
    let limit = Limit::new("5/second;10/minute").cost(2).scope("sc-c_");
    app.rule("/").decorate(limiter.limit(limit)).view(view(colour, "c_"));
    assert_eq!(statuses(&app.test_client(), ["/"; 4]), [200, 200, 429, 429]);
    let names = ["kp/user/1 é/c_:sc-c_/5/1/second", "kp/user/1 é/c_:sc-c_/10/1/minute", "user/1 é/meta/2/1/hour"];
    assert_eq!(names.map(|name| store.counted(&format!("LIMITER/{name}"))), [8, 4, 2]);
}

/// Three hits of another app, and two here, are five of five.
#[rstest]
fn r35_hits_of_another_app_on_the_store_count(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Strategy::FixedWindow, Strategy::MovingWindow, Strategy::SlidingWindow)] strategy: Strategy,
    #[values(false, true)] is_compat: bool,
) {
    let store = Arc::new(MemoryCounters::new());
    let foreign = Hit::new("LIMITER/127.0.0.1/grp/5/1/minute", 5, seconds(60)).strategy(strategy);
    for _ in 0..3 {
        assert!(store.count(&[foreign], Charge::InOrder).wait().unwrap()[0].allowed);
    }
    let limiter = limiter().0.strategy(strategy).headers_enabled(true).store(store);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.shared_limit("5/minute", "grp"));
    for (status, remaining) in [(200, "1"), (200, "0"), (429, "0")] {
        let page = get(&client, "/");
        assert_eq!((page.status().as_u16(), page.header("x-ratelimit-remaining")), (status, Some(remaining)));
    }
}

#[rstest]
fn a_request_is_counted_in_one_call_however_many_limits_it_has(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let store = Arc::new(Noting::default());
    let client = traced(limiter().0.headers_enabled(true), &store, colour);
    assert_eq!(statuses(&client, ["/a", "/d"]), [200, 200]);
    assert_eq!(
        store.take(),
        [
            ["LIMITER/127.0.0.1/a/3/1/minute AllOrNone 1", "LIMITER/127.0.0.1/global/100/1/hour AllOrNone 1"],
            ["LIMITER/127.0.0.1/global/100/1/hour AllOrNone 1", "LIMITER/127.0.0.1/d/20/1/day AllOrNone 1"],
        ]
    );
}

#[rstest]
fn no_client_can_make_up_the_name_of_another_counter_or_a_long_one(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let store = Arc::new(Noting::default());
    let limiter = Limiter::new(user).store(store.clone());
    let client = client_of(&limiter, colour, limiter.limit("1/day"));
    for key in ["a/index", "a%2Findex", &"x".repeat(10_000)] {
        assert_eq!(status_with(&client, ("x-user", key)), 200);
    }
    let names = store.take().concat();
    assert_eq!(names[0], "LIMITER/a%2Findex/index/1/1/day AllOrNone 1");
    assert_eq!(names[1], "LIMITER/a%252Findex/index/1/1/day AllOrNone 1");
    assert!(names[2].len() < 100, "{}", names[2]);
}

#[rstest]
#[case::at_once(|limiter: Limiter| limiter.store(FailClosed))]
#[case::blocking(|limiter: Limiter| limiter.store(Blocking::new(FailClosed)))]
fn r33_without_its_store_a_request_fails_or_passes_as_the_app_chose(
    #[case] on_a_store_that_is_away: fn(Limiter) -> Limiter,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let client = |swallow: bool| {
        let limiter = on_a_store_that_is_away(limiter().0).swallow_errors(swallow).headers_enabled(true);
        let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
        client_of(&limiter, colour, limiter.limit("1/day"))
    };
    assert_eq!(statuses(&client(false), ["/", "/"]), [503, 503]);
    assert_eq!(statuses(&client(true), ["/", "/"]), [200, 200]);
}

/// A store whose calls all fail.
#[derive(Debug)]
struct Away;

impl Counters for Away {
    fn count<'a>(&'a self, _: &'a [Hit<'a>], _: Charge) -> Outcome<'a, Counts> {
        Outcome::ready(Err(std::io::Error::other("no store").into()))
    }

    fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }

    fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }
}

/// The stand-in has limits of its own. When the store is asked again, and that it is used again, the tests of
/// `costrel-stores` show.
#[rstest]
fn r33_a_store_that_is_away_falls_back_to_memory(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let half = WithLimits::new(MemoryCounters::new(), |hit| Hit { amount: hit.amount / 2, ..hit });
    let limiter = limiter().0.store(Failover::new(Away, half).clock(Clock::manual()));
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.limit("4/minute"));
    assert_eq!(statuses(&client, ["/"; 3]), [200, 200, 429]);
}

#[rstest]
fn r33_an_error_of_the_store_is_a_500(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = limiter().0.store(Away);
    let client = client_of(&limiter, colour, limiter.limit("4/minute"));
    assert_eq!(statuses(&client, ["/"]), [500]);
}

#[rstest]
fn r34_a_prefix_tells_apps_apart_and_a_reset_forgets_its_own_counters_alone(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let store = Arc::new(MemoryCounters::new());
    let client = |prefix: &str| {
        let limiter = Limiter::new(remote_address).key_prefix(prefix).store(store.clone());
        let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
        let mut app = app(&limiter);
        app.rule("/").decorate(limiter.limit("1/day")).view(view(colour, "index"));
        match colour {
            Colour::Sync => app.post("/reset", move || limiter.reset().wait().map(|()| "forgotten")),
            Colour::Async => app.post("/reset", move || {
                let reset = limiter.reset();
                async move { reset.await.map(|()| "forgotten") }
            }),
        };
        app.test_client()
    };
    let (one, other) = (client("one"), client("other"));
    for client in [&one, &other] {
        assert_eq!(statuses(client, ["/", "/"]), [200, 429]);
    }
    assert_eq!(one.post("/reset").wait().unwrap().text(), "forgotten");
    assert_eq!(statuses(&one, ["/", "/"]), [200, 429]);
    assert_eq!(statuses(&other, ["/"]), [429]);
}

/// That a million clients are bounded, the tests of `costrel-stores` show.
#[test]
fn r40_what_is_over_takes_no_memory() {
    let clock = Clock::manual();
    let store = Arc::new(MemoryCounters::new().clock(clock.clone()));
    let limiter = Limiter::new(user).store(store.clone());
    let client = client_of(&limiter, Colour::Async, limiter.limit("1/minute"));
    let visit = |clients: usize| {
        for n in 0..clients {
            assert_eq!(status_with(&client, ("x-user", &n.to_string())), 200);
        }
    };
    visit(2_000);
    assert_eq!(store.len(), 2_000);
    for _ in 0..64 {
        clock.advance(seconds(600));
        visit(1);
    }
    assert!(store.len() < 100, "{}", store.len());
}

//! Tests of the counters in memory that go beyond the suite: exact times, and what stays within bounds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use costrel_ext_kit::Clock;
use costrel_stores::Strategy::{FixedWindow, MovingWindow, SlidingWindow};
use costrel_stores::{Charge, Counted, Counters, Hit, MemoryCounters, Strategy};
use rstest::rstest;

const MILLISECOND: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn store() -> (MemoryCounters, Clock) {
    let clock = Clock::manual();
    (MemoryCounters::new().clock(clock.clone()), clock)
}

fn count(store: &MemoryCounters, hit: Hit<'_>) -> Counted {
    store.count(&[hit], Charge::AllOrNone).wait().unwrap()[0]
}

fn allowed(store: &MemoryCounters, hit: Hit<'_>) -> bool {
    count(store, hit).allowed
}

/// The client is told when to come again, and that is neither too early nor too late.
#[rstest]
fn a_client_that_waits_as_long_as_it_was_told_is_admitted(
    #[values(FixedWindow, MovingWindow, SlidingWindow)] strategy: Strategy,
    #[values(1, 2, 5, 7)] cost: u64,
) {
    let (store, clock) = store();
    let hit = Hit::new("key", 7, seconds(10)).strategy(strategy);
    for pause in [0, 700, 0, 1_300, 4_100, 9, 2_222, 3_000, 800, 9_999, 1, 14_000] {
        clock.advance(Duration::from_millis(pause));
        while allowed(&store, hit) {}
        let refused = store.count(&[hit.cost(cost)], Charge::None).wait().unwrap()[0];
        assert!(!refused.allowed);
        let early = refused.retry_in.saturating_sub(Duration::from_nanos(1));
        clock.advance(early);
        assert!(!store.count(&[hit.cost(cost)], Charge::None).wait().unwrap()[0].allowed, "a moment early");
        clock.advance(refused.retry_in.saturating_sub(early));
        assert!(allowed(&store, hit.cost(cost)), "{pause} {refused:?}");
    }
}

#[test]
fn a_fixed_window_begins_with_the_first_hit() {
    let (store, clock) = store();
    let hit = Hit::new("key", 2, seconds(60));
    assert!(allowed(&store, hit));
    clock.advance(seconds(59));
    assert!(allowed(&store, hit) && !allowed(&store, hit));
    clock.advance(seconds(1).saturating_sub(MILLISECOND));
    assert!(!allowed(&store, hit));
    clock.advance(MILLISECOND);
    assert!(allowed(&store, hit) && allowed(&store, hit) && !allowed(&store, hit));
}

/// Times and results that the Python package `limits` 5.8 has on Redis, for 4 hits in 2 seconds.
#[test]
fn a_moving_window_counts_as_in_limits() {
    let (store, clock) = store();
    let hit = Hit::new("key", 4, seconds(2)).strategy(MovingWindow);
    let mut now = 0;
    let mut at = |time: u64, hit: Hit<'_>| {
        clock.advance(Duration::from_millis(time - now));
        now = time;
        allowed(&store, hit)
    };
    assert_eq!([0, 500, 1_000, 1_500].map(|time| at(time, hit)), [true; 4]);
    assert!(at(2_010, hit));
    assert!(!at(2_210, hit), "of the last two seconds, four are left");
    assert!(at(2_610, hit), "what was refused left nothing");
    assert!(!at(2_610, hit.cost(5)));
}

/// Times and results that the Python package `limits` 5.8 has on Redis, for 4 hits in 2 seconds.
#[test]
fn a_sliding_window_counts_as_in_limits() {
    let (store, clock) = store();
    let hit = Hit::new("key", 4, seconds(2)).strategy(SlidingWindow);
    let mut now = 0;
    let mut at = |time: u64| {
        clock.advance(Duration::from_millis(time - now));
        now = time;
        allowed(&store, hit)
    };
    assert_eq!([0, 0, 0, 0, 0].map(&mut at), [true, true, true, true, false]);
    assert!(!at(1_000));
    assert_eq!([2_130, 2_630, 3_130, 3_640].map(&mut at), [true; 4]);
    assert_eq!([4_640, 7_650].map(&mut at), [true; 2]);
}

#[rstest]
fn what_is_over_takes_no_memory(#[values(FixedWindow, MovingWindow, SlidingWindow)] strategy: Strategy) {
    let clock = Clock::manual();
    let store = MemoryCounters::new().capacity(10_000).clock(clock.clone());
    let hit = Hit::new("", 1, seconds(60)).strategy(strategy);
    for n in 0..30_000 {
        let key = n.to_string();
        assert!(allowed(&store, hit.with_key(&key)));
        assert!(store.len() <= 10_008, "{store:?}");
    }
    // The clients do not come back, but others do.
    for _ in 0..64 {
        clock.advance(seconds(600));
        allowed(&store, hit.with_key("another"));
    }
    assert_eq!(store.len(), 1);
}

#[test]
fn many_new_clients_do_not_push_out_one_that_was_refused() {
    let (store, _) = store();
    let store = store.capacity(100);
    let hit = Hit::new("known", 2, seconds(60));
    assert_eq!([(); 3].map(|()| allowed(&store, hit)), [true, true, false]);
    for n in 0..1_000 {
        assert!(allowed(&store, hit.with_key(&n.to_string())));
    }
    assert!(!allowed(&store, hit));
}

//! The laws of counters.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use costrel::{Colour, Error, create_task, sync_to_async};
use futures_util::future::{join_all, poll_immediate};

use super::failing::{COLOURS, TROUBLES};
use super::fixture::{Fixture, expect, odd_keys};
use crate::counters::Strategy::{FixedWindow, MovingWindow, SlidingWindow};
use crate::counters::{Charge, Counted, Counters, Hit, Strategy};
use crate::outcome::Outcome;

type Store = Fixture<dyn Counters>;

const STRATEGIES: [Strategy; 3] = [FixedWindow, MovingWindow, SlidingWindow];
const HOUR: Duration = Duration::from_secs(3_600);

impl Store {
    async fn count(&self, hit: Hit<'_>, charge: Charge) -> Result<Counted, Error> {
        count(&*self.store, hit, charge).await
    }

    async fn allows(&self, hit: Hit<'_>) -> Result<bool, Error> {
        Ok(self.count(hit, Charge::AllOrNone).await?.allowed)
    }

    /// What remains of the limit of a hit.
    async fn remaining(&self, hit: Hit<'_>) -> Result<u64, Error> {
        Ok(self.count(hit, Charge::None).await?.remaining)
    }

    /// What remains of the limit of a hit that code of one colour counts.
    async fn remaining_by(&self, colour: Colour, hit: Hit<'static>, charge: Charge) -> Result<u64, Error> {
        let store = self.store.clone();
        let counted = match colour {
            Colour::Async => count(&*store, hit, charge).await?,
            Colour::Sync => sync_to_async(move |()| store.count(&[hit], charge).wait())(()).await??[0],
        };
        Ok(counted.remaining)
    }

    async fn counts(&self, hits: &[Hit<'_>], charge: Charge) -> Result<Vec<Counted>, Error> {
        Ok(self.store.count(hits, charge).await?.to_vec())
    }
}

async fn count(store: &dyn Counters, hit: Hit<'_>, charge: Charge) -> Result<Counted, Error> {
    let counts = store.count(&[hit], charge).await?;
    expect(counts.len() == 1, || format!("one hit, {} results", counts.len()))?;
    Ok(counts[0])
}

pub(super) async fn as_many_hits_are_allowed_as_the_limit_says(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 3, HOUR).strategy(strategy);
        for remaining in [2, 1, 0] {
            let counted = store.count(hit, Charge::AllOrNone).await?;
            let is_right = counted.allowed && counted.remaining == remaining && counted.retry_in.is_zero();
            expect(is_right, || format!("{strategy:?}: {remaining} of 3 remain, the store says {counted:?}"))?;
        }
        let counted = store.count(hit, Charge::AllOrNone).await?;
        expect(!counted.allowed && counted.remaining == 0, || format!("{strategy:?}: the 4th of 3 is {counted:?}"))?;
        let nearly = HOUR.checked_sub(store.slack).unwrap_or_default();
        let is_right = (nearly..=HOUR).contains(&counted.resets_in) && counted.retry_in >= nearly;
        expect(is_right, || format!("{strategy:?}: an hour after the first hit, the store says {counted:?}"))?;
        store.store.delete("key").await?;
    }
    Ok(())
}

pub(super) async fn what_costs_more_takes_more(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 10, HOUR).strategy(strategy);
        for (cost, allowed) in [(6, true), (5, false), (4, true), (1, false)] {
            let is_right = store.allows(hit.cost(cost)).await? == allowed;
            expect(is_right, || format!("{strategy:?}: a hit that costs {cost} is allowed: {}", !allowed))?;
        }
        let dear = hit.with_key("dear");
        expect(!store.allows(dear.cost(11)).await?, || format!("{strategy:?}: 11 of 10 are allowed"))?;
        expect(store.allows(dear.cost(10)).await?, || format!("{strategy:?}: 10 of 10 are not allowed"))?;
        store.store.delete("key").await?;
        store.store.delete("dear").await?;
    }
    Ok(())
}

/// A request with two limits, of which the first is the narrower one.
async fn request(store: &dyn Counters, strategy: Strategy) -> Result<usize, Error> {
    let hits = [Hit::new("narrow", 50, HOUR).strategy(strategy), Hit::new("wide", 100, HOUR).strategy(strategy)];
    let counts = store.count(&hits, Charge::AllOrNone).await?;
    Ok(usize::from(counts.iter().all(|counted| counted.allowed)))
}

async fn expect_fifty(store: &Store, strategy: Strategy, admitted: usize) -> Result<(), Error> {
    expect(admitted == 50, || format!("{strategy:?}: of 640 requests at a time {admitted} were admitted, not 50"))?;
    let left = store.remaining(Hit::new("wide", 100, HOUR).strategy(strategy)).await?;
    expect(left == 50, || format!("{strategy:?}: the other limit of 50 requests has {left} of 100 left"))?;
    store.store.delete("narrow").await?;
    store.store.delete("wide").await
}

pub(super) async fn threads_get_no_more_than_the_limit(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let (counters, all_there) = (store.store.clone(), Arc::new(Barrier::new(16)));
        let thread = sync_to_async(move |()| {
            all_there.wait();
            (0..40).map(|_| Outcome::new(request(&*counters, strategy)).wait()).sum::<Result<usize, _>>()
        });
        let mut admitted = 0;
        for of_thread in join_all((0..16).map(|_| thread(()))).await {
            admitted += of_thread??;
        }
        expect_fifty(&store, strategy, admitted).await?;
    }
    Ok(())
}

pub(super) async fn tasks_get_no_more_than_the_limit(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let task = |_| {
            let counters = store.store.clone();
            create_task(async move { request(&*counters, strategy).await })
        };
        let mut admitted = 0;
        for of_task in join_all((0..640).map(task)).await {
            admitted += of_task?;
        }
        expect_fifty(&store, strategy, admitted).await?;
    }
    Ok(())
}

pub(super) async fn a_window_ends_in_time(store: Store) -> Result<(), Error> {
    // No whole number of seconds, so that a store that rounds is seen.
    let window = Duration::from_millis(60_500);
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 1, window).strategy(strategy);
        expect(store.allows(hit).await?, || format!("{strategy:?}: the first hit is refused"))?;
        store.advance_by(window.saturating_sub(store.slack).saturating_sub(MILLISECOND)).await;
        expect(!store.allows(hit).await?, || format!("{strategy:?}: the window of {window:?} ends early"))?;
        // The window before counts on in a sliding window, by less and less.
        let rest = if strategy == SlidingWindow { window } else { Duration::ZERO };
        store.advance_by(rest + store.slack + MILLISECOND * 2).await;
        expect(store.allows(hit).await?, || format!("{strategy:?}: the window of {window:?} ends late"))?;
        store.store.delete("key").await?;
    }
    Ok(())
}

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) async fn a_client_that_waits_as_told_is_admitted(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 7, Duration::from_secs(100)).strategy(strategy);
        for (pause, cost) in [(0, 1), (7_000, 2), (13_000, 5), (41_000, 7), (30_000, 1), (99_000, 3)] {
            store.advance_by(Duration::from_millis(pause)).await;
            while store.allows(hit).await? {}
            let refused = store.count(hit.cost(cost), Charge::None).await?;
            let early = refused.retry_in.saturating_sub(store.slack + MILLISECOND);
            store.advance_by(early).await;
            let is_early = !store.count(hit.cost(cost), Charge::None).await?.allowed;
            expect(is_early || early.is_zero(), || format!("{strategy:?}: told to wait too long: {refused:?}"))?;
            store.advance_by(refused.retry_in.saturating_sub(early) + MILLISECOND).await;
            let allowed = store.allows(hit.cost(cost)).await?;
            expect(allowed, || format!("{strategy:?}: refused after the wait that it was told: {refused:?}"))?;
        }
        store.store.delete("key").await?;
    }
    Ok(())
}

fn two(strategy: Strategy) -> [Hit<'static>; 2] {
    [Hit::new("wide", 5, HOUR).strategy(strategy), Hit::new("narrow", 1, HOUR).strategy(strategy)]
}

pub(super) async fn a_request_that_one_limit_refuses_is_charged_to_none(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let [wide, narrow] = two(strategy);
        for _ in 0..3 {
            store.counts(&[wide, narrow], Charge::AllOrNone).await?;
        }
        let left = store.remaining(wide).await?;
        expect(left == 4, || format!("{strategy:?}: one request was admitted, and {left} of 5 are left"))?;
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn in_order_stops_at_the_first_refusal(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let [wide, narrow] = two(strategy);
        let last = wide.with_key("last");
        for tried in [3, 2, 2] {
            let counts = store.counts(&[wide, narrow, last], Charge::InOrder).await?;
            expect(counts.len() == tried, || format!("{strategy:?}: {} of {tried} hits were tried", counts.len()))?;
        }
        let left = (store.remaining(wide).await?, store.remaining(last).await?);
        expect(left == (2, 4), || {
            format!("{strategy:?}: before and after the refusals {left:?} are left, not (2, 4)")
        })?;
        let counted = 9 - store.remaining(Hit { amount: 9, ..narrow }).await?;
        let right = if strategy == FixedWindow { 3 } else { 1 };
        expect(counted == right, || format!("{strategy:?}: a limit counts {counted} of 3 hits, not {right}"))?;
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn each_goes_on_after_a_refusal(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let [wide, narrow] = two(strategy);
        for allowed in [[true, true], [false, true], [false, true]] {
            let counts = store.counts(&[narrow, wide], Charge::Each).await?;
            let is_right = counts.iter().map(|counted| counted.allowed).eq(allowed);
            expect(is_right, || format!("{strategy:?}: {counts:?} is not {allowed:?}"))?;
        }
        let left = store.remaining(wide).await?;
        expect(left == 2, || format!("{strategy:?}: after 3 of 5, {left} are left"))?;
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn a_test_charges_nothing(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let [wide, narrow] = two(strategy);
        for allowed in [true, false] {
            for _ in 0..3 {
                let counts = store.counts(&[wide, narrow], Charge::None).await?;
                let is_right = counts.len() == 2 && counts[1].allowed == allowed && counts[0].allowed;
                expect(is_right, || format!("{strategy:?}: a test says {counts:?}"))?;
            }
            store.counts(&[wide, narrow], Charge::AllOrNone).await?;
        }
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn a_refused_hit_leaves_no_trace(store: Store) -> Result<(), Error> {
    let window = Duration::from_secs(600);
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 2, window).strategy(strategy);
        for _ in 0..2 {
            store.allows(hit).await?;
        }
        for _ in 0..18 {
            store.advance_by(window / 20).await;
            expect(!store.allows(hit).await?, || format!("{strategy:?}: admitted early"))?;
        }
        store.advance_by(window / 10 + store.slack + MILLISECOND * 2).await;
        expect(store.allows(hit).await?, || format!("{strategy:?}: refused because of hits that were refused"))?;
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn keys_of_any_text_are_told_apart(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("", 1, HOUR).strategy(strategy);
        for allowed in [true, false] {
            for key in odd_keys() {
                let is_right = store.allows(hit.with_key(&key)).await? == allowed;
                expect(is_right, || format!("{strategy:?}: the key {:.20?} is allowed: {}", key, !allowed))?;
            }
        }
        for key in odd_keys() {
            store.store.delete(&key).await?;
            let is_free = store.allows(hit.with_key(&key)).await?;
            expect(is_free, || format!("{strategy:?}: the key {key:.20?} was deleted and is not allowed"))?;
        }
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn a_prefix_is_forgotten_and_nothing_else(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let keys = ["shop*/a", "shop*/b", "shop", "shop1/a", "blog/a"];
        for key in keys {
            store.allows(Hit::new(key, 1, HOUR).strategy(strategy)).await?;
        }
        store.store.clear("shop*/").await?;
        for (key, forgotten) in keys.into_iter().zip([true, true, false, false, false]) {
            let is_right = store.allows(Hit::new(key, 1, HOUR).strategy(strategy)).await? == forgotten;
            expect(is_right, || {
                format!("{strategy:?}: {key:?} is forgotten with the prefix \"shop*/\": {}", !forgotten)
            })?;
        }
        store.store.clear("").await?;
        expect(store.allows(Hit::new("shop", 1, HOUR).strategy(strategy)).await?, || {
            format!("{strategy:?}: the empty prefix is not that of every key")
        })?;
        store.store.clear("").await?;
    }
    Ok(())
}

pub(super) async fn another_app_is_left_alone(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 1, HOUR).strategy(strategy);
        let beside = |charge| count(&*store.beside, hit, charge);
        expect(beside(Charge::AllOrNone).await?.allowed, || {
            format!("{strategy:?}: another app's first hit is refused")
        })?;
        expect(store.allows(hit).await?, || format!("{strategy:?}: another app's hit is counted here"))?;
        store.store.delete("key").await?;
        store.store.clear("").await?;
        let is_there = !beside(Charge::None).await?.allowed;
        expect(is_there, || format!("{strategy:?}: the other app's hit is forgotten with those of this one"))?;
        store.beside.clear("").await?;
    }
    Ok(())
}

pub(super) async fn a_call_that_is_dropped_holds_nothing_up(store: Store) -> Result<(), Error> {
    for strategy in STRATEGIES {
        let hit = Hit::new("key", 1_000, HOUR).strategy(strategy);
        for _ in 0..50 {
            drop(poll_immediate(store.store.count(&[hit], Charge::AllOrNone)).await);
        }
        let store: Arc<dyn Counters> = store.store.clone();
        let counted = count(&*store, hit, Charge::AllOrNone).await?;
        expect(counted.allowed && counted.remaining >= 949, || {
            format!("{strategy:?}: 50 calls were dropped: {counted:?}")
        })?;
        store.delete("key").await?;
    }
    Ok(())
}

/// Longer than all pauses of a law together.
const AGES: Duration = Duration::from_secs(100_000_000);

/// A hit whose count is of no interest.
const ELSEWHERE: Hit<'static> = Hit { key: "elsewhere", amount: 1_000, window: AGES, strategy: FixedWindow, cost: 1 };

pub(super) async fn a_slow_server_is_left_at_its_deadline(store: Store) -> Result<(), Error> {
    let Some(troubles) = &store.troubles else { return Ok(()) };
    for colour in COLOURS {
        let call = || async { store.remaining_by(colour, ELSEWHERE, Charge::AllOrNone).await.map(drop) };
        store.expect_one_deadline(troubles, call).await?;
    }
    Ok(())
}

pub(super) async fn nothing_is_lost_at_failover(store: Store) -> Result<(), Error> {
    let Some(troubles) = &store.troubles else { return Ok(()) };
    for ((colour, trouble), strategy) in TROUBLES.into_iter().flat_map(|each| STRATEGIES.map(|one| (each, one))) {
        let hit = Hit::new("key", 9, AGES).strategy(strategy);
        let count = || store.remaining_by(colour, hit, Charge::AllOrNone);
        let before = [count().await?, count().await?];
        troubles.begin(trouble);
        count().await?;
        let call = || async { store.remaining_by(colour, ELSEWHERE, Charge::None).await.map(drop) };
        store.expect_return(troubles, call).await?;
        let after = count().await?;
        expect((before, after) == ([8, 7], 6), || {
            format!("{strategy:?}: {before:?} of 9 remained before the server's trouble, and {after} after it")
        })?;
        store.store.clear("").await?;
    }
    Ok(())
}

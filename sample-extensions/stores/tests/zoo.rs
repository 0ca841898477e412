//! Stores that are wrong on purpose, each caught by the law that names its fault.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{Bytes, Error, ErrorKind};
use costrel_ext_kit::Clock;
use costrel_stores::suite::{Fixture, Kind, Troubled, Troubles, try_law};
use costrel_stores::{Charge, Counters, Counts, Entries, Hit, MemoryCounters, MemoryEntries, Outcome};
use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::timeout;

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    AdmitsOneMore,
    IgnoresTheCost,
    ReadsThenWrites,
    RoundsToSeconds,
    TellsToComeAtOnce,
    ChargesInOrder,
    GoesOnInOrder,
    StopsAtEach,
    ChargesATest,
    PunishesRefusals,
    IgnoresCase,
    CutsKeys,
    ClearsAll,
    SharesWithAnother,
    StaysLocked,
    KeepsTheFirstTimeout,
    KeepsTextAlone,
    ReleasesForAll,
    ReplacesForAll,
    AddsThenExpires,
    SaysYes,
    WaitsForEver,
    WaitsEachTime,
    NeverReturns,
    BeginsAnew,
}

use Fault::*;

/// A wrong store around a right one.
#[derive(Debug)]
struct Wrong<S> {
    store: Arc<S>,
    fault: Fault,
    is_locked: AtomicBool,
    /// The number of calls that were about to write what they have read.
    arrived: AtomicUsize,
    timeouts: Mutex<HashMap<String, Option<Duration>>>,
}

impl<S> Wrong<S> {
    fn new(store: Arc<S>, fault: Fault) -> Self {
        let (is_locked, arrived, timeouts) = Default::default();
        Self { store, fault, is_locked, arrived, timeouts }
    }

    fn key(&self, key: &str) -> String {
        match self.fault {
            IgnoresCase => key.to_lowercase(),
            CutsKeys => key.chars().take(64).collect(),
            _ => key.to_owned(),
        }
    }

    /// Waits until another call is here too, or for a while.
    async fn meet_another(&self) {
        let arrived = self.arrived.fetch_add(1, Ordering::SeqCst);
        for _ in 0..10_000 {
            if self.arrived.load(Ordering::SeqCst) > arrived + 1 {
                return;
            }
            yield_now().await;
        }
    }

    fn prefix<'a>(&self, prefix: &'a str) -> &'a str {
        if self.fault == ClearsAll { "" } else { prefix }
    }

    fn rounded(&self, time: Duration) -> Duration {
        if self.fault == RoundsToSeconds { Duration::from_secs(time.as_secs() + 1) } else { time }
    }
}

impl Wrong<MemoryCounters> {
    fn hit<'a>(&self, hit: Hit<'_>, key: &'a str) -> Hit<'a> {
        let hit = Hit { window: self.rounded(hit.window), ..hit.with_key(key) };
        match self.fault {
            AdmitsOneMore => Hit { amount: hit.amount + 1, ..hit },
            IgnoresTheCost => hit.cost(1),
            _ => hit,
        }
    }

    async fn count_wrong(&self, hits: &[Hit<'_>], charge: Charge) -> Result<Counts, Error> {
        if self.fault == StaysLocked && self.is_locked.swap(true, Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Other, "locked"));
        }
        let keys: Vec<_> = hits.iter().map(|hit| self.key(hit.key)).collect();
        let hits: Vec<_> = hits.iter().zip(&keys).map(|(hit, key)| self.hit(*hit, key)).collect();
        let mut counts = self.charge_wrong(&hits, charge).await?;
        yield_now().await;
        self.is_locked.store(false, Ordering::SeqCst);
        for (hit, counted) in hits.iter().zip(&mut counts) {
            if self.fault == TellsToComeAtOnce {
                counted.retry_in = Duration::ZERO;
            }
            if self.fault == PunishesRefusals && !counted.allowed {
                self.store.delete(hit.key).await?;
                self.store.count(&[hit.cost(hit.amount)], Charge::Each).await?;
            }
        }
        Ok(counts)
    }

    async fn charge_wrong(&self, hits: &[Hit<'_>], charge: Charge) -> Result<Counts, Error> {
        match (self.fault, charge) {
            (ChargesInOrder, Charge::AllOrNone) | (StopsAtEach, Charge::Each) => {
                self.store.count(hits, Charge::InOrder).await
            }
            (GoesOnInOrder, Charge::InOrder) => self.store.count(hits, Charge::Each).await,
            (ChargesATest, Charge::None) => self.store.count(hits, Charge::AllOrNone).await,
            (ReadsThenWrites, Charge::AllOrNone) => {
                let read = self.store.count(hits, Charge::None).await?;
                self.meet_another().await;
                if read.iter().all(|counted| counted.allowed) {
                    for hit in hits {
                        self.store.count(&[Hit { amount: u64::MAX, ..*hit }], Charge::Each).await?;
                    }
                }
                Ok(read)
            }
            _ => self.store.count(hits, charge).await,
        }
    }
}

impl Counters for Wrong<MemoryCounters> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        Outcome::new(self.count_wrong(hits, charge))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        Outcome::new(async { self.store.delete(&self.key(key)).await })
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(self.prefix(prefix))
    }
}

impl Wrong<MemoryEntries> {
    fn timeout(&self, key: &str, timeout: Option<Duration>) -> Option<Duration> {
        let timeout = timeout.map(|timeout| self.rounded(timeout));
        if self.fault == KeepsTheFirstTimeout {
            return *self.timeouts.lock().entry(key.to_owned()).or_insert(timeout);
        }
        timeout
    }

    fn value(&self, value: Bytes) -> Bytes {
        if self.fault == KeepsTextAlone { String::from_utf8_lossy(&value).into_owned().into() } else { value }
    }

    async fn add_wrong(&self, key: &str, value: Bytes, timeout: Option<Duration>) -> Result<bool, Error> {
        match self.fault {
            ReadsThenWrites => {
                let is_free = self.store.get(key).await?.is_none();
                self.meet_another().await;
                if is_free {
                    self.store.set(key, value, timeout).await?;
                }
                Ok(is_free)
            }
            AddsThenExpires => {
                let is_added = self.store.add(key, value.clone(), None).await?;
                yield_now().await;
                if is_added {
                    self.store.set(key, value, timeout).await?;
                }
                Ok(is_added)
            }
            _ => self.store.add(&self.key(key), self.value(value), self.timeout(key, timeout)).await,
        }
    }
}

impl Entries for Wrong<MemoryEntries> {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        Outcome::new(async { self.store.get(&self.key(key)).await })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        Outcome::new(async move { self.store.set(&self.key(key), self.value(value), self.timeout(key, timeout)).await })
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::new(self.add_wrong(key, value, timeout))
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::new(async move {
            match self.fault {
                ReplacesForAll => self.store.set(key, value, timeout).await.map(|()| true),
                ReadsThenWrites => {
                    let is_known = self.store.get(key).await?.as_deref() == Some(old);
                    self.meet_another().await;
                    if is_known {
                        self.store.set(key, value, timeout).await?;
                    }
                    Ok(is_known)
                }
                _ => self.store.set_if(key, old, value, timeout).await,
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        Outcome::new(async { Ok(self.store.delete(&self.key(key)).await? || self.fault == SaysYes) })
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        if self.fault == ReleasesForAll { self.store.delete(key) } else { self.store.delete_if(key, value) }
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.store.delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(self.prefix(prefix))
    }
}

/// A store with a stand-in that comes too late, goes too late, or forgets.
#[derive(Debug)]
struct WrongFailover<S> {
    server: Troubled<Arc<S>>,
    stand_in: S,
    fault: Fault,
    has_failed: AtomicBool,
}

impl<S> WrongFailover<S> {
    fn new(store: S, stand_in: S, troubles: &Troubles, fault: Fault) -> Self {
        Self { server: Troubled::new(Arc::new(store), troubles), stand_in, fault, has_failed: AtomicBool::new(false) }
    }

    async fn call<'a, T>(
        &'a self,
        server: impl Fn(&'a Troubled<Arc<S>>) -> Outcome<'a, T>,
        stand_in: impl Fn(&'a S) -> Outcome<'a, T>,
        forget: impl Fn(&'a Troubled<Arc<S>>) -> Outcome<'a, ()>,
    ) -> Result<T, Error> {
        match self.fault {
            WaitsForEver => return server(&self.server).await,
            NeverReturns if self.has_failed.load(Ordering::SeqCst) => return stand_in(&self.stand_in).await,
            BeginsAnew if self.has_failed.load(Ordering::SeqCst) && forget(&self.server).await.is_ok() => {
                self.has_failed.store(false, Ordering::SeqCst);
            }
            _ => {}
        }
        if let Ok(Ok(answer)) = timeout(Duration::from_millis(20), server(&self.server)).await {
            return Ok(answer);
        }
        self.has_failed.store(true, Ordering::SeqCst);
        stand_in(&self.stand_in).await
    }
}

impl Counters for WrongFailover<MemoryCounters> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        let stand_in = move |store: &'a MemoryCounters| store.count(hits, charge);
        Outcome::new(self.call(move |store| store.count(hits, charge), stand_in, |store| Counters::clear(store, "")))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.stand_in.delete(key)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.stand_in.clear(prefix)
    }
}

impl Entries for WrongFailover<MemoryEntries> {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        let stand_in = move |store: &'a MemoryEntries| store.get(key);
        Outcome::new(self.call(move |store| store.get(key), stand_in, |store| Entries::clear(store, "")))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        let again = value.clone();
        Outcome::new(self.call(
            move |store| store.set(key, value.clone(), timeout),
            move |store| store.set(key, again.clone(), timeout),
            |store| Entries::clear(store, ""),
        ))
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        self.stand_in.add(key, value, timeout)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        self.stand_in.delete(key)
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        self.stand_in.delete_if(key, value)
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.stand_in.delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.stand_in.clear(prefix)
    }
}

const OF_FAILOVERS: [Fault; 4] = [WaitsForEver, WaitsEachTime, NeverReturns, BeginsAnew];

fn counters(fault: Fault) -> Fixture<dyn Counters> {
    let clock = Clock::manual();
    let store = || Arc::new(MemoryCounters::new().clock(clock.clone()));
    if OF_FAILOVERS.contains(&fault) {
        let (memory, troubles) = (MemoryCounters::new, Troubles::default());
        let wrong = WrongFailover::new(memory(), memory(), &troubles, fault);
        return Fixture::<dyn Counters>::new(Arc::new(wrong), store()).troubles(&troubles);
    }
    let one = store();
    let other = if fault == SharesWithAnother { one.clone() } else { store() };
    let wrong = |store| Arc::new(Wrong::new(store, fault));
    Fixture::<dyn Counters>::new(wrong(one), wrong(other)).clock(clock.clone())
}

fn entries(fault: Fault) -> Fixture<dyn Entries> {
    let clock = Clock::manual();
    let store = || Arc::new(MemoryEntries::new().clock(clock.clone()));
    if OF_FAILOVERS.contains(&fault) {
        let (memory, troubles) = (MemoryEntries::new, Troubles::default());
        let wrong = WrongFailover::new(memory(), memory(), &troubles, fault);
        return Fixture::<dyn Entries>::new(Arc::new(wrong), store()).troubles(&troubles);
    }
    let one = store();
    let other = if fault == SharesWithAnother { one.clone() } else { store() };
    let wrong = |store| Arc::new(Wrong::new(store, fault));
    Fixture::<dyn Entries>::new(wrong(one), wrong(other)).clock(clock.clone())
}

const WRONG_COUNTERS: [(Fault, &str); 20] = [
    (AdmitsOneMore, "as_many_hits_are_allowed_as_the_limit_says"),
    (IgnoresTheCost, "what_costs_more_takes_more"),
    (ReadsThenWrites, "threads_get_no_more_than_the_limit"),
    (ReadsThenWrites, "tasks_get_no_more_than_the_limit"),
    (RoundsToSeconds, "a_window_ends_in_time"),
    (TellsToComeAtOnce, "a_client_that_waits_as_told_is_admitted"),
    (ChargesInOrder, "a_request_that_one_limit_refuses_is_charged_to_none"),
    (GoesOnInOrder, "in_order_stops_at_the_first_refusal"),
    (StopsAtEach, "each_goes_on_after_a_refusal"),
    (ChargesATest, "a_test_charges_nothing"),
    (PunishesRefusals, "a_refused_hit_leaves_no_trace"),
    (IgnoresCase, "keys_of_any_text_are_told_apart"),
    (CutsKeys, "keys_of_any_text_are_told_apart"),
    (ClearsAll, "a_prefix_is_forgotten_and_nothing_else"),
    (SharesWithAnother, "another_app_is_left_alone"),
    (StaysLocked, "a_call_that_is_dropped_holds_nothing_up"),
    (WaitsForEver, "a_slow_server_is_left_at_its_deadline"),
    (WaitsEachTime, "a_slow_server_is_left_at_its_deadline"),
    (NeverReturns, "nothing_is_lost_at_failover"),
    (BeginsAnew, "nothing_is_lost_at_failover"),
];

const WRONG_ENTRIES: [(Fault, &str); 18] = [
    (RoundsToSeconds, "a_value_is_there_until_its_timeout"),
    (KeepsTheFirstTimeout, "a_new_value_has_its_own_timeout"),
    (KeepsTextAlone, "a_value_of_any_bytes_comes_back_unchanged"),
    (IgnoresCase, "keys_of_any_text_are_told_apart"),
    (CutsKeys, "keys_of_any_text_are_told_apart"),
    (ReadsThenWrites, "of_all_tasks_one_adds"),
    (ReadsThenWrites, "of_all_threads_one_adds"),
    (ReleasesForAll, "a_lock_is_released_by_its_owner_alone"),
    (ReplacesForAll, "a_value_is_replaced_by_one_that_knows_it"),
    (ReadsThenWrites, "of_all_tasks_one_replaces"),
    (AddsThenExpires, "a_lock_whose_owner_left_ends_in_time"),
    (SaysYes, "removing_tells_what_was_there"),
    (ClearsAll, "a_prefix_is_removed_and_nothing_else"),
    (SharesWithAnother, "another_app_is_left_alone"),
    (WaitsForEver, "a_slow_server_is_left_at_its_deadline"),
    (WaitsEachTime, "a_slow_server_is_left_at_its_deadline"),
    (NeverReturns, "nothing_is_lost_at_failover"),
    (BeginsAnew, "nothing_is_lost_at_failover"),
];

fn expect_all_caught<K: Kind + ?Sized>(wrong: &[(Fault, &'static str)], fixture: fn(Fault) -> Fixture<K>) {
    let missed: Vec<_> = wrong.iter().filter(|(fault, law)| try_law(law, fixture(*fault)).is_ok()).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
    let laws: BTreeSet<_> = K::LAWS.iter().map(|(law, _)| *law).collect();
    let broken: BTreeSet<_> = wrong.iter().map(|(_, law)| *law).collect();
    assert_eq!(laws, broken, "each law is broken by a wrong store");
}

#[test]
fn wrong_counters_are_caught_by_name() {
    expect_all_caught(&WRONG_COUNTERS, counters);
}

#[test]
fn wrong_entries_are_caught_by_name() {
    expect_all_caught(&WRONG_ENTRIES, entries);
}

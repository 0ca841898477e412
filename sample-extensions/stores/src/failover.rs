//! A store that may be away, and what an app has instead meanwhile.

mod health; // whether the store is there, and when to ask again
mod fixed; // answers that need no store
mod limits; // a store with other limits

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use costrel::signals::Signal;
use costrel::{Bytes, Error, ErrorKind};
use costrel_ext_kit::Clock;

use crate::counters::{Charge, Counters, Counts, Hit};
use crate::entries::Entries;
use crate::outcome::Outcome;

pub use fixed::{FailAtOnce, FailClosed, FailOpen};
pub use limits::WithLimits;

use health::Health;

/// Sent when a store does not answer any more, with the error, by the request that found out.
pub static STORE_AWAY: Signal<Error> = Signal::new("costrel_stores.store_away");

/// Sent when a store answers again, with the time that it was away, by the next request.
pub static STORE_BACK: Signal<Duration> = Signal::new("costrel_stores.store_back");

/// The key of the calls that find out whether a store is back.
const PROBE: &str = "costrel-stores/probe";

/// A store that may be away, such as one on a network, with another that stands in for it meanwhile.
///
/// A call that fails, or has no answer within the deadline, is made to the stand-in, and so are all calls from then on, at once.
/// Two kinds of errors are those of their call alone, and go to the caller: one with which a Redis that serves others refuses the
/// call, such as `WRONGTYPE`; and one with a status, by which a store says how the request is to be answered.
/// While requests arrive, the store is asked again after 1, 2, 4, .. 32 seconds, beside the requests; when it answers, calls go to
/// it again. The log has one line for each of the two events, and [`STORE_AWAY`] and [`STORE_BACK`] are sent.
///
/// | stand-in | what a limiter does meanwhile | what a cache does |
/// |---|---|---|
/// | [`FailOpen`] | admits every request | runs every view |
/// | [`FailClosed`] | answers 503 | answers 503 |
/// | [`FailAtOnce`] | fails | runs every view, and fails where code asks it for a value |
/// | [`MemoryCounters`](crate::MemoryCounters), [`MemoryEntries`](crate::MemoryEntries) | counts in each process alone | keeps in each process alone |
/// | [`MemoryCounters`](crate::MemoryCounters) with [`WithLimits`] | the same, with limits of its own | |
///
/// What the stand-in counts or keeps is not copied to the store.
///
/// ```
/// use std::time::Duration;
/// use costrel_stores::{Charge, Counters, Failover, Hit, MemoryCounters, WithLimits};
/// use costrel_stores::FailAtOnce as Redis;
///
/// let store = Redis; // one that is away
/// let store = Failover::new(store, WithLimits::new(MemoryCounters::new(), |hit| Hit { amount: hit.amount / 2, ..hit }));
/// let hit = Hit::new("search", 2, Duration::from_secs(60));
/// assert!(store.count(&[hit], Charge::AllOrNone).wait()?[0].allowed);
/// assert!(!store.count(&[hit], Charge::AllOrNone).wait()?[0].allowed);
/// # Ok::<(), costrel::Error>(())
/// ```
pub struct Failover<S, B> {
    store: Arc<S>,
    stand_in: B,
    health: Arc<Health>,
}

impl<S: fmt::Debug + Send + Sync + 'static, B> Failover<S, B> {
    /// Calls `store` within 250 ms, and `stand_in` while that is away.
    pub fn new(store: S, stand_in: B) -> Self {
        let name = format!("{store:?}");
        Self { store: Arc::new(store), stand_in, health: Arc::new(Health::new(name, Clock::system())) }
    }

    /// Sets the longest time that a call may take. Default: 250 ms.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { health: Arc::new(self.health.with_deadline(deadline)), ..self }
    }

    /// Sets another clock, for tests of the pauses between questions. The deadline is measured by the system's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { health: Arc::new(self.health.with_clock(clock)), ..self }
    }

    /// Calls the store if it is there, and the stand-in if it is not; `probe` asks whether it is back.
    fn call<'a, T: Send + 'a>(
        &'a self,
        store: impl FnOnce(&'a S) -> Outcome<'a, T> + Send + 'a,
        stand_in: impl FnOnce(&'a B) -> Outcome<'a, T> + Send + 'a,
        probe: for<'p> fn(&'p S) -> Outcome<'p, ()>,
    ) -> Outcome<'a, T>
    where
        B: Sync,
    {
        if self.health.is_away() {
            self.probe_when_due(probe);
            return stand_in(&self.stand_in);
        }
        let losses = self.health.losses();
        Outcome::new(async move {
            self.health.tell_if_back().await;
            match self.health.within_deadline(store(&self.store)).await {
                Ok(value) => Ok(value),
                Err(error) if is_of_the_call(&error) => Err(error),
                Err(error) => {
                    self.health.lost(losses, error).await;
                    stand_in(&self.stand_in).await
                }
            }
        })
    }

    /// Asks the store beside the request whether it is back, when a pause is over.
    fn probe_when_due(&self, probe: for<'p> fn(&'p S) -> Outcome<'p, ()>) {
        let Some(turn) = self.health.turn_to_probe() else { return };
        let store = self.store.clone();
        turn.spawn(async move {
            match probe(&store).await {
                Err(error) if is_of_the_call(&error) => Ok(()),
                result => result,
            }
        });
    }
}

impl<S: Counters, B: Counters> Counters for Failover<S, B> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        self.call(move |store| store.count(hits, charge), move |store| store.count(hits, charge), probe_counters)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.call(move |store| store.delete(key), move |store| store.delete(key), probe_counters)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.call(move |store| store.clear(prefix), move |store| store.clear(prefix), probe_counters)
    }
}

impl<S: Entries, B: Entries> Entries for Failover<S, B> {
    fn always_answers(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        self.call(move |store| store.get(key), move |store| store.get(key), probe_entries)
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        let again = value.clone();
        self.call(
            move |store| store.set(key, value, timeout),
            move |store| store.set(key, again, timeout),
            probe_entries,
        )
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let again = value.clone();
        self.call(
            move |store| store.add(key, value, timeout),
            move |store| store.add(key, again, timeout),
            probe_entries,
        )
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let again = value.clone();
        self.call(
            move |store| store.set_if(key, old, value, timeout),
            move |store| store.set_if(key, old, again, timeout),
            probe_entries,
        )
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        self.call(move |store| store.delete(key), move |store| store.delete(key), probe_entries)
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        self.call(move |store| store.delete_if(key, value), move |store| store.delete_if(key, value), probe_entries)
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.call(move |store| store.delete_many(keys), move |store| store.delete_many(keys), probe_entries)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.call(move |store| store.clear(prefix), move |store| store.clear(prefix), probe_entries)
    }
}

/// Whether an error says nothing of the store.
fn is_of_the_call(error: &Error) -> bool {
    #[cfg(feature = "redis")]
    if crate::redis::is_of_the_call(error) {
        return true;
    }
    matches!(error.kind(), ErrorKind::Status(_))
}

/// Writes, though nothing that is there, because a server that can only be read is no help.
fn probe_counters<S: Counters>(store: &S) -> Outcome<'_, ()> {
    store.delete(PROBE)
}

fn probe_entries<S: Entries>(store: &S) -> Outcome<'_, ()> {
    Outcome::new(async move { store.delete(PROBE).await.map(drop) })
}

impl<S, B: fmt::Debug> fmt::Debug for Failover<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { health, stand_in, .. } = self;
        f.debug_struct("Failover").field("store", health).field("stand_in", stand_in).finish()
    }
}

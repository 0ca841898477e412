//! The counters of one process.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use costrel_ext_kit::Clock;
use parking_lot::{Mutex, MutexGuard, RwLock};
use smallvec::SmallVec;

use super::table::{Hash, Table};
use crate::counters::{Charge, Counters, Counts, Hit, Strategy};
use crate::outcome::Outcome;
use crate::reading::nanoseconds;

/// The number of windows for which one more lock is worth its memory.
const WINDOWS_PER_LOCK: usize = 1024;

/// The most locks, so that a sweep holds up only the clients of one of them.
const MOST_LOCKS: usize = 64;

/// The time in which all windows are looked at once, so that those that are over do not stay for ever.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Counters in the memory of this process: nothing to install, and each process counts alone.
///
/// It keeps hashes of the keys, so a window takes the same room however long its key is: some 100 bytes, and 16 more for each
/// hit in a moving window.
pub struct MemoryCounters {
    tables: Box<[Mutex<Table>]>,
    clock: Clock,
    began: Instant,
    /// Makes one half of a key's hash, which no client can foresee.
    secret: RandomState,
    /// Makes the other half, so that no two keys have one hash by chance.
    other: foldhash::quality::RandomState,
    /// The prefixes that were cleared, each with its number: a key's number is part of its hash, so that the windows from
    /// before are not found again.
    cleared: RwLock<Vec<(String, u64)>>,
    /// The number of clears, so that a store that was never cleared does not ask for prefixes.
    clears: AtomicU64,
    sweep_at: AtomicU64,
    sweep_next: AtomicUsize,
}

impl MemoryCounters {
    /// Counters with room for 100,000 windows, on the system's clock.
    pub fn new() -> Self {
        Self::with(100_000, Clock::system())
    }

    /// Sets the number of windows, one for each key, that are kept at most. Default: 100,000, some 10 MB. When there are
    /// more, those with the fewest hits go first. What was counted before is forgotten.
    #[must_use]
    pub fn capacity(self, windows: usize) -> Self {
        Self::with(windows, self.clock)
    }

    /// Sets another clock, for tests. What was counted before is forgotten.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self::with(self.tables.len() * self.tables[0].lock().capacity(), clock)
    }

    /// The number of windows that are kept.
    pub fn len(&self) -> usize {
        self.tables.iter().map(|table| table.lock().len()).sum()
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with(capacity: usize, clock: Clock) -> Self {
        let locks = (capacity / WINDOWS_PER_LOCK).next_power_of_two().min(MOST_LOCKS);
        let table = || Mutex::new(Table::new(capacity.div_ceil(locks).max(1)));
        let (secret, other, cleared, clears, sweep_at, sweep_next) = Default::default();
        let (tables, began) = ((0..locks).map(|_| table()).collect(), clock.now());
        Self { tables, clock, began, secret, other, cleared, clears, sweep_at, sweep_next }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.clock.now().saturating_duration_since(self.began))
    }

    fn hash(&self, strategy: Strategy, key: &str) -> Hash {
        let of = (strategy as u64) << 56 ^ self.times_cleared(key);
        u128::from(self.secret.hash_one(key)) << 64 | u128::from(self.other.hash_one((of, key)))
    }

    fn times_cleared(&self, key: &str) -> u64 {
        if self.clears.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let cleared = self.cleared.read();
        cleared.iter().filter(|(prefix, _)| key.starts_with(prefix)).map(|(_, number)| *number).max().unwrap_or(0)
    }

    fn count_now(&self, hits: &[Hit<'_>], charge: Charge) -> Counts {
        let now = self.now();
        if let [hit] = hits {
            let key = self.hash(hit.strategy, hit.key);
            let counted = self.tables[self.place(key)].lock().count(key, hit, charge, now);
            self.sweep_when_due(now);
            return Counts::from_iter([counted]);
        }
        let keys = hits.iter().map(|hit| self.hash(hit.strategy, hit.key)).collect();
        let counts = match charge {
            Charge::AllOrNone => self.lock(&keys).count_all_or_none(hits, &keys, now),
            Charge::InOrder => self.lock(&keys).count_in_order(hits, &keys, now, true),
            Charge::Each => self.lock(&keys).count_in_order(hits, &keys, now, false),
            Charge::None => self.lock(&keys).look(hits, &keys, now),
        };
        self.sweep_when_due(now);
        counts
    }

    /// Locks the tables of `keys`, in one order for all callers, so that they do not lock each other up.
    fn lock(&self, keys: &Keys) -> Locked<'_> {
        let mut places: SmallVec<[usize; 2]> = keys.iter().map(|key| self.place(*key)).collect();
        places.sort_unstable();
        places.dedup();
        let tables = places.iter().map(|place| (*place, self.tables[*place].lock())).collect();
        Locked { tables, mask: self.tables.len() - 1 }
    }

    fn place(&self, key: Hash) -> usize {
        place(key, self.tables.len() - 1)
    }

    /// Sweeps one table when its turn has come.
    fn sweep_when_due(&self, now: u64) {
        let due = self.sweep_at.load(Ordering::Relaxed);
        if now < due {
            return;
        }
        let next = now.saturating_add(nanoseconds(SWEEP_EVERY) / self.tables.len() as u64);
        if self.sweep_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let turn = self.sweep_next.fetch_add(1, Ordering::Relaxed) % self.tables.len();
            self.tables[turn].lock().sweep(now);
        }
    }
}

type Keys = SmallVec<[Hash; 2]>;

/// The place of a key's table.
fn place(key: Hash, mask: usize) -> usize {
    usize::from(key.to_le_bytes()[0]) & mask
}

/// The tables of the keys of one call, locked.
struct Locked<'a> {
    tables: SmallVec<[(usize, MutexGuard<'a, Table>); 2]>,
    mask: usize,
}

impl Locked<'_> {
    fn table(&mut self, key: Hash) -> &mut Table {
        let wanted = place(key, self.mask);
        let at = self.tables.iter().position(|(place, _)| *place == wanted).unwrap_or(0);
        &mut self.tables[at].1
    }

    fn count_all_or_none(&mut self, hits: &[Hit<'_>], keys: &Keys, now: u64) -> Counts {
        let counts = self.look(hits, keys, now);
        if counts.iter().all(|counted| counted.allowed) { self.count_in_order(hits, keys, now, false) } else { counts }
    }

    fn count_in_order(&mut self, hits: &[Hit<'_>], keys: &Keys, now: u64, stops: bool) -> Counts {
        let mut counts = Counts::new();
        for (hit, key) in hits.iter().zip(keys) {
            counts.push(self.table(*key).count(*key, hit, Charge::Each, now));
            if stops && counts.last().is_some_and(|counted| !counted.allowed) {
                break;
            }
        }
        counts
    }

    fn look(&mut self, hits: &[Hit<'_>], keys: &Keys, now: u64) -> Counts {
        hits.iter().zip(keys).map(|(hit, key)| self.table(*key).count(*key, hit, Charge::None, now)).collect()
    }
}

impl Counters for MemoryCounters {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        Outcome::ready(Ok(self.count_now(hits, charge)))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        for strategy in [Strategy::FixedWindow, Strategy::MovingWindow, Strategy::SlidingWindow] {
            let hash = self.hash(strategy, key);
            self.tables[self.place(hash)].lock().remove(hash);
        }
        Outcome::ready(Ok(()))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        let mut cleared = self.cleared.write();
        let number = self.clears.fetch_add(1, Ordering::AcqRel) + 1;
        cleared.retain(|(known, _)| !known.starts_with(prefix));
        cleared.push((prefix.to_owned(), number));
        Outcome::ready(Ok(()))
    }
}

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCounters").field("windows", &self.len()).finish_non_exhaustive()
    }
}

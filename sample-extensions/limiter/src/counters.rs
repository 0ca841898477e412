//! The counters of one limiter on one app: fixed windows, in memory.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use costrel::{Callable, Request};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;

use crate::limit::Limit;

/// The number of windows below which growth triggers no sweep.
const SWEEP_AT_LEAST: usize = 1024;

/// The longest time between two sweeps, so that windows that are over do not stay for ever.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// The longest text, in bytes, that a bucket keeps as it is; of a longer one, which a client may have sent, it keeps a hash.
const LONGEST: usize = 64;

/// The counters of one limiter on one app, with the key function that says which requests are counted together.
pub(crate) struct Counters {
    pub(crate) key: Callable<Request, String>,
    clock: Clock,
    /// The most windows to keep.
    capacity: usize,
    /// Makes the hashes, which no client can foresee.
    hashers: [RandomState; 2],
    /// One lock for all requests, held for a look-up and an addition, and from time to time for a sweep.
    windows: Mutex<Windows>,
}

#[derive(Default)]
struct Windows {
    open: HashMap<Counted, Window>,
    sweep_at: usize,
    swept: Option<Instant>,
}

/// The route and key of requests that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    route: Name,
    key: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Short(String),
    Long(u64, u64),
}

/// A limit, and the requests that it counts together.
pub(crate) type Counted = (Bucket, Limit);

#[derive(Clone, Copy)]
struct Window {
    ends: Instant,
    hits: u64,
}

impl Window {
    /// The order in which windows are removed when there are too many.
    fn rank(&self) -> (u64, Instant) {
        (self.hits, self.ends)
    }
}

/// A limit that was reached, and the time until its window ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breach {
    pub(crate) limit: Limit,
    pub(crate) retry_after: Duration,
}

impl Counters {
    pub(crate) fn new(key: Callable<Request, String>, clock: Clock, capacity: usize) -> Self {
        let (hashers, windows) = Default::default();
        Self { key, clock, capacity: capacity.max(1), hashers, windows }
    }

    /// The bucket of the requests that have this route and this key.
    pub(crate) fn bucket(&self, route: String, key: String) -> Bucket {
        Bucket { route: self.name(route), key: self.name(key) }
    }

    fn name(&self, text: String) -> Name {
        let [one, other] = &self.hashers;
        if text.len() <= LONGEST { Name::Short(text) } else { Name::Long(one.hash_one(&text), other.hash_one(&text)) }
    }

    /// Charges one request to every limit, or to none if one of them is reached.
    pub(crate) fn hit(&self, limits: &[Counted]) -> Result<(), Breach> {
        let now = self.clock.now();
        let mut windows = self.windows.lock();
        let breaches = limits.iter().filter_map(|counted| windows.breach(counted, now));
        if let Some(breach) = breaches.max_by_key(|breach| breach.retry_after) {
            return Err(breach);
        }
        for counted in limits {
            windows.make_room(self.capacity, now);
            windows.charge(counted, now);
        }
        Ok(())
    }
}

impl Windows {
    fn breach(&self, counted: &Counted, now: Instant) -> Option<Breach> {
        let limit = counted.1;
        let window = self.open.get(counted).filter(|window| window.ends > now);
        let (hits, ends) = window.map_or((0, now + limit.window()), |window| (window.hits, window.ends));
        (hits >= limit.amount).then(|| Breach { limit, retry_after: ends - now })
    }

    fn charge(&mut self, counted: &Counted, now: Instant) {
        let fresh = Window { ends: now + counted.1.window(), hits: 0 };
        let window = self.open.entry(counted.clone()).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.hits += 1;
    }

    /// Keeps the number of windows below `capacity`: removes those that are over, then a tenth of the others, those with
    /// the fewest requests first. So a client that sends each request with another key cannot push out its own count.
    fn make_room(&mut self, capacity: usize, now: Instant) {
        self.sweep(capacity, now);
        if self.open.len() < capacity {
            return;
        }
        let mut due = self.open.len() - capacity + capacity.div_ceil(10);
        let mut ranks: Vec<_> = self.open.values().map(Window::rank).collect();
        let (_, last, _) = ranks.select_nth_unstable(due - 1);
        let last = *last;
        self.open.retain(|_, window| {
            let goes = due > 0 && window.rank() <= last;
            due -= usize::from(goes);
            !goes
        });
    }

    /// Removes the windows that are over, when there are `capacity` of them, each time the number of windows has doubled and at least every
    /// `SWEEP_EVERY`, so that clients that never come back take no memory.
    fn sweep(&mut self, capacity: usize, now: Instant) {
        let many = self.open.len() >= self.sweep_at.max(SWEEP_AT_LEAST).min(capacity);
        let long_ago = self.swept.is_some_and(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY);
        if many || long_ago || self.swept.is_none() {
            self.open.retain(|_, window| window.ends > now);
            self.sweep_at = self.open.len() * 2;
            self.swept = Some(now);
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("windows", &self.windows.lock().open.len()).finish_non_exhaustive()
    }
}

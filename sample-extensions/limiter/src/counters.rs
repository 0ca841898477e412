//! The counters of one app: fixed windows, in memory.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use costrel::{Callable, Request};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;

use crate::limit::Limit;

/// The number of windows below which growth triggers no sweep.
const SWEEP_AT_LEAST: usize = 1024;

/// The longest time between two sweeps, so that windows that are over do not stay for ever.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// The counters of one app, with the key function that says which requests are counted together.
pub(crate) struct Counters {
    pub(crate) key: Callable<Request, String>,
    clock: Clock,
    /// One lock for all requests, held for a look-up and an addition, and from time to time for a sweep.
    windows: Mutex<Windows>,
}

#[derive(Default)]
struct Windows {
    open: HashMap<Counted, Window>,
    sweep_at: usize,
    swept: Option<Instant>,
}

/// The endpoint and key of requests that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) key: String,
}

/// A limit, and the requests that it counts together.
pub(crate) type Counted = (Bucket, Limit);

#[derive(Clone, Copy)]
struct Window {
    ends: Instant,
    hits: u64,
}

/// A limit that was reached, and the time until its window ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breach {
    pub(crate) limit: Limit,
    pub(crate) retry_after: Duration,
}

impl Counters {
    pub(crate) fn new(key: Callable<Request, String>, clock: Clock) -> Self {
        Self { key, clock, windows: Mutex::default() }
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
        self.sweep(now);
        let fresh = Window { ends: now + counted.1.window(), hits: 0 };
        let window = self.open.entry(counted.clone()).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.hits += 1;
    }

    /// Removes the windows that are over, each time the number of windows has doubled and at least every
    /// `SWEEP_EVERY`, so that clients that never come back take no memory.
    fn sweep(&mut self, now: Instant) {
        let many = self.open.len() >= self.sweep_at.max(SWEEP_AT_LEAST);
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

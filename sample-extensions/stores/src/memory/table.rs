//! The windows of some keys, bounded in number.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::window::Window;
use crate::counters::{Charge, Counted, Hit, Strategy};
use crate::reading::Reading;

/// The number of windows below which growth triggers no sweep.
const SWEEP_AT_LEAST: usize = 256;

/// The hash of a key, which stands for it: it takes less memory, and no client can foresee it.
pub(super) type Hash = u128;

/// The windows of some keys.
pub(super) struct Table {
    windows: HashMap<Hash, Window, FixedState>,
    capacity: usize,
    sweep_at: usize,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        Self { windows: HashMap::default(), capacity, sweep_at: SWEEP_AT_LEAST }
    }

    /// Counts `hit` as `charge` says, for a call with this hit alone.
    pub(super) fn count(&mut self, key: Hash, hit: &Hit<'_>, charge: Charge, now: u64) -> Counted {
        let mut known = self.windows.get_mut(&key);
        let mut reading = match &mut known {
            Some(window) => window.read(hit, now),
            None => Reading::empty(hit),
        };
        let allowed = reading.admits(hit);
        let is_charged = match charge {
            Charge::None => false,
            Charge::AllOrNone => allowed,
            // A fixed window counts what it refuses too.
            Charge::InOrder | Charge::Each => allowed || hit.strategy == Strategy::FixedWindow,
        };
        if is_charged {
            let window = match known {
                Some(window) => window,
                None => self.insert(key, hit, now),
            };
            window.charge(hit, now);
            reading = window.read(hit, now);
        }
        reading.counted(hit, allowed)
    }

    fn insert(&mut self, key: Hash, hit: &Hit<'_>, now: u64) -> &mut Window {
        self.make_room(now);
        self.windows.entry(key).or_insert_with(|| Window::new(hit.strategy))
    }

    pub(super) fn remove(&mut self, key: Hash) {
        self.windows.remove(&key);
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Keeps the number of windows below the capacity: removes those that are over, then a tenth of the others, those with
    /// the fewest hits first. So a client that sends each request with another key cannot push out its own count.
    fn make_room(&mut self, now: u64) {
        if self.windows.len() < self.sweep_at.min(self.capacity) {
            return;
        }
        self.sweep(now);
        if self.windows.len() < self.capacity {
            return;
        }
        let mut due = self.windows.len() - self.capacity + self.capacity.div_ceil(10);
        let mut ranks: Vec<_> = self.windows.values().map(Window::rank).collect();
        let last = *ranks.select_nth_unstable(due - 1).1;
        self.windows.retain(|_, window| {
            let goes = due > 0 && window.rank() <= last;
            due -= usize::from(goes);
            !goes
        });
    }

    /// Removes the windows that are over, and gives back their memory.
    pub(super) fn sweep(&mut self, now: u64) {
        self.windows.retain(|_, window| !window.is_over(now));
        let left = self.windows.len();
        self.sweep_at = (left * 2).max(SWEEP_AT_LEAST);
        if self.windows.capacity() > left.max(SWEEP_AT_LEAST) * 4 {
            self.windows.shrink_to(left * 2);
        }
    }
}

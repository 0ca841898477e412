//! What is counted for one key. Times are in nanoseconds since the store began.

use std::collections::VecDeque;

use crate::counters::{Hit, Strategy};
use crate::reading::{Reading, nanoseconds};

/// What is counted for one key, and when it is forgotten.
pub(super) enum Window {
    Fixed {
        count: u64,
        expires: u64,
    },
    Sliding {
        /// The count of the window before this one.
        previous: u64,
        count: u64,
        /// A window after the end of this one, because until then this one counts in part.
        expires: u64,
    },
    /// A moving window with one time of hits at most: most clients come once, and a log takes twice the memory.
    Once {
        time: u64,
        /// The cost of the hits then; 0 before the first.
        cost: u64,
        expires: u64,
    },
    Moving(Box<Log>),
}

/// The hits of a moving window, the oldest first.
pub(super) struct Log {
    /// Pairs of a time and the cost of the hits then.
    hits: VecDeque<(u64, u64)>,
    used: u64,
    expires: u64,
}

impl Window {
    /// A window in which nothing is counted yet.
    pub(super) fn new(strategy: Strategy) -> Self {
        match strategy {
            Strategy::FixedWindow => Self::Fixed { count: 0, expires: 0 },
            Strategy::SlidingWindow => Self::Sliding { previous: 0, count: 0, expires: 0 },
            Strategy::MovingWindow => Self::Once { time: 0, cost: 0, expires: 0 },
        }
    }

    /// Reads the window for `hit`. Hits that no longer count are forgotten.
    pub(super) fn read(&mut self, hit: &Hit<'_>, now: u64) -> Reading {
        let length = nanoseconds(hit.window);
        self.settle(length, now);
        match self {
            Self::Fixed { count, expires } => Reading::Fixed { count: *count, left: expires.saturating_sub(now) },
            Self::Sliding { previous, count, expires } => {
                let left = expires.saturating_sub(length).saturating_sub(now);
                Reading::Sliding { previous: *previous, count: *count, left }
            }
            Self::Once { cost: 0, .. } => moving(std::iter::empty(), 0, hit, now),
            Self::Once { time, cost, .. } => moving(std::iter::once((*time, *cost)), *cost, hit, now),
            Self::Moving(log) => moving(log.hits.iter().copied(), log.used, hit, now),
        }
    }

    /// Counts `hit`, whether it is admitted or not.
    pub(super) fn charge(&mut self, hit: &Hit<'_>, now: u64) {
        let length = nanoseconds(hit.window);
        self.settle(length, now);
        match self {
            Self::Fixed { count, expires } => {
                *count = count.saturating_add(hit.cost);
                *expires = if *expires > now { *expires } else { now.saturating_add(length) };
            }
            Self::Sliding { count, expires, .. } => {
                *count = count.saturating_add(hit.cost);
                *expires = if *expires > now { *expires } else { now.saturating_add(length.saturating_mul(2)) };
            }
            Self::Once { time, cost, expires } if *cost == 0 || *time == now => {
                (*time, *cost, *expires) = (now, cost.saturating_add(hit.cost), after(length, now));
            }
            Self::Once { time, cost, .. } => {
                let mut log = Log { hits: VecDeque::from([(*time, *cost)]), used: *cost, expires: 0 };
                log.charge(hit.cost, length, now);
                *self = Self::Moving(Box::new(log));
            }
            Self::Moving(log) => log.charge(hit.cost, length, now),
        }
    }

    /// Forgets what no longer counts at `now`.
    fn settle(&mut self, length: u64, now: u64) {
        match self {
            Self::Fixed { count, expires } if *expires <= now => *count = 0,
            Self::Sliding { previous, count, expires } if *expires <= now => (*previous, *count) = (0, 0),
            Self::Sliding { previous, count, expires } if *expires - now <= length => {
                (*previous, *count) = (*count, 0);
                *expires = expires.saturating_add(length);
            }
            Self::Once { time, cost, .. } if time.saturating_add(length) < now => *cost = 0,
            Self::Fixed { .. } | Self::Sliding { .. } | Self::Once { .. } => {}
            Self::Moving(log) => log.settle(length, now),
        }
    }

    /// Whether nothing in it counts any more.
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.rank().1 <= now
    }

    /// The order in which windows are removed when there are too many: those with the fewest hits first.
    pub(super) fn rank(&self) -> (u64, u64) {
        match self {
            Self::Fixed { count, expires } => (*count, *expires),
            Self::Once { cost, expires, .. } => (*cost, *expires),
            Self::Sliding { previous, count, expires } => (previous.saturating_add(*count), *expires),
            Self::Moving(log) => (log.used, log.expires),
        }
    }
}

/// Reads a moving window: its hits, the oldest first, which cost `used` together.
fn moving(hits: impl Iterator<Item = (u64, u64)> + Clone, used: u64, hit: &Hit<'_>, now: u64) -> Reading {
    let length = nanoseconds(hit.window);
    let left = |time: u64| time.saturating_add(length).saturating_sub(now);
    let oldest_left = hits.clone().next().map_or(length, |(time, _)| left(time));
    let mut due = used.saturating_add(hit.cost).saturating_sub(hit.amount);
    let last_due = hits.take_while(|(_, cost)| {
        let goes = due > 0;
        due = due.saturating_sub(*cost);
        goes
    });
    // A hit still counts when it is one window old, and no longer after that.
    let room_in = last_due.last().map_or(0, |(time, _)| left(time) + 1);
    Reading::Moving { used, oldest_left, room_in }
}

/// The first time at which a hit of `now` no longer counts.
fn after(length: u64, now: u64) -> u64 {
    now.saturating_add(length).saturating_add(1)
}

impl Log {
    fn charge(&mut self, cost: u64, length: u64, now: u64) {
        match self.hits.back_mut() {
            Some((time, costs)) if *time == now => *costs = costs.saturating_add(cost),
            _ => self.hits.push_back((now, cost)),
        }
        self.used = self.used.saturating_add(cost);
        self.expires = after(length, now);
    }

    fn settle(&mut self, length: u64, now: u64) {
        while let Some((time, cost)) = self.hits.front()
            && time.saturating_add(length) < now
        {
            self.used = self.used.saturating_sub(*cost);
            self.hits.pop_front();
        }
    }
}

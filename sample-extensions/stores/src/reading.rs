//! The arithmetic of limits: from what a store has counted for a key to what a limit admits.

use std::time::Duration;

use crate::counters::{Counted, Hit, Strategy};

/// What a store knows of a key at one moment. Times are in nanoseconds from that moment on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    Fixed {
        count: u64,
        /// The rest of the window.
        left: u64,
    },
    Sliding {
        /// The count of the window before this one.
        previous: u64,
        count: u64,
        /// The rest of the window; zero if nothing is counted.
        left: u64,
    },
    Moving {
        used: u64,
        /// The time until the oldest hit no longer counts; a window if there is none.
        oldest_left: u64,
        /// The time until there is room for the hit in question.
        room_in: u64,
    },
}

impl Reading {
    /// The reading of a key for which nothing is counted.
    pub(crate) fn empty(hit: &Hit<'_>) -> Self {
        match hit.strategy {
            Strategy::FixedWindow => Self::Fixed { count: 0, left: 0 },
            Strategy::SlidingWindow => Self::Sliding { previous: 0, count: 0, left: 0 },
            Strategy::MovingWindow => Self::Moving { used: 0, oldest_left: nanoseconds(hit.window), room_in: 0 },
        }
    }

    /// Whether the limit admits the hit.
    pub(crate) fn admits(&self, hit: &Hit<'_>) -> bool {
        self.used(hit).saturating_add(hit.cost) <= hit.amount
    }

    /// The state of the limit, for a hit that was allowed or not.
    pub(crate) fn counted(&self, hit: &Hit<'_>, allowed: bool) -> Counted {
        let remaining = hit.amount.saturating_sub(self.used(hit));
        let retry_in = if allowed { 0 } else { self.retry_in(hit) };
        let resets_in = Duration::from_nanos(self.resets_in(hit));
        Counted { allowed, remaining, resets_in, retry_in: Duration::from_nanos(retry_in) }
    }

    fn used(&self, hit: &Hit<'_>) -> u64 {
        match *self {
            Self::Fixed { count, .. } => count,
            Self::Sliding { previous, count, left } => share(previous, left, hit.window).saturating_add(count),
            Self::Moving { used, .. } => used,
        }
    }

    fn resets_in(&self, hit: &Hit<'_>) -> u64 {
        match *self {
            Self::Fixed { left, .. } => left,
            Self::Sliding { previous: 0, count: 0, .. } => 0,
            Self::Sliding { previous, count, left } => {
                // The window before loses one of its hits after each such step.
                let step = nanoseconds(hit.window).checked_div(previous).unwrap_or(u64::MAX).max(1);
                let next = (left % step).checked_sub(1).map_or(step.min(left), |rest| rest + 1);
                if count > 0 { next.min(left) } else { next }
            }
            Self::Moving { oldest_left, .. } => oldest_left,
        }
    }

    /// The time until the hit is admitted; of one that costs more than the amount, until everything else is forgotten.
    fn retry_in(&self, hit: &Hit<'_>) -> u64 {
        let Some(room) = hit.amount.checked_sub(hit.cost) else { return self.resets_in(hit) };
        match *self {
            Self::Fixed { left, .. } => left,
            Self::Sliding { previous, count, left } => match room.checked_sub(count) {
                Some(room) => left.saturating_sub(longest_left(previous, room, hit.window)),
                None => left + nanoseconds(hit.window).saturating_sub(longest_left(count, room, hit.window)),
            },
            Self::Moving { room_in, .. } => room_in,
        }
    }
}

impl Counted {
    /// Returns the state of the limit when this time has passed, if there were no hits since: a request may take longer than a
    /// window.
    #[must_use]
    pub fn later(self, passed: Duration, hit: &Hit<'_>) -> Self {
        let until_all_is_over = match hit.strategy {
            Strategy::FixedWindow => self.resets_in,
            Strategy::MovingWindow => hit.window,
            Strategy::SlidingWindow => hit.window * 2,
        };
        let remaining = if passed >= until_all_is_over { hit.amount } else { self.remaining };
        let [resets_in, retry_in] = [self.resets_in, self.retry_in].map(|time| time.saturating_sub(passed));
        Self { remaining, resets_in, retry_in, ..self }
    }
}

/// The share of `count` hits of the window before that still count when `left` of this window is left, rounded down.
fn share(count: u64, left: u64, window: Duration) -> u64 {
    if count == 0 {
        return 0;
    }
    let share = u128::from(count) * u128::from(left) / window.as_nanos().max(1);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The longest rest of a window at which at most `room` of the `count` hits before it still count.
fn longest_left(count: u64, room: u64, window: Duration) -> u64 {
    let first_too_long = (u128::from(room) + 1) * window.as_nanos();
    let longest = first_too_long.div_ceil(u128::from(count.max(1))).saturating_sub(1);
    u64::try_from(longest).unwrap_or(u64::MAX)
}

/// A duration in nanoseconds; that of a clock or a window, and so less than 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

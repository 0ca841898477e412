//! A limit as it stands for one request.

use std::time::{Duration, Instant, SystemTime};

use costrel_stores::{Counted, Rate, Strategy};

/// A limit as it stood when a request was counted. Flask-Limiter's `RequestLimit`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestLimit {
    /// The limit itself: how many requests in which time.
    pub limit: Rate,
    /// The name of the counter in the store, which says what is counted together.
    pub key: String,
    /// Whether the limit refused the request.
    pub breached: bool,
    /// Whether the limit counts the requests of several endpoints together.
    pub shared: bool,
    /// The number of requests that the limit still allows.
    pub remaining: u64,
    /// The time, from the moment when the request was counted, until the limit allows more than now.
    pub resets_in: Duration,
    /// The time, from the moment when the request was counted, until such a request is allowed; zero if it was.
    pub retry_in: Duration,
    pub(crate) counted_at: Instant,
}

impl RequestLimit {
    pub(crate) fn new(limit: Rate, key: &str, shared: bool, counted: Counted, counted_at: Instant) -> Self {
        let Counted { allowed, remaining, resets_in, retry_in } = counted;
        Self { limit, key: key.to_owned(), breached: !allowed, shared, remaining, resets_in, retry_in, counted_at }
    }

    /// The time when the limit allows more than now, by the system's clock.
    pub fn reset_at(&self) -> SystemTime {
        SystemTime::now() + self.resets_in
    }

    /// Returns the limit as it stands at `now`, if the client sent nothing since: a view may take longer than a window.
    pub(crate) fn at(mut self, now: Instant, strategy: Strategy) -> Self {
        let passed = now.saturating_duration_since(self.counted_at);
        let until_all_is_over = match strategy {
            Strategy::FixedWindow => self.resets_in,
            Strategy::MovingWindow => self.limit.window(),
            Strategy::SlidingWindow => self.limit.window() * 2,
        };
        if passed >= until_all_is_over {
            self.remaining = self.limit.amount;
        }
        self.resets_in = self.resets_in.saturating_sub(passed);
        self
    }
}

//! What an app sets up: whose requests are counted together, and whose clock says when a window ends.

use std::panic::Location;

use costrel::{Request, View};
use costrel_ext_kit::{Callback, Clock, IntoCallback};

use crate::decorator;
use crate::policy::Limit;

/// The limiter extension; the counters themselves are kept per app.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(crate) key: Callback<Request, String>,
    pub(crate) clock: Clock,
}

impl Limiter {
    /// Counts together the requests for which `key`, sync or async, gives the same text, such as
    /// [`remote_address`](costrel_ext_kit::remote_address).
    pub fn new<M>(key: impl IntoCallback<M, Request, String>) -> Self {
        Self { key: Callback::new(key), clock: Clock::system() }
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A decorator that refuses, with 429 and `Retry-After`, what goes beyond these limits: one or more, each
    /// a number per time, such as `"10/minute"`, `"1 per 3 hours"` or `"100/day;10/minute"`.
    ///
    /// Windows begin with a client's first request. Every endpoint has counters of its own. A request that
    /// one limit refuses is charged to none.
    #[track_caller]
    pub fn limit(&self, limits: &str) -> impl Fn(View) -> View + Clone + use<> {
        let location = Location::caller();
        let limits = Limit::parse_all(limits).map_err(|fault| fault.with_location(location));
        move |view| match limits.clone() {
            Ok(limits) => decorator::limit(view, limits),
            Err(fault) => view.with_setup_error(fault),
        }
    }
}

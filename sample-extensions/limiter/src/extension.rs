//! The extension: its options, its set-up on an app, and the decorator that it gives.

use std::panic::Location;
use std::sync::Arc;

use costrel::{App, Callable, Error, Extension, Instance, Request, View};
use costrel_ext_kit::{Clock, IntoCallback};

use crate::counters::Counters;
use crate::decorator;
use crate::limit::Limit;

/// The limiter extension; the counters themselves are kept per app. An app may have several, such as one by address and one
/// by user: each has counters of its own, and its decorators use them.
#[derive(Clone, Debug)]
pub struct Limiter {
    instance: Instance,
    key: Callable<Request, String>,
    clock: Clock,
    capacity: usize,
}

impl Limiter {
    /// Builds a limiter that counts together the requests for which `key`, sync or async, gives the same text, such as
    /// [`remote_address`](costrel_ext_kit::key::remote_address).
    pub fn new<M>(key: impl IntoCallback<M, Request, String>) -> Self {
        Self { instance: Instance::new(), key: key.into_callback(), clock: Clock::system(), capacity: 100_000 }
    }

    /// Sets the number of windows, one for each client, route and limit, that are kept at most. Default: 100,000, some 20
    /// MB. When there are more, those with the fewest requests go first.
    #[must_use]
    pub fn capacity(mut self, windows: usize) -> Self {
        self.capacity = windows;
        self
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a decorator that refuses requests beyond these limits with 429 and `Retry-After`: one limit or more,
    /// each a number per time, such as `"10/minute"`, `"1 per 3 hours"` or `"100/day;10/minute"`.
    ///
    /// A window begins with a client's first request. Every endpoint has its own counters, and in a
    /// [`DecoratorLayer`](costrel_ext_kit::tower::DecoratorLayer) every [`route`](costrel_ext_kit::key::route). A request that
    /// one limit refuses is charged to no limit.
    #[track_caller]
    pub fn limit(&self, limits: &str) -> impl Fn(View) -> View + Clone + use<> {
        let location = Location::caller();
        let limits: Result<Arc<[Limit]>, Error> = match Limit::parse_all(limits) {
            Ok(limits) => Ok(limits.into()),
            Err(error) => Err(error.with_location(location)),
        };
        let limiter = self.instance;
        move |view| match limits.clone() {
            Ok(limits) => decorator::limit(view, limiter, limits),
            Err(error) => view.with_setup_error(error),
        }
    }
}

impl Extension for &Limiter {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension_of(self.instance, Counters::new(self.key.clone(), self.clock.clone(), self.capacity));
        Ok(())
    }
}

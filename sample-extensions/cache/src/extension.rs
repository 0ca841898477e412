//! The extension: its options, its set-up on an app, and the decorators that it gives.

use std::time::Duration;

use costrel::{App, Error, Extension, Request, View};
use costrel_ext_kit::{Clock, IntoCallback};

use crate::decorator::{Caching, cached};
use crate::entries::Entries;

/// The cache extension; the responses themselves are kept per app.
#[derive(Clone, Debug)]
pub struct Cache {
    capacity: usize,
    clock: Clock,
}

impl Cache {
    /// Room for 500 responses in memory, as in Flask-Caching's simple cache.
    pub fn new() -> Self {
        Self { capacity: 500, clock: Clock::system() }
    }

    /// Room for this many responses; the least useful go first.
    #[must_use]
    pub fn capacity(mut self, responses: usize) -> Self {
        self.capacity = responses;
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A decorator that keeps the view's response for `timeout` and answers with it meanwhile.
    ///
    /// Requests that come while the view runs wait for its response instead of running it too. Kept are
    /// responses to GET with status 200 and a body of known length, a megabyte at most, by view, host, path and query,
    /// that set no cookie, have no `Vary`, and are not marked `no-store`, `no-cache` or `private`.
    ///
    /// A request in which anybody has looked at the session, a `login_required` outside of this for one, is
    /// neither answered from the cache nor kept in it, nor is one with `Authorization`: the page might be for
    /// this client alone. For such pages there is [`cached_by`](Self::cached_by).
    pub fn cached(&self, timeout: Duration) -> impl Fn(View) -> View + Clone + use<> {
        let caching = Caching { timeout, owner: None };
        move |view| cached(view, caching.clone())
    }

    /// The same, with a copy for each `owner`, such as the signed-in user: requests for which `owner`, sync
    /// or async, gives the same text share a copy. Then the session may be looked at.
    pub fn cached_by<M, O: IntoCallback<M, Request, String>>(
        &self,
        timeout: Duration,
        owner: O,
    ) -> impl Fn(View) -> View + Clone + use<M, O> {
        let caching = Caching { timeout, owner: Some(owner.into_callback()) };
        move |view| cached(view, caching.clone())
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Extension for &Cache {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(Entries::new(self.capacity, self.clock.clone()));
        Ok(())
    }
}

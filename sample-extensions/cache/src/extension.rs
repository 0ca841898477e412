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
    /// Builds a cache with room for 500 responses in memory, as in Flask-Caching's simple cache.
    pub fn new() -> Self {
        Self { capacity: 500, clock: Clock::system() }
    }

    /// Sets the number of responses to keep; the least useful are evicted first.
    #[must_use]
    pub fn capacity(mut self, responses: usize) -> Self {
        self.capacity = responses;
        self
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a decorator that keeps the view's response for `timeout` and answers requests with it.
    ///
    /// Requests that arrive while the view runs wait for its response instead of running the view too. The cache keeps
    /// responses to GET with status 200 and a body of known length, a megabyte at most, that set no cookie, have no
    /// `Vary`, and are not marked `no-store`, `no-cache` or `private`. The key is view, host, path and query.
    ///
    /// A request during which code has read the session, such as a `login_required` outside of this decorator, is
    /// neither answered from the cache nor kept in it, and neither is a request with `Authorization`, because the page
    /// may be for this client alone. Use [`cached_by`](Self::cached_by) for such pages.
    pub fn cached(&self, timeout: Duration) -> impl Fn(View) -> View + Clone + use<> {
        let caching = Caching { timeout, owner: None };
        move |view| cached(view, caching.clone())
    }

    /// Returns a decorator like [`cached`](Self::cached) that keeps a copy for each owner, such as the signed-in user:
    /// requests for which `owner`, sync or async, gives the same text share a copy. Code may then read the session.
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

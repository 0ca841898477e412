//! The extension: its options, its set-up on an app, and the decorators that it gives.

use std::time::Duration;

use costrel::{App, Callable, Error, Extension, Instance, Request, View};
use costrel_ext_kit::{Clock, IntoCallback};

use crate::decorator::{Caching, cached};
use crate::entries::Entries;
use crate::run::{finish, pending};

/// The cache extension; the responses themselves are kept per app. An app may have several: each keeps its own.
#[derive(Clone, Debug)]
pub struct Cache {
    instance: Instance,
    capacity: usize,
    clock: Clock,
}

impl Cache {
    /// Builds a cache with room for 500 responses in memory, as in Flask-Caching's simple cache.
    pub fn new() -> Self {
        Self { instance: Instance::new(), capacity: 500, clock: Clock::system() }
    }

    /// Sets the number of responses to keep. When there are more, those that have expired go first, then those that were
    /// not used for the longest time.
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
    /// Requests that arrive while the view runs wait for its response instead of running the view too; if it fails, the
    /// next of them tries. The cache keeps responses to GET with status 200 and a body of known length, a megabyte at most,
    /// that set no cookie, and are not marked `no-store`, `no-cache` or `private`. The key is view, scheme, host, endpoint,
    /// path with that of every mount point, query, and the headers that the response names in `Vary`.
    ///
    /// What may be for one client alone is neither answered from the cache nor kept in it: a response for which the view,
    /// or a decorator inside of this one, has looked at a cookie, at the session, at a header that `Vary` does not name, at
    /// the client's address, at what a tower layer attached, or at `g` after a hook has looked at such things; one with
    /// `Vary: Cookie`; one that got a cookie on its way out. So is a request with `Authorization`, and one during which code
    /// has read the session, such as a `login_required` outside of this decorator. Use [`cached_by`](Self::cached_by) for
    /// such pages.
    ///
    /// A service of another framework beneath a decorator may look at anything, so its pages are shared only by requests
    /// that have no cookie and no other header that could name a client.
    pub fn cached(&self, timeout: Duration) -> impl Fn(View) -> View + Clone + use<> {
        let caching = self.caching(timeout, None);
        move |view| cached(view, caching.clone())
    }

    /// Returns a decorator like [`cached`](Self::cached) that keeps a copy for each owner, such as the signed-in user:
    /// requests for which `owner`, sync or async, gives the same text share a copy. Code may then read the session, cookies
    /// and headers, but a response for which it has written the session is not kept.
    ///
    /// Requests without an owner, for which the text is empty, pass the cache by, and so do those with a flashed message to
    /// show. The response's `Vary` has what `owner` has looked at.
    pub fn cached_by<M, O: IntoCallback<M, Request, String>>(
        &self,
        timeout: Duration,
        owner: O,
    ) -> impl Fn(View) -> View + Clone + use<M, O> {
        let caching = self.caching(timeout, Some(owner.into_callback()));
        move |view| cached(view, caching.clone())
    }
}

impl Cache {
    fn caching(&self, timeout: Duration, owner: Option<Callable<Request, String>>) -> Caching {
        let filling = format!("_cache_filling {:?} ", self.instance).into();
        Caching { cache: self.instance, filling, timeout, owner }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Extension for &Cache {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let cache = self.instance;
        app.set_extension_of(cache, Entries::new(self.capacity, self.clock.clone()));
        // It neither blocks nor waits, and sees the head that the client gets.
        let pending = pending(cache);
        app.on_response(move |_, response| finish(&pending, response.headers()));
        Ok(())
    }
}

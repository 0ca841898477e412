//! What an app sets up: how much is kept, and whose clock says when it is old.

use std::time::Duration;

use costrel::{App, Error, Extension, View};
use costrel_ext_kit::Clock;

use crate::decorator::cached;
use crate::store::Store;

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
    /// responses to GET with status 200 and a whole body, by path and query, that set no cookie, did not
    /// touch the session and are not marked `no-store` or `private`. Everything else passes through.
    pub fn cached(&self, timeout: Duration) -> impl Fn(View) -> View + Clone + use<> {
        move |view| cached(view, timeout)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Extension for &Cache {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(Store::new(self.capacity, self.clock.clone()));
        Ok(())
    }
}

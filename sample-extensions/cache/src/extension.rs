//! The extension: its options, its set-up on an app, and the decorators that it gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{App, Error, Extension, Instance, Request, View, current_app};
use costrel_ext_kit::{Clock, IntoCallback};
use costrel_stores::Entries as Store;

use crate::caching::Caching;
use crate::decorator::{Cached, cached};
use crate::entries::Entries;
#[cfg(feature = "templates")]
use crate::fragments::add_to_templates;
use crate::run::{finish, pending};
use crate::settings::{Chosen, Settings, store_by_type};
use crate::shared::Shared;

/// The cache extension; the entries themselves are kept per app. An app may have several: each keeps its own.
///
/// These of Flask-Caching's settings have a meaning: `CACHE_TYPE` (`SimpleCache`, `NullCache`, `RedisCache` with
/// `CACHE_REDIS_URL` and the feature `redis`, and any other with a store),
/// `CACHE_DEFAULT_TIMEOUT` in seconds (300), `CACHE_THRESHOLD` (500), `CACHE_ENABLE_SIGNALS` (no), and `CACHE_KEY_PREFIX`, the
/// beginning of all keys in a store (`costrel_cache/` and the app's name; behind `%2/` for an app's second cache with a store, and so on); apps with the same one
/// share their entries.
///
/// ```
/// use costrel::App;
/// use costrel_cache::Cache;
///
/// let mut app = App::new("shop");
/// app.config.set("CACHE_DEFAULT_TIMEOUT", 60)?;
/// app.init(&Cache::new())?;
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    instance: Instance,
    chosen: Chosen,
    clock: Clock,
    store: Option<Arc<dyn Store>>,
}

impl Cache {
    /// Builds a cache with room for 500 entries in memory, as in Flask-Caching's simple cache.
    pub fn new() -> Self {
        let (chosen, clock, store) = Default::default();
        Self { instance: Instance::new(), chosen, clock, store }
    }

    /// Sets the number of entries to keep in memory. When there are more, those that have expired go first, then those that
    /// were not used for the longest time. Default: `CACHE_THRESHOLD`, or 500.
    #[must_use]
    pub fn capacity(mut self, entries: usize) -> Self {
        self.chosen.threshold = Some(entries);
        self
    }

    /// Keeps pages and values in `store`, which other processes may share; one request of all of them fills an entry in.
    /// Fragments of templates stay in memory, because a template cannot wait for a store. When the store fails, views and
    /// functions run as if there were no cache, with a line in the log; in debug mode its error is the request's.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use costrel::{App, Error};
    /// use costrel_cache::Cache;
    /// use costrel_stores::MemoryEntries; // or the store on Redis
    ///
    /// let store = Arc::new(MemoryEntries::new());
    /// let machine = |store: &Arc<MemoryEntries>| {
    ///     let cache = Cache::new().store(store.clone());
    ///     let mut app = App::new("shop");
    ///     app.init(&cache)?;
    ///     app.rule("/").decorate(cache.cached(Duration::from_secs(60))).endpoint("index").view(|| "slow to make");
    ///     Ok::<_, Error>(app.test_client())
    /// };
    /// assert_eq!(machine(&store)?.get("/").wait()?.header("x-cache"), Some("miss"));
    /// assert_eq!(machine(&store)?.get("/").wait()?.header("x-cache"), Some("hit"));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the time that other processes wait for the one that fills an entry in, before they do so themselves. Default: 10
    /// seconds.
    #[must_use]
    pub fn fill_timeout(mut self, timeout: Duration) -> Self {
        self.chosen.fill_timeout = Some(timeout);
        self
    }

    /// Does as `version`, which is `"flask-caching 2.5"`, where that does no harm: the key is the path alone, a page answers
    /// every method, only a 200 is kept, and no header says so. COMPATIBILITY.md lists what either mode does.
    #[must_use]
    pub fn compat(mut self, version: impl Into<String>) -> Self {
        self.chosen.compat = Some(version.into());
        self
    }

    /// Sets another clock for what is in memory, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a decorator that keeps the view's response for a timeout, `cache.cached(minute)`, or as the options say,
    /// `cache.cached(timeout(minute).unless(f))`, and answers requests with it.
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
    /// such pages, or say that one is the same for all: [`Caching::public`].
    ///
    /// A service of another framework beneath a decorator may look at anything, so its pages are shared only by requests
    /// that have no cookie and no other header that could name a client.
    pub fn cached<C: Into<Caching>>(&self, caching: C) -> impl Fn(View) -> View + Clone + use<C> {
        self.decorator(caching.into())
    }

    /// Returns a decorator like [`cached`](Self::cached) that keeps a copy for each owner, such as the signed-in user:
    /// requests for which `owner`, sync or async, gives the same text share a copy. Code may then read the session, cookies
    /// and headers, but a response for which it has written the session is not kept.
    ///
    /// Requests without an owner, for which the text is empty, pass the cache by, and so do those with a flashed message to
    /// show. The response's `Vary` has what `owner` has looked at.
    pub fn cached_by<M, O: IntoCallback<M, Request, String>, C: Into<Caching>>(
        &self,
        caching: C,
        owner: O,
    ) -> impl Fn(View) -> View + Clone + use<M, O, C> {
        self.decorator(Caching { owner: Some(owner.into_callback()), ..caching.into() })
    }

    fn decorator(&self, caching: Caching) -> impl Fn(View) -> View + Clone + use<> {
        let filling = format!("_cache_filling {:?} ", self.instance);
        let options = Arc::new(Cached { cache: self.instance, filling, caching });
        move |view| cached(view, options.clone())
    }

    /// The entries of the current app.
    pub(crate) fn entries(&self) -> Result<Arc<Entries>, Error> {
        current_app().extension_of(self.instance)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of caches with a store that an app has.
#[derive(Default)]
struct StoredCaches(AtomicUsize);

/// Returns the beginning of a cache's keys in its store: the app's, and that of the second and later caches with their number,
/// because they may have the same store.
fn key_prefix(app: &mut App, of_app: &str) -> String {
    if app.extension::<StoredCaches>().is_none() {
        app.set_extension(StoredCaches::default());
    }
    let before = app.extension::<StoredCaches>().map_or(0, |caches| caches.0.fetch_add(1, Ordering::Relaxed));
    if before == 0 { of_app.to_owned() } else { format!("%{}/{of_app}", before + 1) }
}

impl Extension for &Cache {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let cache = self.instance;
        let store = self.store.clone().map_or_else(|| store_by_type(app), |store| Ok(Some(store)))?;
        let settings = Settings::of(app, &self.chosen, store.is_some())?;
        let shared = store.map(|store| Shared::new(store, key_prefix(app, &settings.key_prefix), self.clock.clone()));
        app.set_extension_of(cache, Entries::new(settings, self.clock.clone(), shared));
        #[cfg(feature = "templates")]
        add_to_templates(app, cache);
        // It neither blocks nor waits, and sees the head that the client gets.
        let pending = pending(cache);
        app.on_response(move |_, response| finish(&pending, response.headers()));
        Ok(())
    }
}

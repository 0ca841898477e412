//! The options of one `cached` or `memoize`.

use std::fmt;
use std::time::Duration;

use costrel::{Callable, Error, IntoResponse, Request, Response};
use costrel_ext_kit::IntoCallback;

use crate::memory::Lifetime;

/// Returns the options of a `cached` or `memoize` whose entries last for `timeout`, for ever if it is zero.
///
/// ```
/// use std::time::Duration;
/// use costrel::{App, Error, session};
/// use costrel_cache::{Cache, timeout};
///
/// let cache = Cache::new();
/// let mut app = App::new("docs");
/// app.init(&cache)?;
/// let cached = cache.cached(timeout(Duration::from_secs(60)).unless(async || session().contains("user")));
/// app.rule("/").decorate(cached).view(|| "for visitors");
/// let client = app.test_client();
/// client.get("/").wait()?;
/// assert_eq!(client.get("/").wait()?.header("x-cache"), Some("hit"));
/// # Ok::<(), Error>(())
/// ```
pub fn timeout<I, O>(timeout: Duration) -> Caching<I, O> {
    Caching { timeout: Some(timeout), ..Caching::default() }
}

/// The options of one [`Cache::cached`](crate::Cache::cached), whose functions get the request and the response, or of one
/// [`Cache::memoize`](crate::Cache::memoize), whose functions get the arguments and the value: a timeout as a `Duration`,
/// [`timeout`] with more options, or `Caching::default()` for the timeout of the cache. Every function may be sync or async,
/// and may take nothing.
#[must_use = "options have no effect until they are given to `cached` or `memoize`"]
pub struct Caching<I = Request, O = Response> {
    pub(crate) timeout: Option<Duration>,
    pub(crate) stale_for: Duration,
    pub(crate) key_prefix: Option<String>,
    pub(crate) query_string: Option<bool>,
    pub(crate) make_cache_key: Option<Callable<I, String>>,
    /// The key function for the owner of a copy; `None` for one copy that all clients share.
    pub(crate) owner: Option<Callable<I, String>>,
    pub(crate) unless: Option<Callable<I, bool>>,
    pub(crate) forced_update: Option<Callable<I, bool>>,
    pub(crate) is_stale: Option<Callable<O, bool>>,
    pub(crate) response_filter: Option<Callable<O, bool>>,
    pub(crate) version: String,
    pub(crate) response_hit_indication: bool,
    pub(crate) is_public: bool,
}

impl<I, O> Caching<I, O> {
    /// Runs the function, and keeps nothing, when `unless` says so. It may look at anything: that counts no more, because its
    /// answer is the same for all who share the entry.
    pub fn unless<M>(mut self, unless: impl IntoCallback<M, I, bool>) -> Self {
        self.unless = Some(unless.into_callback());
        self
    }

    /// Runs the function and keeps what it returns when `forced_update` says so.
    pub fn forced_update<M>(mut self, forced_update: impl IntoCallback<M, I, bool>) -> Self {
        self.forced_update = Some(forced_update.into_callback());
        self
    }

    /// Runs the function and keeps what it returns when `is_stale` says so of what would be given.
    pub fn is_stale<M>(mut self, is_stale: impl IntoCallback<M, O, bool>) -> Self {
        self.is_stale = Some(is_stale.into_callback());
        self
    }

    /// Keeps only what `response_filter` lets through.
    pub fn response_filter<M>(mut self, response_filter: impl IntoCallback<M, O, bool>) -> Self {
        self.response_filter = Some(response_filter.into_callback());
        self
    }

    /// Sets a function that makes the key. Of a memoized function it is the key of the arguments, to leave out those that do
    /// not change the value. Of a view it is the whole key, for requests of every method, with a method other than GET and
    /// HEAD added to it; a response may then depend on the body, the address and the headers that the function has looked at.
    pub fn make_cache_key<M>(mut self, make_cache_key: impl IntoCallback<M, I, String>) -> Self {
        self.make_cache_key = Some(make_cache_key.into_callback());
        self
    }

    /// Gives what is too old for up to `time` more while one caller makes it anew. Default: zero, so all wait for the new one.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }

    /// Sets a version, which is part of the key: change it when the function changes, and no process of the new version gives
    /// what the old one has made. It is what `source_check` is for; a compiled program cannot look at its source.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Says that an entry is the same for every client, whatever the function looks at: the session, cookies, headers. Only
    /// what sets a cookie, writes the session or is marked `private` or `no-store` is not kept. Default: the cache finds out.
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    pub(crate) fn lifetime(&self, default: Duration) -> Lifetime {
        Lifetime { timeout: self.timeout.unwrap_or(default), stale_for: self.stale_for }
    }
}

impl Caching {
    /// Sets the key: `%s` in it is the path. Without that all pages of the view, and of every other view with the prefix, are
    /// one page. Default: scheme, host, path, endpoint and view.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(prefix.into());
        self
    }

    /// Sets whether the query is part of the key, in whatever order its names are. Default: yes; in compat mode no.
    pub fn query_string(mut self, is_in_key: bool) -> Self {
        self.query_string = Some(is_in_key);
        self
    }

    /// Adds the header `hit_cache: True` to responses from the cache. Default: no.
    pub fn response_hit_indication(mut self, is_shown: bool) -> Self {
        self.response_hit_indication = is_shown;
        self
    }

    /// Whether a function is to be asked before a look at the entries.
    pub(crate) fn asks(&self) -> bool {
        self.owner.is_some() || self.unless.is_some() || self.forced_update.is_some() || self.make_cache_key.is_some()
    }
}

impl<I, O> Default for Caching<I, O> {
    fn default() -> Self {
        Self {
            timeout: None,
            stale_for: Duration::ZERO,
            key_prefix: None,
            query_string: None,
            make_cache_key: None,
            owner: None,
            unless: None,
            forced_update: None,
            is_stale: None,
            response_filter: None,
            version: String::new(),
            response_hit_indication: false,
            is_public: false,
        }
    }
}

impl<I, O> From<Duration> for Caching<I, O> {
    fn from(time: Duration) -> Self {
        timeout(time)
    }
}

impl<I, O> fmt::Debug for Caching<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caching").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Asks one of the functions, if it is there.
pub(crate) async fn ask<I: Send + 'static, A: Send + 'static>(
    function: Option<&Callable<I, A>>,
    input: impl FnOnce() -> I,
) -> Result<Option<A>, Error> {
    match function {
        Some(function) => function.call(input()).await.map(Some),
        None => Ok(None),
    }
}

/// A response with a timeout of its own in the cache: a view returns it in place of the response.
///
/// ```
/// use std::time::Duration;
/// use costrel_cache::CachedResponse;
///
/// async fn view() -> CachedResponse<&'static str> {
///     CachedResponse::new("soon old", Duration::from_secs(7))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CachedResponse<R> {
    response: R,
    timeout: Duration,
}

/// The timeout of a [`CachedResponse`], attached to the response.
#[derive(Clone, Copy)]
pub(crate) struct OwnTimeout(pub(crate) Duration);

impl<R: IntoResponse> CachedResponse<R> {
    /// Gives `response` a timeout; with zero the decorator's counts.
    pub fn new(response: R, timeout: Duration) -> Self {
        Self { response, timeout }
    }
}

impl<R: IntoResponse> IntoResponse for CachedResponse<R> {
    fn into_response(self) -> Result<Response, Error> {
        let mut response = self.response.into_response()?;
        if !self.timeout.is_zero() {
            response.extensions_mut().insert(OwnTimeout(self.timeout));
        }
        Ok(response)
    }
}

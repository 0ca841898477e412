//! The app as code in a request sees it: settings, extensions and the bridge, but no way to change it.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::execution::{Backlog, Bridge, Callable, Coloured, Waiting};
use crate::hooks::{HookSet, ServingHooks};
use crate::routing::UrlMap;
use crate::session::Sessions;

/// The app that is handling this request, as [`current_app()`](crate::current_app()) gives it.
///
/// ```
/// # use costrel::{App, current_app};
/// # let mut app = App::new("shop");
/// app.route("/", || current_app().name().to_owned());
/// assert_eq!(app.test_client().get("/").wait()?.text(), "shop");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct AppHandle {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    crossings: AtomicU64,
    /// Of sync code that waits for a worker.
    backlog: Backlog,
    /// Cancelled when the server begins to stop, and made anew when it starts again.
    stopping: Mutex<CancellationToken>,
    /// Teardown that goes on when its request has been answered, or its client has left.
    teardowns: TaskTracker,
    background: TaskTracker,
    /// Cancelled when what runs in the background is to end, and made anew for the next serving.
    background_stop: Mutex<CancellationToken>,
}

/// What an app is made of, as far as code in a request may see it.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) extensions: Extensions,
    pub(crate) bridge: Arc<dyn Bridge>,
    pub(crate) sessions: Sessions,
    pub(crate) subscribers: Subscribers,
    pub(crate) url_map: UrlMap<HookSet>,
    /// The app's own hooks and error handlers.
    pub(crate) hooks: Arc<HookSet>,
    /// Run when serving begins and ends.
    pub(crate) serving: ServingHooks,
    /// Run at the end of every context, the last registered first.
    pub(crate) teardown_appcontext: Vec<Callable<Option<Error>, ()>>,
    #[cfg(feature = "templates")]
    pub(crate) templates: minijinja::Environment<'static>,
}

/// One state per extension, found by its type.
pub(crate) type Extensions = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// For each signal's name the functions that get it, a `Vec<Callable<T, ()>>`.
pub(crate) type Subscribers = HashMap<&'static str, Box<dyn Any + Send + Sync>>;

impl AppHandle {
    pub(crate) fn new(parts: Parts) -> Self {
        let (crossings, background_stop, stopping) = Default::default();
        let backlog = Backlog::new(parts.config.max_queued);
        let [teardowns, background] = [TaskTracker::new(), TaskTracker::new()];
        // Closed, they can be waited for; they take tasks all the same.
        teardowns.close();
        background.close();
        Self { inner: Arc::new(Inner { parts, crossings, backlog, stopping, teardowns, background, background_stop }) }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.inner.parts.name
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.inner.parts.config
    }

    /// The state that extension kept for this app with [`App::set_extension`](crate::App::set_extension).
    ///
    /// # Errors
    /// If it was never initialised on this app.
    pub fn extension<E: Send + Sync + 'static>(&self) -> Result<Arc<E>, Error> {
        let state = self.inner.parts.extensions.get(&TypeId::of::<E>()).cloned();
        state.and_then(|state| state.downcast().ok()).ok_or_else(|| {
            Error::new(
                ErrorKind::Setup,
                format!(
                    "The extension `{}` is not initialised on the app `{}`: call `app.init(..)` with it first.",
                    type_name::<E>(),
                    self.name()
                ),
            )
        })
    }

    /// A view, or any function, as a sync function, whatever its colour: Flask's `ensure_sync`. A sync one is called
    /// as it is; for an async one the caller waits. For decorators written as sync functions.
    ///
    /// ```
    /// # use costrel::{App, Callable, IntoView, current_app, request};
    /// async fn greet() -> &'static str {
    ///     "hello"
    /// }
    ///
    /// # let mut app = App::new("docs");
    /// app.route("/", || {
    ///     let greet = greet.into_view();
    ///     current_app().ensure_sync(&greet)(request())
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
    ///
    /// # let mut app = App::new("docs");
    /// app.route("/double", || {
    ///     let double = Callable::new_async(async |n: i64| Ok(n * 2)); // any function, of either colour
    ///     current_app().ensure_sync(&double)(21).map(|n| n.to_string())
    /// });
    /// assert_eq!(app.test_client().get("/double").wait()?.text(), "42");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// The function fails with the view's errors and with those of [`async_to_sync`](crate::async_to_sync).
    pub fn ensure_sync<'f, F: Coloured>(&self, f: &'f F) -> impl Fn(F::Input) -> Result<F::Output, Error> + use<'f, F> {
        move |input| f.call_sync(input)
    }

    /// A view, or any function, as an async function, whatever its colour: Quart's `ensure_async`. An async one is
    /// called as it is; a sync one runs on a worker.
    pub fn ensure_async<'f, F: Coloured>(&self, f: &'f F) -> impl Fn(F::Input) -> Waiting<F::Output> + use<'f, F> {
        move |input| f.call(input)
    }

    /// How many pieces of sync code have crossed from the event loop so far.
    pub fn crossings(&self) -> u64 {
        self.inner.crossings.load(Ordering::Relaxed)
    }

    pub(super) fn count_crossing(&self) {
        self.inner.crossings.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn backlog(&self) -> &Backlog {
        &self.inner.backlog
    }

    /// Cancelled when the server begins to stop.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.inner.stopping.lock().clone()
    }

    pub(crate) fn stop(&self) {
        self.inner.stopping.lock().cancel();
    }

    /// For another serving of the same app.
    pub(crate) fn start_anew(&self) {
        *self.inner.stopping.lock() = CancellationToken::new();
    }

    pub(crate) fn teardowns(&self) -> &TaskTracker {
        &self.inner.teardowns
    }

    pub(crate) fn background(&self) -> &TaskTracker {
        &self.inner.background
    }

    pub(crate) fn background_stop(&self) -> CancellationToken {
        self.inner.background_stop.lock().clone()
    }

    pub(crate) fn stop_background(&self) {
        std::mem::take(&mut *self.inner.background_stop.lock()).cancel();
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.parts.sessions
    }

    pub(crate) fn bridge(&self) -> &Arc<dyn Bridge> {
        &self.inner.parts.bridge
    }
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

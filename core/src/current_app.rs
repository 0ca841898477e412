//! The app as code in a request sees it: settings, extensions and the bridge, but no way to change it.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bridge::Bridge;
use crate::config::Config;
use crate::crossing::Waiting;
use crate::error::{Error, ErrorKind};
use crate::request::Request;
use crate::response::Response;
use crate::session::signing::Signer;
use crate::view::View;

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
pub struct CurrentApp {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    config: Config,
    signer: Option<Signer>,
    extensions: Extensions,
    bridge: Arc<dyn Bridge>,
    jobs_begun: AtomicU64,
}

/// One state per extension, found by its type.
pub(crate) type Extensions = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl CurrentApp {
    pub(crate) fn new(name: String, config: Config, extensions: Extensions, bridge: Arc<dyn Bridge>) -> Self {
        let (signer, jobs_begun) = (config.signer(), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { name, config, signer, extensions, bridge, jobs_begun }) }
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The state that extension kept for this app with [`App::set_extension`](crate::App::set_extension).
    ///
    /// # Errors
    /// If it was never initialised on this app.
    pub fn extension<E: Send + Sync + 'static>(&self) -> Result<Arc<E>, Error> {
        let state = self.inner.extensions.get(&TypeId::of::<E>()).cloned();
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

    /// The view as a sync function, whatever its colour: Flask's `ensure_sync`. A sync view is called as it
    /// is; for an async one the caller waits. For decorators written as sync functions.
    ///
    /// ```
    /// # use costrel::{App, IntoView, current_app, request};
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
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// The function fails with the view's errors and with those of [`async_to_sync`](crate::async_to_sync).
    pub fn ensure_sync<'v>(&self, view: &'v View) -> impl Fn(Request) -> Result<Response, Error> + use<'v> {
        move |request| view.call_sync(request)
    }

    /// The view as an async function, whatever its colour: Quart's `ensure_async`. An async view is called
    /// as it is; a sync one runs on a worker.
    pub fn ensure_async<'v>(&self, view: &'v View) -> impl Fn(Request) -> Waiting<Response> + use<'v> {
        move |request| view.call(request)
    }

    /// How many pieces of sync code have crossed from the event loop so far.
    pub fn jobs_begun(&self) -> u64 {
        self.inner.jobs_begun.load(Ordering::Relaxed)
    }

    pub(crate) fn count_job(&self) {
        self.inner.jobs_begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.inner.signer.as_ref()
    }

    pub(crate) fn bridge(&self) -> &Arc<dyn Bridge> {
        &self.inner.bridge
    }
}

impl fmt::Debug for CurrentApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentApp").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

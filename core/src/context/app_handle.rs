//! The handle to the app for code in a request: settings, extensions and the bridge, but no way to change it.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rule_info::RuleInfo;
use super::run_state::RunState;
use crate::config::Config;
use crate::error::Error;
use crate::execution::{Backlog, Bridge, Bridges, Callable, Coloured, Lint, Propagated, Propagation, Trace, Waiting};
use crate::hooks::{HookSet, ResponseHook, ServingHooks};
use crate::http_types::ScriptRoot;
use crate::routing::UrlBuilder;
use crate::session::Sessions;
use crate::type_map::{ExtensionMap, Instance, type_label};

/// The app that is handling this request, as [`current_app()`](crate::current_app()) gives it.
///
/// ```
/// use costrel::{App, current_app};
///
/// let mut app = App::new("shop");
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
    run_state: RunState,
    /// The jobs that wait for a worker.
    backlog: Backlog,
    /// The path of `config.application_root`, unless it is the root.
    script_root: Option<ScriptRoot>,
    /// The jobs of background tasks that wait for a thread.
    background_backlog: Backlog,
}

/// The parts of an app that code in a request may see.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) instance_path: PathBuf,
    /// The states of extensions.
    pub(crate) extensions: ExtensionMap,
    pub(crate) bridges: Bridges,
    pub(crate) sessions: Sessions,
    pub(crate) subscribers: Subscribers,
    pub(crate) url_builder: UrlBuilder<HookSet>,
    pub(crate) rules: Vec<RuleInfo>,
    /// The app's own hooks and error handlers.
    pub(crate) hooks: Arc<HookSet>,
    /// Called with each response that leaves, the last registered first.
    pub(crate) on_response: Vec<ResponseHook>,
    /// Run when serving begins and ends.
    pub(crate) serving: ServingHooks,
    /// Run at the end of every context, the last registered first.
    pub(crate) teardown_appcontext: Vec<Callable<Option<Error>, ()>>,
    /// The values that work takes along to other threads and tasks.
    pub(crate) propagations: Vec<Propagation>,
    #[cfg(feature = "templates")]
    pub(crate) templates: minijinja::Environment<'static>,
}

/// The subscribers of each signal by its name; each value is a `Vec<Callable<T, ()>>`.
pub(crate) type Subscribers = HashMap<&'static str, Box<dyn Any + Send + Sync>>;

impl AppHandle {
    pub(crate) fn new(parts: Parts) -> Self {
        let [backlog, background_backlog] = [(), ()].map(|()| Backlog::new(parts.config.max_queued));
        let (run_state, script_root) = (RunState::new(), ScriptRoot::new(&parts.config.application_root));
        Self { inner: Arc::new(Inner { parts, run_state, backlog, script_root, background_backlog }) }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn script_root(&self) -> Option<&ScriptRoot> {
        self.inner.script_root.as_ref()
    }

    /// The name the app was made with.
    pub fn name(&self) -> &str {
        &self.inner.parts.name
    }

    /// The settings of the app.
    pub fn config(&self) -> &Config {
        &self.inner.parts.config
    }

    /// The folder for what this installation of the app keeps; see
    /// [`App::set_instance_path`](crate::App::set_instance_path).
    pub fn instance_path(&self) -> &Path {
        &self.inner.parts.instance_path
    }

    /// Returns the state that an extension keeps for this app with [`App::set_extension`](crate::App::set_extension).
    ///
    /// # Errors
    /// If the extension was never initialised on this app.
    #[doc(alias = "State")]
    pub fn extension<E: Send + Sync + 'static>(&self) -> Result<Arc<E>, Error> {
        self.find_extension(None)
    }

    /// Returns the state that one instance of an extension keeps for this app with
    /// [`App::set_extension_of`](crate::App::set_extension_of).
    ///
    /// # Errors
    /// If that instance was never initialised on this app.
    pub fn extension_of<E: Send + Sync + 'static>(&self, instance: Instance) -> Result<Arc<E>, Error> {
        self.find_extension(Some(instance))
    }

    fn find_extension<E: Send + Sync + 'static>(&self, instance: Option<Instance>) -> Result<Arc<E>, Error> {
        self.inner.parts.extensions.get(instance).ok_or_else(|| {
            Error::setup_without_line(format!(
                "The extension `{}` is not initialised on the app `{}`: call `app.init(..)` with it first.",
                type_label::<E>(),
                self.name()
            ))
        })
    }

    /// Returns a view, or any function, as a sync function, whatever its colour: Flask's `ensure_sync`. A sync
    /// function is called as it is; for an async one the caller waits. Meant for decorators written as sync functions.
    ///
    /// ```
    /// use costrel::{App, Callable, IntoView, current_app, request};
    ///
    /// async fn greet() -> &'static str {
    ///     "hello"
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || {
    ///     let greet = greet.into_view();
    ///     current_app().ensure_sync(&greet)(request())
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
    ///
    /// let mut app = App::new("docs");
    /// app.route("/double", || {
    ///     let double = Callable::new_async(async |n: i64| Ok(n * 2)); // any function, of either colour
    ///     current_app().ensure_sync(&double)(21).map(|n| n.to_string())
    /// });
    /// assert_eq!(app.test_client().get("/double").wait()?.text(), "42");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// The returned function fails with the view's errors and with those of [`async_to_sync`](crate::async_to_sync).
    pub fn ensure_sync<'f, F: Coloured>(&self, f: &'f F) -> impl Fn(F::Input) -> Result<F::Output, Error> + use<'f, F> {
        move |input| f.call_sync(input)
    }

    /// Returns a view, or any function, as an async function, whatever its colour: Quart's `ensure_async`. An async
    /// function is called as it is; a sync one runs on a worker.
    pub fn ensure_async<'f, F: Coloured>(&self, f: &'f F) -> impl Fn(F::Input) -> Waiting<F::Output> + use<'f, F> {
        move |input| f.call(input)
    }

    /// Every rule of the app, in the order registered, with the notes on its view: Flask's `app.url_map.iter_rules()`.
    ///
    /// ```
    /// use costrel::{App, View, current_app};
    ///
    /// struct Title(&'static str);
    ///
    /// let titled = |title| move |view: View| view.marked(Title(title));
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(titled("Home")).view(|| {
    ///     let rules = current_app();
    ///     let titles: Vec<_> = rules.rules().iter().filter_map(|rule| Some(rule.marker::<Title>()?.0)).collect();
    ///     titles.join(", ")
    /// });
    /// app.rule("/about").decorate(titled("About")).view(|| "about");
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "Home, About");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias("url_map", "iter_rules"))]
    pub fn rules(&self) -> &[RuleInfo] {
        &self.inner.parts.rules
    }

    /// Waits until the server begins to shut down: Quart's `shutdown_event`. `.await` it in async code, `.wait()` for it in
    /// sync code. A stream or a long view that waits for it too can end before `config.server.shutdown_timeout` cuts it.
    ///
    /// ```
    /// use costrel::{App, Body, current_app};
    /// use futures_util::{FutureExt, StreamExt, stream};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/ticks", async || {
    ///     let ticks = stream::iter(["tick ", "tick "]); // one that never ends
    ///     let stopping = current_app().until_shutdown().into_future().map(drop);
    ///     Body::from_stream(ticks.take_until(stopping))
    /// });
    /// assert_eq!(app.test_client().get("/ticks").wait()?.text(), "tick tick ");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias = "shutdown_event")]
    pub fn until_shutdown(&self) -> Waiting<()> {
        let stopping = self.run_state().stopping();
        Waiting::new(async move {
            stopping.cancelled_owned().await;
            Ok(())
        })
    }

    /// Whether the server has begun to shut down, for sync code that works in steps.
    pub fn is_shutting_down(&self) -> bool {
        self.run_state().stopping().is_cancelled()
    }

    /// The number of times so far that sync code ran in place, on a thread of the event loop, instead of crossing; see
    /// [`Config::runs_in_place`](crate::Config).
    pub fn calls_in_place(&self) -> u64 {
        self.inner.run_state.calls_in_place()
    }

    /// Returns the timelines of the last requests, the latest last; empty unless
    /// [`Config::kept_traces`](crate::Config) is set, or the app is in debug mode.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.config.kept_traces = Some(10);
    /// app.route("/", || "hello");
    /// let client = app.test_client();
    /// client.get("/").wait()?;
    /// assert_eq!(client.application().handle().traces()[0].request, "GET /");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn traces(&self) -> Vec<Trace> {
        self.inner.run_state.traces().into_iter().map(|(_, trace)| trace).collect()
    }

    /// Returns what the lint has found, each fault of a function once. It looks at the requests of debug mode and of the
    /// test client; in production it is off and costs nothing.
    pub fn lints(&self) -> Vec<Lint> {
        self.inner.run_state.lints()
    }

    /// The number of crossings from the event loop to sync code so far.
    pub fn crossings(&self) -> u64 {
        self.inner.run_state.crossings()
    }

    /// Captures what the app takes along, as it is here and now.
    pub(super) fn propagated(&self) -> Propagated {
        Propagated::capture(&self.inner.parts.propagations)
    }

    pub(crate) fn run_state(&self) -> &RunState {
        &self.inner.run_state
    }

    pub(super) fn backlog(&self, may_last: bool) -> &Backlog {
        if may_last { &self.inner.background_backlog } else { &self.inner.backlog }
    }

    pub(super) fn bridges(&self) -> &Bridges {
        &self.inner.parts.bridges
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.parts.sessions
    }

    pub(crate) fn bridge(&self) -> &Arc<dyn Bridge> {
        &self.inner.parts.bridges.requests
    }
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

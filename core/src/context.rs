//! What surrounds code in a request or a command: `request`, `session`, `g` and `current_app`.

mod g;
mod application;
mod signals;
mod app_handle;

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::execution::{self, Bridge, Callable, IntoCallable, JobCounter, Permit, TaskContext};
use crate::hooks::{HookSet, Hooks};
use crate::http_types::{Request, Response};
use crate::session::Session;
use crate::websocket::WebSocket;

pub use app_handle::AppHandle;
pub(crate) use app_handle::{Extensions, Parts, Subscribers};
pub use application::{Application, RuleInfo};
pub(crate) use application::{Command, Endpoint, Tables};
pub use g::G;
pub use signals::{
    APPCONTEXT_POPPED, APPCONTEXT_PUSHED, APPCONTEXT_TEARING_DOWN, BEFORE_RENDER_TEMPLATE, GOT_BACKGROUND_EXCEPTION,
    GOT_REQUEST_EXCEPTION, GOT_SERVING_EXCEPTION, MESSAGE_FLASHED, REQUEST_FINISHED, REQUEST_STARTED,
    REQUEST_TEARING_DOWN, Signal, TEMPLATE_RENDERED,
};

/// The request being handled: Flask's `request`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn request() -> Request {
    in_request(|context| context.visit().map(|visit| visit.request.clone()))
}

/// The session of the client being served: Flask's `session`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn session() -> Session {
    in_request(|context| context.visit().map(|visit| visit.session.clone()))
}

/// The WebSocket of this conversation: Quart's `websocket`. [`request()`] is the one it began with.
///
/// # Panics
/// Outside a handler of [`App::websocket`](crate::App::websocket) and what is around it, with a message that says so.
#[track_caller]
pub fn websocket() -> WebSocket {
    in_request(|context| context.visit()?.websocket.clone().ok_or_else(Error::no_websocket))
}

/// A namespace for the length of one request, or one app context: Flask's `g`.
///
/// # Panics
/// Outside of both, with a message that names the remedy.
#[track_caller]
pub fn g() -> G {
    in_app(|context| context.g.clone())
}

/// The app that handles the request or runs the command: Flask's `current_app`.
///
/// # Panics
/// Outside of both, with a message that names the remedy.
#[track_caller]
pub fn current_app() -> AppHandle {
    in_app(|context| context.app.clone())
}

/// Whether a request is being handled here, so that [`request()`] and [`session()`] may be used.
///
/// ```
/// assert!(!costrel::has_request_context());
/// ```
pub fn has_request_context() -> bool {
    Context::look(|context| context.visit.is_some()).unwrap_or_default()
}

/// Whether there is an app here, so that [`g()`] and [`current_app()`] may be used: in a request, a command, or
/// an app context of one's own.
///
/// ```
/// assert!(!costrel::has_app_context());
/// ```
pub fn has_app_context() -> bool {
    Context::look(|_| ()).is_some()
}

/// Runs `future` with `request` as the request: the same `g`, session and app around another form of it, as
/// when a tower layer has changed it.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn with_request<F: Future>(request: Request, future: F) -> impl Future<Output = F::Output> + use<F> {
    let inner = in_request(|context| {
        let visit = Visit { request, ..context.visit()?.clone() };
        Ok(Inner { visit: Some(visit), ..context.shared() })
    });
    execution::scope(Arc::new(inner), future)
}

/// Takes the request along into a task of its own: the same request, session and app, and a `g` of its own,
/// as Flask's `copy_current_request_context` does. Without it a spawned task has no context.
///
/// ```
/// # use costrel::{App, copy_current_request_context, request};
/// # let mut app = App::new("docs");
/// app.route("/", async || {
///     let task = tokio::spawn(copy_current_request_context(async { request().path().to_owned() }));
///     task.await
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    execution::scope(Arc::new(in_request(Inner::copy_of_request)), future)
}

/// The same for sync code: gives a function to run on a thread of one's own.
///
/// ```
/// # use costrel::{App, copy_current_request_context_sync, request};
/// # let mut app = App::new("docs");
/// app.route("/", || {
///     let path = copy_current_request_context_sync(|| request().path().to_owned());
///     std::thread::spawn(path).join().unwrap_or_default()
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context_sync<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = Arc::new(in_request(Inner::copy_of_request));
    move || execution::sync_scope(context, f)
}

/// Runs `f` on the response of this request, before the `after_request` functions: Flask's
/// `after_this_request`. `f` is sync or async and returns the response, changed or new.
///
/// ```
/// # use costrel::{App, Response, after_this_request};
/// fn index() -> &'static str {
///     after_this_request(|mut response: Response| {
///         response.headers_mut().insert("x-seen", "1".parse().unwrap());
///         response
///     });
///     "hello"
/// }
///
/// # let mut app = App::new("docs");
/// # app.route("/", index);
/// assert_eq!(app.test_client().get("/").wait()?.header("x-seen"), Some("1"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn after_this_request<M>(f: impl IntoCallable<M, Response, Response>) {
    let f = f.into_callable();
    in_request(|context| {
        context.visit()?;
        context.after_this_request.lock().push(f);
        Ok(())
    });
}

/// A handle to everything around a request or a command.
#[derive(Clone)]
pub(crate) struct Context {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) app: AppHandle,
    pub(crate) g: G,
    /// `None` in an app context without a request.
    visit: Option<Visit>,
    /// Shared with the same context around another form of the request.
    after_this_request: Arc<Mutex<Vec<Callable<Response, Response>>>>,
    jobs: Arc<JobCounter>,
    /// Cancelled when the view has returned, where the tasks it started end with it.
    stop_of_tasks: Option<CancellationToken>,
}

/// A request and whose it is.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) request: Request,
    pub(crate) session: Session,
    /// If it is a conversation.
    pub(crate) websocket: Option<WebSocket>,
}

/// Holds teardown back while it lives.
pub(crate) struct TeardownHold {
    jobs: Arc<JobCounter>,
}

impl Drop for TeardownHold {
    fn drop(&mut self) {
        self.jobs.end();
    }
}

impl Context {
    /// The one that is here.
    ///
    /// # Panics
    /// Outside a request.
    #[track_caller]
    pub(crate) fn of_request() -> Self {
        in_request(|context| {
            context.visit()?;
            Ok(Self { inner: Arc::new(context.shared()) })
        })
    }

    /// A copy of the one that is here, with a `g` of its own.
    ///
    /// # Panics
    /// Outside of any.
    #[track_caller]
    pub(crate) fn copied() -> Self {
        in_app(|context| Self { inner: Arc::new(context.copy()) })
    }

    /// Lets teardown wait until the hold is dropped, as for sync code that is still running.
    pub(crate) fn hold(&self) -> TeardownHold {
        self.jobs.begin();
        TeardownHold { jobs: self.jobs.clone() }
    }

    /// The context of a request.
    pub(crate) fn new(app: AppHandle, request: Request, websocket: Option<WebSocket>) -> Self {
        let session = app.sessions().new_session(&request, app.config());
        Self::around(app, Some(Visit { request, session, websocket }))
    }

    /// A context without a request.
    pub(crate) fn without_request(app: AppHandle) -> Self {
        Self::around(app, None)
    }

    fn around(app: AppHandle, visit: Option<Visit>) -> Self {
        let (g, after_this_request, jobs, stop_of_tasks) = Default::default();
        Self { inner: Arc::new(Inner { app, g, visit, after_this_request, jobs, stop_of_tasks }) }
    }

    /// Runs `future` in it.
    pub(crate) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        execution::scope(self.inner.clone(), future)
    }

    /// Runs `f` in it, on this thread.
    pub(crate) fn sync_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        execution::sync_scope(self.inner.clone(), f)
    }

    /// The same context, whose tasks end when the token is cancelled.
    pub(crate) fn with_stop_of_tasks(&self, stop: CancellationToken) -> Self {
        Self { inner: Arc::new(Inner { stop_of_tasks: Some(stop), ..self.shared() }) }
    }

    pub(crate) fn stop_of_tasks(&self) -> Option<CancellationToken> {
        self.stop_of_tasks.clone()
    }

    /// Takes out what `after_this_request` has been given.
    pub(crate) fn take_after_this_request(&self) -> Vec<Callable<Response, Response>> {
        std::mem::take(&mut *self.inner.after_this_request.lock())
    }

    /// From here on its sync code is never refused: it is for giving back what was taken.
    pub(crate) fn ends(&self) {
        self.jobs.admission.admit();
    }

    /// Whether sync code of it is still on a worker.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.inner.jobs.are_done()
    }

    /// Waits until no sync code of it is left.
    pub(crate) async fn jobs_done(&self) {
        self.inner.jobs.wait().await;
    }

    fn look<R>(look: impl FnOnce(&Inner) -> R) -> Option<R> {
        execution::with_current(|context| {
            let context: &dyn Any = context;
            context.downcast_ref::<Inner>().map(look)
        })?
    }
}

impl std::ops::Deref for Context {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    /// The request and its session.
    ///
    /// # Errors
    /// If there is none: this is an app context alone.
    pub(crate) fn visit(&self) -> Result<&Visit, Error> {
        self.visit.as_ref().ok_or_else(Error::no_request)
    }

    /// Whether it is one of messages over a WebSocket.
    pub(crate) fn is_conversation(&self) -> bool {
        self.visit.as_ref().is_some_and(|visit| visit.websocket.is_some())
    }

    /// Which hooks of `scope` run around it.
    pub(crate) fn hooks<'s>(&self, scope: &'s HookSet) -> &'s Hooks {
        if self.is_conversation() { &scope.websocket } else { &scope.request }
    }

    /// Method and path, for the log.
    pub(crate) fn what(&self) -> String {
        match &self.visit {
            Some(visit) => format!("{} [{}]", visit.request.path(), visit.request.method()),
            None => "a context without a request".to_owned(),
        }
    }

    /// The same context, for another task.
    fn shared(&self) -> Self {
        Self {
            app: self.app.clone(),
            g: self.g.clone(),
            visit: self.visit.clone(),
            after_this_request: self.after_this_request.clone(),
            jobs: self.jobs.clone(),
            stop_of_tasks: self.stop_of_tasks.clone(),
        }
    }

    /// One with a `g` of its own.
    fn copy(&self) -> Self {
        let (g, after_this_request, jobs) = Default::default();
        Self { g, after_this_request, jobs, ..self.shared() }
    }

    fn copy_of_request(&self) -> Result<Self, Error> {
        self.visit()?;
        Ok(self.copy())
    }
}

impl TaskContext for Inner {
    fn bridge(&self) -> &Arc<dyn Bridge> {
        self.app.bridge()
    }

    fn admit(&self) -> Result<Permit, Error> {
        self.jobs.admission.enter(self.app.backlog())
    }

    fn count_crossing(&self) {
        self.app.count_crossing();
    }

    fn jobs(&self) -> &JobCounter {
        &self.jobs
    }
}

#[track_caller]
fn in_app<R>(look: impl FnOnce(&Inner) -> R) -> R {
    match Context::look(look) {
        Some(found) => found,
        None => panic!("{}", Error::outside_context("application")),
    }
}

#[track_caller]
fn in_request<R>(look: impl FnOnce(&Inner) -> Result<R, Error>) -> R {
    match Context::look(look) {
        Some(Ok(found)) => found,
        Some(Err(error)) => panic!("{error}"),
        None => panic!("{}", Error::outside_context("request")),
    }
}

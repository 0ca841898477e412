//! The context around running code, in a request or a command: `request`, `session`, `g` and `current_app`.

mod globals;
mod g;
mod application;
mod command;
mod signals;
mod app_handle;
mod rule_info;
mod run_state;
mod lints;
mod active_request;
mod after_this_request;

use std::any::Any;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::Error;
use crate::execution::{
    self, Bridge, Callable, Crossing, JobCounter, Permit, Propagated, Recorder, SpareThreads, TaskContext,
};
use crate::hooks::{HookSet, Hooks};
use crate::http_types::Response;
use crate::view::RunsInPlace;

use after_this_request::AfterThisRequest;

pub(crate) use active_request::ActiveRequest;
pub use app_handle::AppHandle;
pub(crate) use app_handle::{Parts, Subscribers};
pub use application::Application;
pub(crate) use application::{Endpoint, Tables};
pub(crate) use command::Command;
#[cfg(feature = "cli")]
pub(crate) use command::Output;
pub use g::G;
pub use globals::{
    after_this_request, after_this_request_count, current_app, g, has_app_context, has_request_context, request,
    session, websocket, with_request,
};
pub use rule_info::RuleInfo;
pub use signals::{
    APPCONTEXT_POPPED, APPCONTEXT_PUSHED, APPCONTEXT_TEARING_DOWN, BEFORE_RENDER_TEMPLATE, GOT_BACKGROUND_EXCEPTION,
    GOT_REQUEST_EXCEPTION, GOT_SERVING_EXCEPTION, MESSAGE_FLASHED, REQUEST_FINISHED, REQUEST_STARTED,
    REQUEST_TEARING_DOWN, Signal, TEMPLATE_RENDERED,
};

/// A handle to everything around a request or a command.
#[derive(Clone)]
pub(crate) struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    app: AppHandle,
    /// Made when it is first used.
    g: OnceLock<G>,
    /// `None` in an app context without a request.
    request: Option<ActiveRequest>,
    progress: Arc<Progress>,
    /// In a copied context, the progress of the request that it is a copy of.
    origin: Option<Arc<Progress>>,
    work: Work,
    /// Cancelled at the end of a request that holds a thread, so that the tasks it started end with it.
    stop_of_tasks: Option<CancellationToken>,
    /// Records the timeline of the request, if it is to be seen.
    recorder: Option<Arc<Recorder>>,
    /// The values that the app takes along from where the context began.
    propagated: Propagated,
}

/// The purpose of a context's code. Work that lasts has threads of its own for its sync code, so that it takes no worker from a view.
#[derive(Clone, Copy)]
enum Work {
    Request,
    /// A conversation, or a streamed body of a request.
    Lasting,
    /// Work beside requests, which this line started.
    Background(&'static Location<'static>),
}

/// The progress of a context, which all handles to it share.
#[derive(Default)]
struct Progress {
    after_this_request: AfterThisRequest,
    jobs: JobCounter,
}

impl Context {
    /// The context of a request.
    pub(crate) fn new(app: AppHandle, request: ActiveRequest, recorder: Option<Arc<Recorder>>) -> Self {
        let work = if request.is_conversation() { Work::Lasting } else { Work::Request };
        Self::around(app, work, Some(request), recorder)
    }

    /// A context without a request.
    pub(crate) fn without_request(app: AppHandle) -> Self {
        Self::around(app, Work::Request, None, None)
    }

    fn around(app: AppHandle, work: Work, request: Option<ActiveRequest>, recorder: Option<Arc<Recorder>>) -> Self {
        let (g, progress, origin, stop_of_tasks) = Default::default();
        let propagated = app.propagated();
        Self::from(Inner { app, g, request, progress, origin, work, stop_of_tasks, recorder, propagated })
    }

    /// A context for work beside requests, without a request of its own; the caller's line is its name.
    #[track_caller]
    pub(crate) fn for_background(app: AppHandle) -> Self {
        let context = Self::without_request(app);
        Self::from(Inner { work: Work::Background(Location::caller()), ..context.inner.shared() })
    }

    /// The context of a streamed body of the current request.
    ///
    /// # Panics
    /// Outside a request.
    #[track_caller]
    pub(crate) fn of_body() -> Self {
        globals::in_request(|context| {
            context.request()?;
            Ok(Self::from(Inner { work: Work::Lasting, propagated: context.propagated(), ..context.shared() }))
        })
    }

    /// Returns a copy of the current context for work beside it, with a `g` of its own.
    ///
    /// # Panics
    /// Outside any context.
    #[track_caller]
    pub(crate) fn copied() -> Self {
        let line = Location::caller();
        globals::in_app(|context| context.copy_for(line))
    }

    /// Returns a copy of the context of the current request, with a `g` of its own.
    ///
    /// # Panics
    /// Outside a request.
    #[track_caller]
    pub(crate) fn copied_request() -> Self {
        let line = Location::caller();
        globals::in_request(|context| {
            context.request()?;
            Ok(context.copy_for(line))
        })
    }

    /// Returns this context with a `g` of its own, for another run of the work that it is for.
    pub(crate) fn renewed(&self) -> Self {
        let (g, progress) = Default::default();
        Self::from(Inner { g, progress, ..self.inner.shared() })
    }

    /// Returns this context with `stop`, whose cancellation ends the tasks it starts.
    pub(crate) fn with_stop_of_tasks(&self, stop: CancellationToken) -> Self {
        Self::from(Inner { stop_of_tasks: Some(stop), ..self.inner.shared() })
    }

    /// Runs `future` in this context.
    pub(crate) fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        execution::scope(self.inner.clone(), self.inner.propagated.clone().around(future))
    }

    /// Returns the future of a request in this context, whose sync steps run on a worker. `lost` makes its result if the
    /// app's bridge drops the steps.
    pub(crate) fn crossing<T: Send + 'static>(
        &self,
        lost: fn(Error) -> T,
        steps: impl Future<Output = T> + Send + 'static,
    ) -> Crossing<T> {
        Crossing::of_request(self.inner.clone(), lost, self.run(steps))
    }

    /// Returns the future of some steps of a request in this context.
    pub(crate) fn crossing_steps<T: Send + 'static>(
        &self,
        lost: fn(Error) -> T,
        steps: impl Future<Output = T> + Send + 'static,
    ) -> Crossing<T> {
        Crossing::of_steps(self.inner.clone(), lost, steps)
    }

    /// Begins the teardown of a request that runs as a `Crossing`, unless the request was cancelled. Returns whether
    /// it began; from then on it runs to its end.
    pub(crate) fn begin_teardown(&self) -> bool {
        self.inner.progress.jobs.stage.end()
    }

    /// Runs `f` in this context, on this thread.
    pub(crate) fn run_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        execution::sync_scope(self.inner.clone(), || self.inner.propagated.enter(f))
    }

    pub(crate) fn app(&self) -> &AppHandle {
        &self.inner.app
    }

    /// The request and its session.
    ///
    /// # Errors
    /// If this is an app context without a request.
    pub(crate) fn request(&self) -> Result<&ActiveRequest, Error> {
        self.inner.request()
    }

    /// The hooks of `set` that run around this request, or this conversation over a WebSocket.
    pub(crate) fn hooks<'s>(&self, set: &'s HookSet) -> &'s Hooks {
        match &self.inner.request {
            Some(active) if active.websocket.is_some() => &set.websocket,
            _ => &set.request,
        }
    }

    /// Returns path and method for the log.
    pub(crate) fn describe(&self) -> String {
        self.inner.describe()
    }

    /// The recorder of the request's timeline, if it has one.
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.inner.recorder.as_deref()
    }

    pub(crate) fn stop_of_tasks(&self) -> Option<CancellationToken> {
        self.inner.stop_of_tasks.clone()
    }

    /// Takes the functions registered with `after_this_request`; if there are none and no other code will run before
    /// the head of the response leaves (`last`), no more can be registered.
    pub(crate) fn take_after_this_request(&self, last: bool) -> Vec<Callable<Response, Response>> {
        self.inner.progress.after_this_request.take(last)
    }

    /// Makes later changes of the session, and later functions of `after_this_request`, errors, because no response leaves.
    pub(crate) fn close_response(&self) {
        self.close_session();
        self.close_after_this_request();
    }

    /// Makes later functions of `after_this_request` errors.
    pub(crate) fn close_after_this_request(&self) {
        self.inner.progress.after_this_request.close();
    }

    /// Whether the session can still be changed though the response has left.
    pub(crate) fn has_open_session(&self) -> bool {
        self.inner.request.as_ref().is_some_and(|active| active.session.is_open_late())
    }

    /// Makes later changes of the session errors, because nothing saves them any more.
    pub(crate) fn close_session(&self) {
        if let Some(active) = &self.inner.request {
            active.session.close();
        }
    }

    /// Takes the functions of `after_this_request` for the response to a handshake, which is about to leave; from now on
    /// they are errors, and so are changes of the session, unless it can be saved later.
    #[cfg(feature = "websocket")]
    pub(crate) fn close_handshake(&self) -> Vec<Callable<Response, Response>> {
        let functions = self.inner.progress.after_this_request.take(false);
        self.close_after_this_request();
        if let Some(active) = &self.inner.request {
            active.session.close_unless(self.app().sessions().saves_without_response(&active.session));
        }
        functions
    }

    /// Takes back what closed the session and `after_this_request`, because an error page replaces the response.
    pub(crate) fn reopen_response(&self) {
        // The response to an accepted handshake has left for good.
        if self.inner.request.as_ref().is_some_and(ActiveRequest::is_accepted) {
            return;
        }
        if let Some(active) = &self.inner.request {
            active.session.reopen();
        }
        self.inner.progress.after_this_request.reopen();
    }

    /// Makes teardown wait until the returned guard is dropped, as it waits for running sync code.
    pub(crate) fn hold(&self) -> TeardownHold {
        self.inner.progress.jobs.begin();
        TeardownHold { progress: self.inner.progress.clone() }
    }

    /// Admits all further sync code of this context, so that teardown can release what the request took.
    pub(crate) fn admit_all_jobs(&self) {
        self.inner.progress.jobs.admission.admit();
    }

    /// Whether sync code of this context is still on a worker.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.inner.progress.jobs.are_done()
    }

    /// Waits until all sync code of this context is done.
    pub(crate) async fn jobs_done(&self) {
        self.inner.progress.jobs.wait().await;
    }

    /// Calls `look` with the current context, without the cost of a clone.
    fn with_current<R>(look: impl FnOnce(&Inner) -> R) -> Option<R> {
        execution::with_current(|context| {
            let context: &dyn Any = context;
            context.downcast_ref::<Inner>().map(look)
        })?
    }
}

impl From<Inner> for Context {
    fn from(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    fn request(&self) -> Result<&ActiveRequest, Error> {
        self.request.as_ref().ok_or_else(Error::no_request)
    }

    fn g(&self) -> &G {
        self.g.get_or_init(G::default)
    }

    /// The progress of the request, in a copied context too.
    fn request_progress(&self) -> &Arc<Progress> {
        self.origin.as_ref().unwrap_or(&self.progress)
    }

    /// Returns a clone that shares everything with this context, `g` too.
    fn shared(&self) -> Self {
        Self {
            app: self.app.clone(),
            g: self.g().clone().into(),
            request: self.request.clone(),
            progress: self.progress.clone(),
            origin: self.origin.clone(),
            work: self.work,
            stop_of_tasks: self.stop_of_tasks.clone(),
            recorder: self.recorder.clone(),
            propagated: self.propagated.clone(),
        }
    }

    /// Returns a copy with a `g` of its own, for work beside the request that `line` starts.
    fn copy_for(&self, line: &'static Location<'static>) -> Context {
        let (g, progress) = Default::default();
        let (origin, propagated) = (Some(self.request_progress().clone()), self.app.propagated());
        Context::from(Self { g, progress, origin, propagated, work: Work::Background(line), ..self.shared() })
    }
}

impl TaskContext for Inner {
    fn bridge(&self) -> &Arc<dyn Bridge> {
        let bridges = self.app.bridges();
        match self.work {
            Work::Request => &bridges.requests,
            Work::Lasting => &bridges.bodies,
            Work::Background(_) => &bridges.background,
        }
    }

    fn body_bridge(&self) -> &Arc<dyn Bridge> {
        &self.app.bridges().bodies
    }

    fn describe(&self) -> String {
        match (&self.request, self.work) {
            (Some(active), Work::Request | Work::Lasting) => active.describe(),
            (Some(active), Work::Background(line)) => format!("a task of {}, started at {line}", active.describe()),
            (None, Work::Background(line)) => format!("a background task, started at {line}"),
            (None, Work::Request | Work::Lasting) => "a context without a request".to_owned(),
        }
    }

    fn admit(&self) -> Result<Permit, Error> {
        self.progress.jobs.admission.enter(self.app.backlog(!matches!(self.work, Work::Request)))
    }

    fn count_crossing(&self) {
        self.app.run_state().count_crossing();
    }

    fn jobs(&self) -> &JobCounter {
        &self.progress.jobs
    }

    fn spare_threads(&self) -> Option<Arc<SpareThreads>> {
        let config = self.app.config();
        let marker = self.request.as_ref().and_then(|active| active.request.marker::<RunsInPlace>());
        let may = marker.map_or(config.runs_in_place, |marker| marker.0);
        // A request that may time out runs on workers, because code in place holds up its own timer.
        if !may || config.server.request_timeout.is_some() {
            return None;
        }
        self.app.run_state().spare_threads()
    }

    fn count_in_place(&self) {
        self.app.run_state().count_in_place();
    }

    fn recorder(&self) -> Option<Arc<Recorder>> {
        self.recorder.clone()
    }

    fn propagated(&self) -> Propagated {
        self.app.propagated()
    }

    fn track(&self) -> TaskTrackerToken {
        self.app.run_state().teardowns().token()
    }

    fn spawn_to_end(&self, rest: BoxFuture<'static, ()>) {
        let tracked = self.app.run_state().teardowns().track_future(rest);
        self.app.bridge().spawn(Box::pin(tracked));
    }
}

/// A guard that holds teardown back until it is dropped.
pub(crate) struct TeardownHold {
    progress: Arc<Progress>,
}

impl Drop for TeardownHold {
    fn drop(&mut self) {
        self.progress.jobs.end();
    }
}

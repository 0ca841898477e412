//! The crossing between the event loop and the workers, both ways.
//!
//! Everything here follows from four rules: sync code may block, so it runs on a worker; once on a worker, nested
//! calls stay there; a worker that waits hands its slot on; blocking the event loop is refused.

use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tracing::dispatcher;

use super::admission::Permit;
use super::bridge::{Bridge, Job};
use super::cancel_signal::CancelSignal;
use super::default_bridge::TemporaryRuntime;
use super::in_place::InPlace;
use super::pace::Pace;
use super::place::{self, Place};
use super::primitives::{thread, thread_local};
use super::propagation::Propagated;
use super::task_local::{self, TaskContext};
use super::timeline::RecordedCrossing;
use super::worker::{Worker, WorkerGuard, is_cancelled, on_worker};
use crate::error::Error;

/// Runs `f` where it may block: on this thread if it is a worker, else on a worker. As a step of a request it moves the
/// whole request there.
pub(crate) async fn run_sync<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
    if poll_fn(|_| poll_for_sync(false)).await? {
        return Ok(Place::Elsewhere.enter(f).0);
    }
    if on_worker() {
        return Ok(f());
    }
    run_on_a_worker(f).await
}

/// Runs `f`, whose pace is known, as [`run_sync`] does; in place if it is short and the event loop has a thread to
/// spare.
pub(super) async fn run_paced<R: Send + 'static>(
    pace: Arc<Pace>,
    f: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Error> {
    if poll_fn(|_| poll_for_sync(pace.is_short())).await? {
        let step = || Place::Elsewhere.enter(f).0;
        return Ok(if Place::here() == Place::SpareThread { InPlace::run(&pace, step) } else { pace.learn(step) });
    }
    if on_worker() {
        return Ok(f());
    }
    let seat = if pace.is_short() { task_local::with_current(take_seat).flatten() } else { None };
    if let Some(_seat) = seat {
        let _guard = enter_in_place();
        return Ok(InPlace::run(&pace, f));
    }
    run_on_a_worker(move || pace.learn(f)).await
}

/// Takes a thread that the event loop has to spare for sync code of this context.
pub(super) fn take_seat(context: &dyn TaskContext) -> Option<InPlace> {
    let seat = context.spare_threads()?.take_seat()?;
    context.count_in_place();
    Some(seat)
}

/// Marks this thread of the event loop as one on which code may block, until the guard is dropped.
pub(super) fn enter_in_place() -> WorkerGuard {
    thread_local! {
        static HERE: Worker = Worker::of(InPlace::bridge(), Arc::default());
    }
    WorkerGuard::enter(HERE.with(Clone::clone))
}

async fn run_on_a_worker<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
    let context = task_local::current().ok_or_else(|| Error::outside_context("application"))?;
    let bridge = Arc::clone(context.bridge());
    run_on(bridge, Some(context), f).await
}

/// Is ready where sync code may be run as a step, or needs a job of its own; see [`place::poll_for_sync`].
fn poll_for_sync(is_short: bool) -> Poll<Result<bool, Error>> {
    if is_abandoned() { place::poll_to_leave() } else { place::poll_for_sync(is_short) }
}

/// Whether this is a step of a request whose client has left its worker to it. The worker runs no further step; the
/// future is dropped instead.
fn is_abandoned() -> bool {
    Place::here() == Place::Worker && is_cancelled()
}

/// Ends the request here if its client has left, so that nothing is made of what its cancelled step returned. A request
/// that holds its thread is ended by the wait that drives it, which looks at the signal after each poll.
pub(crate) async fn end_if_abandoned(holds_thread: bool) {
    poll_fn(|_| match is_abandoned() {
        true => place::poll_to_leave(),
        false if holds_thread && is_cancelled() => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

/// A handle to the workers of an app, for work that outlives the context, such as sending a body.
#[derive(Clone)]
pub(crate) struct WorkerHandle {
    bridge: Option<Arc<dyn Bridge>>,
    /// The name of work that may take long, for the log. Such work has threads of its own, so it takes no permit of the
    /// backlog.
    label: Option<Arc<str>>,
    /// The values that the app takes along from where the handle was made.
    propagated: Propagated,
}

impl WorkerHandle {
    /// The workers of the app whose context is current.
    pub(crate) fn here() -> Self {
        let bridge = task_local::with_current(|context| Arc::clone(context.bridge()));
        Self { bridge, label: None, propagated: Propagated::default() }
    }

    /// The threads for streamed bodies of the app whose context is current.
    pub(super) fn of_bodies() -> Self {
        let here = task_local::with_current(|context| {
            let label = format!("the body of {}", context.describe());
            let (bridge, label) = (Some(Arc::clone(context.body_bridge())), Some(Arc::from(label)));
            Self { bridge, label, propagated: context.propagated() }
        });
        here.unwrap_or_else(|| Self { bridge: None, label: None, propagated: Propagated::default() })
    }

    /// Runs `f` where it may block, with the current context if there is one.
    pub(crate) async fn run_sync<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
        if on_worker() {
            return Ok(f());
        }
        let bridge = self.bridge.clone().ok_or_else(|| Error::outside_context("application"))?;
        let propagated = self.propagated.clone();
        let f = move || propagated.enter(f);
        let job = match &self.label {
            None => JobHandle::begin(bridge, task_local::current(), f)?,
            Some(label) => JobHandle::begin_long(bridge, task_local::current(), Arc::clone(label), f)?,
        };
        job.joined().await
    }

    /// Drops a value whose destructor may block, on a worker; on this thread if it is one or no worker is available.
    /// The job carries the current context, so that teardown waits for it.
    pub(super) fn drop_on_worker(&self, value: impl Send + 'static) {
        let Some(bridge) = self.bridge.clone().filter(|_| !on_worker()) else { return };
        let worker = Worker::of(Arc::clone(&bridge), Arc::default());
        let mut job_context = JobContext::counted(task_local::current(), None, worker);
        let propagated = self.propagated.clone();
        let job = Job::new(true, move || drop(job_context.run(move || propagated.enter(move || drop(value)))));
        drop(bridge.run(job.with_label(self.label.clone())));
    }
}

/// Runs `f` as a job of `bridge`, with the context if there is one.
pub(crate) async fn run_on<R: Send + 'static>(
    bridge: Arc<dyn Bridge>,
    context: Option<Arc<dyn TaskContext>>,
    f: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Error> {
    JobHandle::begin(bridge, context, f)?.joined().await
}

/// Blocks this thread until `future` is ready; refused on a thread that runs an event loop.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Error> {
    if let Some(worker) = Worker::here() {
        return worker.wait_for(future);
    }
    if is_event_loop() {
        return Err(Error::on_event_loop());
    }
    // The temporary event loop runs on a thread of its own, so that it goes on while nested waits block this thread.
    let temporary = TemporaryRuntime::start()?;
    let _reactor = temporary.enter();
    let worker = Worker::default();
    let _guard = WorkerGuard::enter(worker.clone());
    worker.wait_for(future)
}

/// Blocks this thread until `future` is ready, as [`block_on`] does; also a thread of an event loop that puts another in its
/// place meanwhile. Only for what is waited for once, because that costs a thread.
pub(crate) fn wait_or_lend<F: Future>(future: F) -> Result<F::Output, Error> {
    let future = poll_in_place(future);
    if Worker::here().is_none() && is_event_loop() && has_other_threads() {
        return Ok(tokio::task::block_in_place(|| Handle::current().block_on(future)));
    }
    block_on(future)
}

/// Polls `future` as code that a step calls, wherever it is polled.
async fn poll_in_place<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    poll_fn(|task| Place::Elsewhere.enter(|| future.as_mut().poll(task)).0).await
}

/// Whether [`wait_or_lend`] may be called on this thread.
pub(crate) fn may_wait_here() -> bool {
    Worker::here().is_some() || !is_event_loop() || has_other_threads()
}

/// Whether this thread belongs to an event loop of several threads.
fn has_other_threads() -> bool {
    Handle::try_current().is_ok_and(|event_loop| event_loop.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Whether blocking this thread, which is no worker, would stop an event loop.
fn is_event_loop() -> bool {
    task_local::with_current(|context| context.bridge().is_event_loop())
        .unwrap_or_else(|| Handle::try_current().is_ok())
}

/// A job sent to a worker, and the future of its result.
///
/// Dropping the handle early cancels the job: a queued job never runs, and a job that waits for a future gets
/// `Cancelled`.
pub(super) struct JobHandle<R> {
    result: oneshot::Receiver<Outcome<R>>,
    signal: Arc<CancelSignal>,
}

/// The result of a job, with its count. The job ends when its result is received, so that teardown need not wait for it;
/// a result that is not wanted any more is dropped before the job ends, so that teardown waits for its destructor.
type Outcome<R> = (thread::Result<R>, Option<CountedJob>);

/// The needs of a job: a permit, and a label for the log if the job may last.
struct Needs {
    permit: Option<Permit>,
    label: Option<Arc<str>>,
}

impl<R: Send + 'static> JobHandle<R> {
    /// Begins a job of the context, which needs a permit of its backlog.
    fn begin(
        bridge: Arc<dyn Bridge>,
        context: Option<Arc<dyn TaskContext>>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Self, Error> {
        let permit = context.as_ref().map(|context| context.admit()).transpose()?;
        Self::begin_with(bridge, context, Needs { permit, label: None }, f)
    }

    /// Begins a job that may take long, on threads that are kept for such jobs.
    fn begin_long(
        bridge: Arc<dyn Bridge>,
        context: Option<Arc<dyn TaskContext>>,
        label: Arc<str>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Self, Error> {
        Self::begin_with(bridge, context, Needs { permit: None, label: Some(label) }, f)
    }

    fn begin_with(
        bridge: Arc<dyn Bridge>,
        context: Option<Arc<dyn TaskContext>>,
        Needs { permit, label }: Needs,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Self, Error> {
        let signal = Arc::new(CancelSignal::default());
        let (sender, result) = oneshot::channel();
        let worker = Worker::of(Arc::clone(&bridge), Arc::clone(&signal));
        let mut job_context = JobContext::counted(context, permit, worker);
        let job = Job::new(job_context.has_begun(), move || {
            if sender.is_closed() {
                // Dropped in the context, because the destructors of what it holds may need the request.
                drop(job_context.enter(|| drop(f)));
                return;
            }
            let outcome = (job_context.run(f), job_context.counted.take());
            if let Err(unwanted) = sender.send(outcome) {
                drop(job_context.enter(|| drop(unwanted)));
            }
        });
        match bridge.run(job.with_label(label)) {
            Ok(()) => Ok(Self { result, signal }),
            Err(_) => Err(Error::busy().with_message("no thread could be started for sync work")),
        }
    }

    /// Waits for the result; a panic of the job goes on here.
    async fn joined(self) -> Result<R, Error> {
        match self.await {
            Ok(value) => Ok(value),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }

    /// Begins a job that polls the steps of a request. Returns it, and whether a thread takes it. A job that no thread
    /// takes, or that was cancelled before its turn, ends with what `back` makes of the steps.
    pub(super) fn begin_steps<S: Send + 'static>(
        context: &Arc<dyn TaskContext>,
        (permit, is_counted): (Permit, bool),
        steps: S,
        poll: impl FnOnce(S) -> R + Send + 'static,
        back: impl FnOnce(S) -> R + Send + 'static,
    ) -> (Self, bool) {
        let signal = Arc::new(CancelSignal::default());
        let (sender, result) = oneshot::channel();
        let worker = Worker::of(Arc::clone(context.bridge()), Arc::clone(&signal));
        let mut job_context = JobContext::carrying(Some(Arc::clone(context)), Some(permit), worker);
        job_context.counted = is_counted.then(|| CountedJob::begin(Arc::clone(context)));
        let (tracked, cancelled) = (context.track(), Arc::clone(&signal));
        let job = Job::new(job_context.has_begun(), move || {
            let outcome = if cancelled.check().is_err() { Ok(back(steps)) } else { job_context.run(|| poll(steps)) };
            if let Err(unwanted) = sender.send((outcome, job_context.counted.take())) {
                // Dropped in the request's context, where the teardown of a cancelled request begins.
                drop(job_context.enter(|| drop(unwanted)));
            }
            drop(tracked);
        });
        let refused = context.bridge().run(job).err();
        let is_taken = refused.is_none();
        if let Some(job) = refused {
            signal.cancel();
            job.run();
        }
        (Self { result, signal }, is_taken)
    }
}

impl<R> Future for JobHandle<R> {
    type Output = thread::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(context).map(|received| match received {
            Ok((outcome, _counted)) => outcome,
            Err(_) => Err(Box::new("the app's bridge dropped a job instead of running it") as Box<_>),
        })
    }
}

impl<R> Drop for JobHandle<R> {
    fn drop(&mut self) {
        self.signal.cancel();
    }
}

/// The state that a job carries to the worker: the context, the tracing span and its subscriber, the reactor.
struct JobContext {
    context: Option<Arc<dyn TaskContext>>,
    /// The values that the app takes along; the steps of a whole request bring it themselves.
    propagated: Propagated,
    /// The job's permit of the backlog, held until it runs.
    permit: Option<Permit>,
    /// `None` for the steps of a whole request, because its teardown is one of them and would wait for itself.
    counted: Option<CountedJob>,
    worker: Worker,
    span: tracing::Span,
    subscriber: tracing::Dispatch,
    reactor: Option<Handle>,
    /// Notes the crossing, if the timeline of the request is recorded.
    recorded: Option<Box<RecordedCrossing>>,
}

impl JobContext {
    fn counted(context: Option<Arc<dyn TaskContext>>, permit: Option<Permit>, worker: Worker) -> Self {
        let counted = context.clone().map(CountedJob::begin);
        let propagated = context.as_ref().map(|context| context.propagated()).unwrap_or_default();
        Self { propagated, counted, ..Self::carrying(context, permit, worker) }
    }

    fn carrying(context: Option<Arc<dyn TaskContext>>, permit: Option<Permit>, worker: Worker) -> Self {
        let (span, subscriber) = (tracing::Span::current(), dispatcher::get_default(Clone::clone));
        let (reactor, recorded) = (Handle::try_current().ok(), RecordedCrossing::send(|| context.as_ref()?.recorder()));
        let (counted, propagated) = Default::default();
        Self { context, propagated, permit, counted, worker, span, subscriber, reactor, recorded }
    }

    fn has_begun(&self) -> bool {
        self.permit.as_ref().is_some_and(|permit| permit.has_begun)
    }

    fn run<R>(&mut self, f: impl FnOnce() -> R) -> thread::Result<R> {
        self.permit = None;
        if let Some(context) = &self.context {
            context.count_crossing();
        }
        if let Some(crossing) = self.recorded.take() {
            crossing.arrive();
        }
        self.enter(f)
    }

    fn enter<R>(&self, f: impl FnOnce() -> R) -> thread::Result<R> {
        let _reactor = self.reactor.as_ref().map(Handle::enter);
        let _guard = WorkerGuard::enter(self.worker.clone());
        let in_span = || dispatcher::with_default(&self.subscriber, || self.span.in_scope(f));
        let propagating = || self.propagated.enter(in_span);
        panic::catch_unwind(AssertUnwindSafe(|| match &self.context {
            Some(context) => task_local::sync_scope(Arc::clone(context), propagating),
            None => propagating(),
        }))
    }
}

/// Counts a job of a context, until it is dropped.
struct CountedJob {
    context: Arc<dyn TaskContext>,
}

impl CountedJob {
    fn begin(context: Arc<dyn TaskContext>) -> Self {
        context.jobs().begin();
        Self { context }
    }
}

impl Drop for CountedJob {
    fn drop(&mut self) {
        self.context.jobs().end();
    }
}

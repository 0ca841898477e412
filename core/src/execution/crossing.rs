//! The crossing between the event loop and the workers, both ways.
//!
//! Everything here follows from four rules: sync code may block, so it runs on a worker; once on a worker,
//! everything beneath stays there; a worker that waits hands its slot on; blocking on the loop is refused.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tracing::dispatcher;

use super::admission::Permit;
use super::bridge::Bridge;
use super::sync::{AtomicBool, AtomicWaker, thread, thread_local};
use super::task_local::{self, TaskContext};
use super::thread_bridge;
use crate::error::Error;

/// Whether this thread is a worker, where code may block and everything beneath stays.
pub(crate) fn on_worker() -> bool {
    WORKER.with(|worker| worker.borrow().is_some())
}

/// Runs `f` where it may block: here if this is a worker, else on one.
pub(crate) async fn run_sync<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
    if on_worker() {
        return Ok(f());
    }
    let context = task_local::current().ok_or_else(|| Error::outside_context("application"))?;
    let bridge = Arc::clone(context.bridge());
    run_on(bridge, Some(context), f).await
}

/// The workers of an app, for what outlives its context: a body on its way out.
#[derive(Clone)]
pub(crate) struct WorkerHandle {
    bridge: Option<Arc<dyn Bridge>>,
}

impl WorkerHandle {
    /// Those of the app whose context this is.
    pub(crate) fn here() -> Self {
        Self { bridge: task_local::with_current(|context| Arc::clone(context.bridge())) }
    }

    /// Runs `f` where it may block, with the context that is here, if one is.
    pub(crate) async fn run_sync<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
        if on_worker() {
            return Ok(f());
        }
        let bridge = self.bridge.clone().ok_or_else(|| Error::outside_context("application"))?;
        run_on(bridge, task_local::current(), f).await
    }

    /// Drops what may block in its destructor, with the context that is here, whose teardown waits for it; here, if
    /// there is no worker to be had.
    pub(super) fn drop_on_worker(&self, value: impl Send + 'static) {
        let Some(bridge) = self.bridge.clone().filter(|_| !on_worker()) else { return };
        let worker = Worker { bridge: Some(Arc::clone(&bridge)), signal: Arc::default() };
        let Ok(mut job_context) = JobContext::new(task_local::current(), worker) else { return };
        drop(bridge.run(Box::new(move || drop(job_context.run(move || drop(value))))));
    }
}

/// Runs `f` as a job of `bridge`, with the context if there is one.
pub(crate) async fn run_on<R: Send + 'static>(
    bridge: Arc<dyn Bridge>,
    context: Option<Arc<dyn TaskContext>>,
    f: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Error> {
    match JobHandle::begin(bridge, context, f)?.await {
        Ok(value) => Ok(value),
        Err(panicked) => panic::resume_unwind(panicked),
    }
}

/// Blocks this thread until `future` is ready, if it is one that may block.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Error> {
    if let Some(worker) = WORKER.with(|worker| worker.borrow().clone()) {
        return worker.wait_for(future);
    }
    if is_event_loop() {
        return Err(Error::on_event_loop());
    }
    // A thread of its own turns this loop, so that it goes on while frames beneath wait on this thread.
    let temporary = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let temporary = TemporaryRuntime { runtime: Some(temporary) };
    let _reactor = temporary.runtime.as_ref().map(Runtime::enter);
    let worker = Worker::default();
    let _guard = WorkerGuard::enter(worker.clone());
    worker.wait_for(future)
}

/// An event loop for one call. What that has left on it must not keep the caller, also when the future panics.
struct TemporaryRuntime {
    runtime: Option<Runtime>,
}

impl Drop for TemporaryRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether blocking this thread, which is no worker, would stop an event loop.
fn is_event_loop() -> bool {
    task_local::with_current(|context| context.bridge().is_event_loop())
        .unwrap_or_else(|| Handle::try_current().is_ok())
}

thread_local! {
    /// What this thread may block as, if it may.
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// A thread that may block: one of a bridge's in the middle of a job, or a plain thread that waits.
#[derive(Clone, Default)]
struct Worker {
    /// Whose job it runs; a plain thread has none.
    bridge: Option<Arc<dyn Bridge>>,
    signal: Arc<CancelSignal>,
}

impl Worker {
    /// Drives `future` on this thread until it is ready or nobody wants it any more.
    fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut outcome = Err(Error::cancelled());
        {
            let future = pin!(async { outcome = self.signal.until_cancelled(future).await });
            match &self.bridge {
                Some(bridge) => bridge.wait(future),
                None => thread_bridge::park_until_ready(future, |sleep| {
                    if let Some(sleep) = sleep {
                        sleep();
                    }
                }),
            }
        }
        outcome
    }
}

/// Marks this thread as a worker while it lives.
struct WorkerGuard {
    before: Option<Worker>,
}

impl WorkerGuard {
    fn enter(worker: Worker) -> Self {
        Self { before: WORKER.with(|here| here.replace(Some(worker))) }
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        WORKER.with(|here| here.replace(self.before.take()));
    }
}

/// Tells a job that nobody waits for it any more.
#[derive(Default)]
struct CancelSignal {
    cancelled: AtomicBool,
    /// Of the innermost frame that waits; the others look when that one is done.
    waiting: AtomicWaker,
}

impl CancelSignal {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waiting.wake();
    }

    fn check(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Acquire) { Err(Error::cancelled()) } else { Ok(()) }
    }

    async fn until_cancelled<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.check()?;
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            // Only now: a frame beneath may have left its own waker while `future` was polled.
            self.waiting.register(context.waker());
            self.check()?;
            Poll::Pending
        })
        .await
    }
}

/// A job on its way to a worker and its result on the way back.
///
/// Dropped early, it cancels the job: one still queued never runs, one that waits for a future gives up.
struct JobHandle<R> {
    result: oneshot::Receiver<thread::Result<R>>,
    signal: Arc<CancelSignal>,
}

impl<R: Send + 'static> JobHandle<R> {
    fn begin(
        bridge: Arc<dyn Bridge>,
        context: Option<Arc<dyn TaskContext>>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Self, Error> {
        let signal = Arc::new(CancelSignal::default());
        let (sender, result) = oneshot::channel();
        let worker = Worker { bridge: Some(Arc::clone(&bridge)), signal: Arc::clone(&signal) };
        let mut job_context = JobContext::new(context, worker)?;
        let job = Box::new(move || {
            if !sender.is_closed() {
                let outcome = job_context.run(f);
                // The job is over before its result is known, so that teardown need not wait for it.
                drop(job_context);
                // Nobody may be left to tell, which is fine.
                let _ = sender.send(outcome);
            }
        });
        match bridge.run(job) {
            Ok(()) => Ok(Self { result, signal }),
            Err(_) => Err(Error::busy().with_message("no thread could be started for sync work")),
        }
    }
}

impl<R> Future for JobHandle<R> {
    type Output = thread::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(context).map(|received| {
            received.unwrap_or_else(|_| Err(Box::new("the app's bridge dropped a job instead of running it")))
        })
    }
}

impl<R> Drop for JobHandle<R> {
    fn drop(&mut self) {
        self.signal.cancel();
    }
}

/// What a job takes along to the worker: the context, the tracing span and who listens to it, the reactor.
struct JobContext {
    context: Option<Arc<dyn TaskContext>>,
    /// In the queue, until it runs.
    permit: Option<Permit>,
    worker: Worker,
    span: tracing::Span,
    subscriber: tracing::Dispatch,
    reactor: Option<Handle>,
}

impl JobContext {
    fn new(context: Option<Arc<dyn TaskContext>>, worker: Worker) -> Result<Self, Error> {
        let permit = context.as_ref().map(|context| context.admit()).transpose()?;
        if let Some(context) = &context {
            context.jobs().begin();
        }
        let (span, subscriber) = (tracing::Span::current(), dispatcher::get_default(Clone::clone));
        Ok(Self { context, permit, worker, span, subscriber, reactor: Handle::try_current().ok() })
    }

    fn run<R>(&mut self, f: impl FnOnce() -> R) -> thread::Result<R> {
        self.permit = None;
        let _reactor = self.reactor.as_ref().map(Handle::enter);
        let _guard = WorkerGuard::enter(self.worker.clone());
        let in_span = || dispatcher::with_default(&self.subscriber, || self.span.in_scope(f));
        panic::catch_unwind(AssertUnwindSafe(|| match &self.context {
            Some(context) => {
                context.count_crossing();
                task_local::sync_scope(Arc::clone(context), in_span)
            }
            None => in_span(),
        }))
    }
}

impl Drop for JobContext {
    fn drop(&mut self) {
        if let Some(context) = &self.context {
            context.jobs().end();
        }
    }
}

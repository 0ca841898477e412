//! The default bridge: tokio, and a bounded pool of threads.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use super::bridge::{Bridge, Job};
use super::primitives::AtomicBool;
use super::primitives::thread::{self, Thread};
use super::worker_pool::WorkerPool;

/// The bridge of an app that sets none: runs sync code on a bounded number of threads, and async code on tokio.
///
/// A worker that waits for a future hands its slot to another, so that nested calls cannot deadlock, even with one
/// worker.
#[derive(Debug)]
pub struct Threads {
    workers: WorkerPool,
}

impl Threads {
    /// Builds a bridge that runs at most `workers` sync functions at once, at least one; those that wait do not count.
    /// While all of them stay blocked for 50 ms, up to as many again run for requests that have begun, which may hold
    /// what the others wait for.
    pub fn new(workers: usize) -> Self {
        Self { workers: WorkerPool::new(workers) }
    }
}

impl Bridge for Threads {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.workers.pool().submit(job)
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        let pool = self.workers.pool();
        park_until_ready(future, |sleep| match sleep {
            Some(sleep) => pool.pause(sleep),
            None => pool.give_way(),
        });
    }

    fn is_event_loop(&self) -> bool {
        Handle::try_current().is_ok()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn(task);
    }
}

/// Starts a task on tokio's event loop. If none runs here, or it shuts down before the task is over, a new thread
/// finishes the task.
pub(super) fn spawn(task: BoxFuture<'static, ()>) {
    let task = UndroppableTask { task: Some(task) };
    match Handle::try_current() {
        Ok(event_loop) => drop(event_loop.spawn(task)),
        Err(_) => drop(task),
    }
}

/// A task that is finished on a thread of its own if its event loop drops it.
struct UndroppableTask {
    task: Option<BoxFuture<'static, ()>>,
}

impl Future for UndroppableTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        // A task that panicked counts as over, because it must not be polled again.
        let polled = panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        self.task = None;
        Poll::Ready(())
    }
}

impl Drop for UndroppableTask {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let alone = move || match Builder::new_current_thread().enable_all().build() {
            Ok(event_loop) => event_loop.block_on(task),
            Err(error) => tracing::error!("a task was lost, because no event loop could be started: {error}"),
        };
        if let Err(error) = thread::Builder::new().name("costrel-task".into()).spawn(alone) {
            tracing::error!("a task was lost, because no thread could be started: {error}");
        }
    }
}

/// Polls `future` on this thread until it is ready. Whenever it is pending, `idle` gets a function that sleeps until
/// the future is woken. A future that is woken during each poll allows no sleep, so `idle` gets `None` now and then.
pub(super) fn park_until_ready(
    mut future: Pin<&mut (dyn Future<Output = ()> + '_)>,
    mut idle: impl FnMut(Option<&mut dyn FnMut()>),
) {
    let thread_waker = Arc::new(ThreadWaker { woken: AtomicBool::new(false), thread: thread::current() });
    let waker = Waker::from(Arc::clone(&thread_waker));
    let mut context = Context::from_waker(&waker);
    let mut polls_without_sleep = 0_u32;
    while future.as_mut().poll(&mut context).is_pending() {
        if !thread_waker.was_woken() {
            idle(Some(&mut || thread_waker.sleep()));
            continue;
        }
        polls_without_sleep += 1;
        if polls_without_sleep.is_multiple_of(GIVE_WAY_EVERY) {
            idle(None);
        }
    }
}

/// The number of polls without a sleep after which other jobs get a turn.
const GIVE_WAY_EVERY: u32 = 16;

/// The waker of one wait. Each wait has its own, because waits nest on a thread and share its park token.
struct ThreadWaker {
    woken: AtomicBool,
    thread: Thread,
}

impl ThreadWaker {
    fn was_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    fn sleep(&self) {
        while !self.was_woken() {
            thread::park();
        }
    }
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// An event loop for one call. Dropping it, also when the future panics, does not wait for tasks left on it.
pub(super) struct TemporaryRuntime {
    runtime: Option<Runtime>,
}

impl TemporaryRuntime {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }
}

impl Drop for TemporaryRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

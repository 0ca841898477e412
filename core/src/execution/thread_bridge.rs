//! The default bridge: tokio, and a bounded pool of threads.

use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle};

use super::bridge::{Bridge, Job};
use super::sync::AtomicBool;
use super::sync::thread::{self, Thread};
use super::worker_pool::WorkerPool;

/// Runs sync code on threads, so many at once, and async code on tokio; the bridge of an app that sets none.
///
/// A worker that waits for a future gives its place to another, so that no nesting and no number of
/// workers, one included, can lock up.
#[derive(Debug)]
pub struct Threads {
    workers: WorkerPool,
}

impl Threads {
    /// Lets this many sync functions run at once, at least one; those that wait do not count.
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

/// Starts a task on tokio's loop. Where none runs, or it is shut down before the task is over, a thread sees
/// it through.
pub(super) fn spawn(task: BoxFuture<'static, ()>) {
    let task = UndroppableTask { task: Some(task) };
    match Handle::try_current() {
        Ok(event_loop) => drop(event_loop.spawn(task)),
        Err(_) => drop(task),
    }
}

/// A task that is finished on a thread of its own when its loop drops it.
struct UndroppableTask {
    task: Option<BoxFuture<'static, ()>>,
}

impl Future for UndroppableTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        // A task that panics is over, and not to be begun again.
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
            Err(error) => tracing::error!("a task was lost, for want of an event loop: {error}"),
        };
        if let Err(error) = thread::Builder::new().name("costrel-task".into()).spawn(alone) {
            tracing::error!("a task was lost, for want of a thread: {error}");
        }
    }
}

/// Polls `future` on this thread until it is ready. Whenever it is pending, `idle` gets the sleep to do, which
/// ends when the future has been woken; for one that never lets us sleep, `None` now and then.
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

/// After so many polls without a rest, others get their turn.
const GIVE_WAY_EVERY: u32 = 16;

/// Wakes one waiting frame. Each has its own, as frames nest on a thread and share its park token.
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

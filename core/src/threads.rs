//! The default bridge: tokio, and a bounded pool of threads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle};

use crate::bridge::{Bridge, Job};
use crate::workers::Workers;

/// Runs sync code on threads, so many at once, and async code on tokio; the bridge of an app that sets none.
///
/// A worker that waits for a future gives its place to another, so that no nesting and no number of
/// workers, one included, can lock up.
#[derive(Debug)]
pub struct Threads {
    workers: Workers,
}

impl Threads {
    /// Lets this many sync functions run at once, at least one; those that wait do not count.
    pub fn new(workers: usize) -> Self {
        Self { workers: Workers::new(workers) }
    }
}

impl Bridge for Threads {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.workers.pool().submit(job)
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        park_until_ready(future, |sleep| self.workers.pool().pause(sleep));
    }

    fn is_event_loop(&self) -> bool {
        Handle::try_current().is_ok()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn(task);
    }
}

/// Starts a task on tokio's loop; where none runs, as when a runtime has been shut down, a thread sees it
/// through.
pub(crate) fn spawn(task: BoxFuture<'static, ()>) {
    if let Ok(event_loop) = Handle::try_current() {
        event_loop.spawn(task);
        return;
    }
    let alone = move || match Builder::new_current_thread().enable_all().build() {
        Ok(event_loop) => event_loop.block_on(task),
        Err(error) => tracing::error!("a task was lost, for want of an event loop: {error}"),
    };
    if let Err(error) = thread::Builder::new().name("costrel-task".into()).spawn(alone) {
        tracing::error!("a task was lost, for want of a thread: {error}");
    }
}

/// Polls `future` on this thread until it is ready. Whenever it is pending, `idle` gets the sleep to do,
/// which ends when the future has been woken.
pub(crate) fn park_until_ready(
    mut future: Pin<&mut (dyn Future<Output = ()> + '_)>,
    mut idle: impl FnMut(&mut dyn FnMut()),
) {
    let alarm = Arc::new(Alarm { rung: AtomicBool::new(false), thread: thread::current() });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    while future.as_mut().poll(&mut context).is_pending() {
        if !alarm.has_rung() {
            idle(&mut || alarm.sleep());
        }
    }
}

/// Wakes one waiting frame. Each has its own, as frames nest on a thread and share its park token.
struct Alarm {
    rung: AtomicBool,
    thread: Thread,
}

impl Alarm {
    fn has_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    fn sleep(&self) {
        while !self.has_rung() {
            thread::park();
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

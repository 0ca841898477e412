//! The task-local slot that carries a context: with a task on the event loop, with a job to a worker.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::futures::TaskLocalFuture;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::{Admission, Permit};
use super::bridge::Bridge;
use super::in_place::SpareThreads;
use super::propagation::Propagated;
use super::stage::Stage;
use super::timeline::Recorder;
use crate::error::Error;

tokio::task_local! {
    static SLOT: Arc<dyn TaskContext>;
}

/// The context in the slot. The crossing carries it without knowing its type.
pub(crate) trait TaskContext: Any + Send + Sync {
    /// The bridge of the context's app.
    fn bridge(&self) -> &Arc<dyn Bridge>;
    /// The bridge of the threads for streamed bodies.
    fn body_bridge(&self) -> &Arc<dyn Bridge>;
    /// Returns what this is the context of, for the log.
    fn describe(&self) -> String;
    /// Returns a permit for a job of this context.
    ///
    /// # Errors
    /// A 503 if the backlog is full.
    fn admit(&self) -> Result<Permit, Error>;
    /// Notes that a job of this context has begun.
    fn count_crossing(&self);
    /// The jobs of this context.
    fn jobs(&self) -> &JobCounter;
    /// The threads that the event loop has to spare for sync code of this context; `None` if it may not run in place.
    fn spare_threads(&self) -> Option<Arc<SpareThreads>>;
    /// Notes that sync code of this context runs in place.
    fn count_in_place(&self);
    /// The recorder of the request's timeline, if it has one.
    fn recorder(&self) -> Option<Arc<Recorder>>;
    /// Captures what the app takes along, as it is here and now.
    fn propagated(&self) -> Propagated;
    /// Returns a token that makes shutdown wait until it is dropped.
    fn track(&self) -> TaskTrackerToken;
    /// Runs `rest` to its end, though its caller has gone.
    fn spawn_to_end(&self, rest: BoxFuture<'static, ()>);
}

/// Returns the context in the slot, if there is one.
pub(super) fn current() -> Option<Arc<dyn TaskContext>> {
    SLOT.try_with(Arc::clone).ok()
}

/// Calls `look` with the context in the slot, without the cost of a clone; `None` if there is none.
pub(crate) fn with_current<R>(look: impl FnOnce(&dyn TaskContext) -> R) -> Option<R> {
    SLOT.try_with(|context| look(&**context)).ok()
}

/// Runs `future` with `context` in the slot, wherever it is polled.
pub(crate) fn scope<F: Future>(context: Arc<dyn TaskContext>, future: F) -> TaskLocalFuture<Arc<dyn TaskContext>, F> {
    SLOT.scope(context, future)
}

/// Runs `f` on this thread with `context` in the slot.
pub(crate) fn sync_scope<R>(context: Arc<dyn TaskContext>, f: impl FnOnce() -> R) -> R {
    SLOT.sync_scope(context, f)
}

/// Counts the jobs a context has on workers, so that its teardown can wait for the last one.
#[derive(Debug, Default)]
pub(crate) struct JobCounter {
    running: AtomicU64,
    done: Notify,
    pub(crate) admission: Admission,
    pub(crate) stage: Stage,
}

impl JobCounter {
    /// Notes that a job is on its way to a worker.
    pub(crate) fn begin(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that a job is over, whether it ran or not.
    pub(crate) fn end(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_waiters();
        }
    }

    /// Whether no job is left.
    pub(crate) fn are_done(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Waits until no job is left.
    pub(crate) async fn wait(&self) {
        loop {
            let done = self.done.notified();
            if self.are_done() {
                return;
            }
            done.await;
        }
    }
}

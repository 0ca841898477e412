//! The one slot in which a context travels: with a task on the loop, with a job to a worker.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::admission::{Admission, Place};
use super::bridge::Bridge;
use crate::error::Error;

tokio::task_local! {
    static SLOT: Arc<dyn Carried>;
}

/// What the slot holds. The bridge carries it without knowing what it is.
pub(crate) trait Carried: Any + Send + Sync {
    /// How its sync code crosses.
    fn bridge(&self) -> &Arc<dyn Bridge>;
    /// A place in the queue for a job of this context.
    ///
    /// # Errors
    /// 503 if there is none left.
    fn enqueue(&self) -> Result<Place, Error>;
    /// Notes that a job of this context has begun.
    fn job_begins(&self);
    /// The jobs of this context.
    fn jobs(&self) -> &Jobs;
}

/// What the slot holds here, if anything.
pub(super) fn current() -> Option<Arc<dyn Carried>> {
    SLOT.try_with(Arc::clone).ok()
}

/// Looks at what the slot holds here, without the cost of a clone.
pub(crate) fn with_current<R>(look: impl FnOnce(&dyn Carried) -> R) -> Option<R> {
    SLOT.try_with(|carried| look(&**carried)).ok()
}

/// Runs `future` with `carried` in the slot, wherever it is polled.
pub(crate) async fn scope<F: Future>(carried: Arc<dyn Carried>, future: F) -> F::Output {
    SLOT.scope(carried, future).await
}

/// Runs `f` on this thread with `carried` in the slot.
pub(crate) fn sync_scope<R>(carried: Arc<dyn Carried>, f: impl FnOnce() -> R) -> R {
    SLOT.sync_scope(carried, f)
}

/// Counts the jobs a context has on workers, so that its teardown can wait for the last one.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    running: AtomicU64,
    done: Notify,
    pub(crate) admission: Admission,
}

impl Jobs {
    /// Notes that a job is on its way to a worker.
    pub(crate) fn expect(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that a job is over, run or not.
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

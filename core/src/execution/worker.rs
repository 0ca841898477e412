//! The state of a thread that may block, as the thread itself knows it.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;

use super::bridge::Bridge;
use super::cancel_signal::CancelSignal;
use super::default_bridge;
use super::place::Place;
use super::primitives::thread_local;
use crate::error::Error;

/// A thread that may block: a bridge's thread during a job, or a plain thread that waits.
#[derive(Clone, Default)]
pub(super) struct Worker {
    /// The bridge whose job it runs; a plain thread has none.
    bridge: Option<Arc<dyn Bridge>>,
    signal: Arc<CancelSignal>,
}

impl Worker {
    /// A thread that runs a job of `bridge`, which `signal` may cancel.
    pub(super) fn of(bridge: Arc<dyn Bridge>, signal: Arc<CancelSignal>) -> Self {
        Self { bridge: Some(bridge), signal }
    }

    /// The worker that this thread is.
    pub(super) fn here() -> Option<Self> {
        WORKER.with(|worker| worker.borrow().clone())
    }

    fn is_cancelled(&self) -> bool {
        self.signal.check().is_err()
    }

    /// Drives `future` on this thread until it is ready or the job is cancelled.
    pub(super) fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut outcome = None;
        {
            let future = pin!(async { outcome = Some(self.signal.until_cancelled(future).await) });
            // What is waited for is driven here to its end, so no step in it may ask to go on elsewhere.
            Place::Elsewhere.enter(|| match &self.bridge {
                Some(bridge) => bridge.wait(future),
                None => default_bridge::park_until_ready(future, |sleep| {
                    if let Some(sleep) = sleep {
                        sleep();
                    }
                }),
            });
        }
        // The error is made only where it is wanted, because most calls are not cancelled.
        outcome.unwrap_or_else(|| Err(Error::cancelled()))
    }
}

/// Marks this thread as a worker while it lives.
pub(super) struct WorkerGuard {
    before: Option<Worker>,
}

impl WorkerGuard {
    pub(super) fn enter(worker: Worker) -> Self {
        Self { before: WORKER.with(|here| here.replace(Some(worker))) }
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        WORKER.with(|here| here.replace(self.before.take()));
    }
}

thread_local! {
    /// The worker that this thread is; `None` if it may not block.
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// Whether this thread is a worker, where code may block and nested calls stay.
pub(crate) fn on_worker() -> bool {
    WORKER.with(|worker| worker.borrow().is_some())
}

/// Whether the job of this thread was cancelled.
pub(super) fn is_cancelled() -> bool {
    WORKER.with(|worker| worker.borrow().as_ref().is_some_and(Worker::is_cancelled))
}

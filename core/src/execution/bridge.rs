//! The bridge, which an app can replace: how sync code waits for a future, and how async code runs sync code.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// A piece of sync code, to be run on a thread that may block.
pub struct Job {
    run: Box<dyn FnOnce() + Send>,
    has_begun: bool,
    label: Option<Arc<str>>,
}

impl Job {
    pub(crate) fn new(has_begun: bool, run: impl FnOnce() + Send + 'static) -> Self {
        Self { run: Box::new(run), has_begun, label: None }
    }

    pub(super) fn with_label(self, label: Option<Arc<str>>) -> Self {
        Self { label, ..self }
    }

    /// The purpose of the job, if it may take long: a streamed body or a background task. Only these have a label.
    pub fn label(&self) -> Option<&Arc<str>> {
        self.label.as_ref()
    }

    /// Runs the sync code to its end. Its panics are caught, except one in a destructor.
    pub fn run(self) {
        (self.run)();
    }

    /// Whether the request has run sync code before. Such a job goes before those of requests that have not begun,
    /// which may wait for what this request holds.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("has_begun", &self.has_begun).field("label", &self.label).finish_non_exhaustive()
    }
}

/// The way an app crosses between its event loop and sync code; Flask's overridable `ensure_sync`.
///
/// The default runs on tokio, with a bounded pool of threads. Plug in another one with
/// [`App::set_bridge`](crate::App::set_bridge): for another event loop, for coroutines, or to observe the crossings.
/// Everything else is the same for all bridges: the context that a job carries, panics, cancellation, and the rule
/// that nested calls stay on the thread of their job.
pub trait Bridge: Send + Sync + 'static {
    /// Runs `job` soon, on a thread that may block and that runs no event loop.
    ///
    /// # Errors
    /// Returns `job` if no such thread is available.
    fn run(&self, job: Job) -> Result<(), Job>;

    /// Blocks this thread, which is running a job, until `future` is ready. Other jobs must be able to run meanwhile,
    /// because `future` may wait for them. Waits nest on a thread, so a bridge that counts its threads frees this one
    /// in the outermost wait only.
    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>);

    /// Whether blocking this thread, which runs no job, would stop an event loop.
    fn is_event_loop(&self) -> bool;

    /// Starts a task in the background; the caller does not wait for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

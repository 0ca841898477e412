//! The replaceable part: how sync code waits for a future, and how async code runs sync code.

use std::pin::Pin;

use futures_util::future::BoxFuture;

/// A piece of sync code, on its way to a thread that may block.
pub type Job = Box<dyn FnOnce() + Send>;

/// How an app crosses between its event loop and sync code; Flask's overridable `ensure_sync`.
///
/// The default runs on tokio, with a bounded pool of threads. Another one plugs in with
/// [`App::set_bridge`](crate::App::set_bridge): for another event loop, for coroutines, or to watch.
/// Everything else, the context that goes along, panics, cancellation and the rule that whatever runs
/// beneath a job stays on its thread, is the same for all of them.
pub trait Bridge: Send + Sync + 'static {
    /// Runs `job`, soon, on a thread that may block, one that is not an event loop's.
    ///
    /// # Errors
    /// Gives `job` back if there is no such thread to be had.
    fn run(&self, job: Job) -> Result<(), Job>;

    /// Blocks this thread, which is running a job, until `future` is ready. Meanwhile other jobs must be
    /// able to run, or work that `future` waits for may never be done. One wait may lie inside another on the same
    /// thread, so a bridge that counts its threads frees this one in the outermost only.
    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>);

    /// Whether blocking this thread, which runs no job, would stop an event loop.
    fn is_event_loop(&self) -> bool;

    /// Starts a task that nobody waits for.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

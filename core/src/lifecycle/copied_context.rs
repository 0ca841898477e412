//! Copies of a request's context, for a task or a thread beside it, each torn down at its own end.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use futures_util::FutureExt;

use super::teardown::TeardownGuard;
use crate::context::{APPCONTEXT_PUSHED, Context};
use crate::error::Error;
use crate::execution;

/// Wraps `future` for a task of its own, with the current request, session and app, and a `g` of its own: Flask's
/// `copy_current_request_context`. Without it a spawned task has no context.
///
/// When `future` ends, or is dropped, the functions of [`App::teardown_appcontext`](crate::App::teardown_appcontext) run
/// for that `g`; those of `teardown_request` are the request's own.
///
/// ```
/// use costrel::{App, copy_current_request_context, request};
///
/// let mut app = App::new("docs");
/// app.route("/", async || {
///     let task = tokio::spawn(copy_current_request_context(async { request().path().to_owned() }));
///     task.await
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    in_context(Context::copied_request(), future)
}

/// Wraps `f`, to run on other threads with the current request around it: the sync form of
/// [`copy_current_request_context`]. It may be called several times, from several threads at once; each call has a `g` of
/// its own.
///
/// ```
/// use costrel::{App, copy_current_request_context_sync, request};
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let path = copy_current_request_context_sync(|| request().path().to_owned());
///     std::thread::spawn(path).join().unwrap_or_default()
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context_sync<R>(f: impl Fn() -> R) -> impl Fn() -> R {
    let copied = copied_request_context();
    move || copied.run_sync(&f)
}

/// Returns the context of the current request, to run code in it from other tasks and threads, several times and at once;
/// each run has a `g` of its own. For code that [`copy_current_request_context`] cannot wrap, because it is only known
/// later.
///
/// ```
/// use costrel::{App, copied_request_context, request};
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let context = copied_request_context();
///     std::thread::scope(|scope| {
///         let threads = [1, 2].map(|n| {
///             let context = context.clone();
///             scope.spawn(move || context.run_sync(|| format!("{n}{}", request().path())))
///         });
///         threads.map(|thread| thread.join().unwrap_or_default()).concat()
///     })
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "1/2/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copied_request_context() -> CopiedContext {
    CopiedContext { context: Context::copied_request() }
}

/// The context of a request for code beside it; see [`copied_request_context`].
#[derive(Clone)]
pub struct CopiedContext {
    context: Context,
}

impl CopiedContext {
    /// Runs `future` in a copy of the context. At its end, or when it is dropped, the functions of
    /// [`App::teardown_appcontext`](crate::App::teardown_appcontext) run.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        in_context(self.context.renewed(), future)
    }

    /// Runs `f` in a copy of the context, on this thread: the sync form of [`run`](Self::run).
    pub fn run_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        in_context_sync(&self.context.renewed(), f)
    }
}

impl fmt::Debug for CopiedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CopiedContext({})", self.context.describe())
    }
}

/// Runs `future` in a context of its own, and tears that context down.
async fn in_context<F: Future>(context: Context, future: F) -> F::Output {
    let teardown = TeardownGuard::new(context.clone(), None);
    let running = async {
        APPCONTEXT_PUSHED.emit_logged(context.app(), || ()).await;
        AssertUnwindSafe(future).catch_unwind().await
    };
    let outcome = context.run(running).await;
    teardown.finish(panicked(&outcome)).await;
    outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Runs `f` in a context of its own, on this thread, and tears that context down.
pub(super) fn in_context_sync<R>(context: &Context, f: impl FnOnce() -> R) -> R {
    let teardown = TeardownGuard::new(context.clone(), None);
    let outcome = context.run_sync(|| {
        // On an event loop we must not block: the signal is skipped and teardown runs in the background.
        let _ = execution::block_on(APPCONTEXT_PUSHED.emit_logged(context.app(), || ()));
        panic::catch_unwind(AssertUnwindSafe(f))
    });
    // Runs in the context, because `block_on` asks the app's own bridge whether this thread may block.
    let _ = context.run_sync(|| execution::block_on(teardown.finish(panicked(&outcome))));
    outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Returns the error that teardown functions get for a panic.
pub(super) fn panicked<T>(outcome: &thread::Result<T>) -> Option<Error> {
    outcome.as_ref().err().map(|payload| Error::from_panic(&**payload))
}

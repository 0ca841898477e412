//! Copies of a request's context, for a task or a thread beside it, each torn down at its own end.

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
/// # use costrel::{App, copy_current_request_context, request};
/// # let mut app = App::new("docs");
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
    let context = Context::copied_request();
    async move {
        let teardown = TeardownGuard::new(context.clone(), None);
        let running = async {
            APPCONTEXT_PUSHED.emit_logged(context.app(), || ()).await;
            AssertUnwindSafe(future).catch_unwind().await
        };
        let outcome = context.run(running).await;
        teardown.finish(panicked(&outcome)).await;
        outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}

/// Wraps `f`, to run on another thread with the current request around it: the sync form of
/// [`copy_current_request_context`].
///
/// ```
/// # use costrel::{App, copy_current_request_context_sync, request};
/// # let mut app = App::new("docs");
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
pub fn copy_current_request_context_sync<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = Context::copied_request();
    move || in_context_sync(&context, f)
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

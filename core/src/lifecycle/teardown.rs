//! The end of a context: its teardown functions run once, whether it succeeded, failed or was cancelled.

use tokio::sync::oneshot;

use crate::context::{APPCONTEXT_POPPED, APPCONTEXT_TEARING_DOWN, Context, REQUEST_TEARING_DOWN};
use crate::error::Error;
use crate::execution::{Callable, StepKind, catch_panic};
use crate::hooks::HookChain;
use crate::http_types::Response;
use crate::session::Saving;

/// A guard that runs teardown once, also for a context that is dropped before its end.
pub(crate) struct TeardownGuard {
    context: Context,
    /// `None` in a context without a request.
    hooks: Option<HookChain>,
    /// Whether teardown functions get the error that says so.
    cancelled: bool,
    ended: bool,
}

impl TeardownGuard {
    pub(crate) fn new(context: Context, hooks: Option<HookChain>) -> Self {
        Self { context, hooks, cancelled: true, ended: false }
    }

    /// Returns the guard set to report success, instead of a cancelled context, when it is dropped.
    pub(crate) fn ending_well(mut self) -> Self {
        self.cancelled = false;
        self
    }

    /// Runs teardown before the response goes out, unless sync code of this context is still on a worker; then
    /// teardown runs in the background. A client that disconnects does not cancel it: a request that runs as a
    /// `Crossing` goes on alone, and other contexts run it as a task of its own.
    pub(super) async fn finish(mut self, unhandled: Option<Error>) {
        self.ended = true;
        let has_jobs = self.context.has_jobs();
        // What streams on may change the session, which is saved once more when it is over.
        let may_save = self.context.has_open_session();
        if may_save && !has_jobs {
            self.context.close_session();
        }
        if self.has_nothing_to_run() && !(may_save && has_jobs) {
            return;
        }
        if has_jobs {
            return self.spawn(unhandled, None);
        }
        if self.context.begin_teardown() {
            self.context.admit_all_jobs();
            // Boxed, so that a request without teardown functions has no room for it.
            return Box::pin(teardown(self.hooks.clone(), self.context.clone(), unhandled)).await;
        }
        let (over, wait) = oneshot::channel::<()>();
        self.spawn(unhandled, Some(over));
        // Nothing is sent: the sender is dropped at the end of teardown, and this fails then.
        let _ = wait.await;
    }

    /// Starts the teardown task, which waits for the context's sync code first; `over` is dropped at its end.
    fn spawn(&self, error: Option<Error>, over: Option<oneshot::Sender<()>>) {
        let (hooks, context, app) = (self.hooks.clone(), self.context.clone(), self.context.app().clone());
        let task = app.run_state().teardowns().track_future(async move {
            // Sync code of a cancelled request may still use what teardown closes, so wait for it.
            context.jobs_done().await;
            context.admit_all_jobs();
            if let Err(failed) = context.run(catch_panic(save_session(&context))).await {
                tracing::error!("The session was not saved after the body of {}: {failed:?}", context.describe());
            }
            let lost = |error| tracing::error!("a teardown was lost: {error:?}");
            context.crossing_steps(lost, context.run(teardown(hooks, context.clone(), error))).await;
            drop(over);
        });
        app.bridge().spawn(Box::pin(task));
    }

    fn has_nothing_to_run(&self) -> bool {
        let app = self.context.app().parts();
        app.subscribers.is_empty()
            && app.teardown_appcontext.is_empty()
            && self
                .hooks
                .iter()
                .flat_map(HookChain::outermost_first)
                .all(|set| self.context.hooks(set).teardown.is_empty())
    }
}

impl Drop for TeardownGuard {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // The handler of a WebSocket ends so when the client closes, and may have changed the session.
        let may_save = self.context.has_open_session();
        if may_save {
            self.context.close_after_this_request();
        } else {
            self.context.close_response();
        }
        // Spawning a task costs more than most requests, so there is none if it has nothing to run.
        if may_save || !self.has_nothing_to_run() {
            self.spawn(self.cancelled.then(Error::cancelled), None);
        }
    }
}

/// Saves a session that was changed after its response has left.
async fn save_session(context: &Context) -> Result<(), Error> {
    let (app, Ok(active)) = (context.app(), context.request()) else { return Ok(()) };
    if !active.session.is_open_late() {
        return Ok(());
    }
    match app.sessions().save(&active.session, app.config(), &mut Response::default(), Saving::End)? {
        Some(saving) => saving.await.map(drop),
        None => Ok(()),
    }
}

/// Runs the teardown functions of the request, then those of the app; the latest registered first. One that fails does
/// not stop the others.
async fn teardown(hooks: Option<HookChain>, context: Context, error: Option<Error>) {
    let app = context.app();
    if let Some(hooks) = &hooks {
        let hooks = hooks.outermost_first().flat_map(|set| &context.hooks(set).teardown).rev();
        run_all(hooks, "teardown_request", &context, error.as_ref()).await;
        REQUEST_TEARING_DOWN.emit_logged(app, || error.clone()).await;
    }
    run_all(app.parts().teardown_appcontext.iter().rev(), "teardown_appcontext", &context, error.as_ref()).await;
    APPCONTEXT_TEARING_DOWN.emit_logged(app, || error).await;
    APPCONTEXT_POPPED.emit_logged(app, || ()).await;
}

async fn run_all(
    hooks: impl Iterator<Item = &Callable<Option<Error>, ()>>,
    name: &str,
    context: &Context,
    error: Option<&Error>,
) {
    for hook in hooks {
        if let Err(failed) = catch_panic(async { hook.call_as(StepKind::Teardown, error.cloned()).await }).await {
            tracing::error!("Exception in {name} on {}: {failed:?}", context.describe());
        }
    }
}

//! The end of a context: its teardown functions run once, whatever became of it.

use tokio::sync::oneshot;

use crate::context::{APPCONTEXT_POPPED, APPCONTEXT_TEARING_DOWN, Context, REQUEST_TEARING_DOWN};
use crate::error::Error;
use crate::execution::{Callable, catch_panic};
use crate::hooks::HookChain;

/// Sees to it that teardown runs once, also for a context that is dropped on its way.
pub(crate) struct TeardownGuard {
    context: Context,
    /// `None` in a context without a request.
    hooks: Option<HookChain>,
    /// What teardown functions are told.
    unhandled: Option<Error>,
    ended: bool,
}

impl TeardownGuard {
    pub(crate) fn new(context: Context, hooks: Option<HookChain>) -> Self {
        Self { context, hooks, unhandled: Some(Error::cancelled()), ended: false }
    }

    /// The same, told that all went well if nobody says otherwise.
    pub(crate) fn ending_well(mut self) -> Self {
        self.unhandled = None;
        self
    }

    /// Teardown, before the response goes out, unless sync code of this context is still on a worker. It is a
    /// task of its own, so that a client that leaves now does not end it.
    pub(super) async fn finish(mut self, unhandled: Option<Error>) {
        self.unhandled = unhandled;
        if self.context.has_jobs() {
            return;
        }
        let (over, wait) = oneshot::channel::<()>();
        self.start(Some(over));
        // Fails when it is over, as nothing is sent.
        let _ = wait.await;
    }

    /// Starts teardown, once the context's sync code is done; `over` is dropped at its end.
    fn start(&mut self, over: Option<oneshot::Sender<()>>) {
        self.ended = true;
        // A task costs more than most requests; where it would do nothing there is none.
        if self.has_nothing_to_run() {
            return;
        }
        let (hooks, context, error) = (self.hooks.clone(), self.context.clone(), self.unhandled.take());
        let app = self.context.app().clone();
        let task = app.run_state().teardowns().track_future(async move {
            // Sync code that nobody waits for any more may still use what teardown closes.
            context.jobs_done().await;
            context.admit_all_jobs();
            context.run(teardown(hooks, context.clone(), error)).await;
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
        if !self.ended {
            self.start(None);
        }
    }
}

/// The functions of the request, then those of the app; the latest registered first. One that fails does not stop
/// the others.
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
        if let Err(failed) = catch_panic(async { hook.call(error.cloned()).await }).await {
            tracing::error!("Exception in {name} on {}: {failed:?}", context.describe());
        }
    }
}

//! The end of a context: its teardown functions run once, whatever became of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::context::{APPCONTEXT_POPPED, APPCONTEXT_TEARING_DOWN, Context, REQUEST_TEARING_DOWN};
use crate::error::Error;
use crate::execution::{Callable, catch_panic};
use crate::hooks::{ErrorHandlers, HookSet};

/// Whose hooks and error handlers see a request: the app's, then those of the blueprints, outermost first.
#[derive(Clone)]
pub(crate) struct HookChain {
    pub(super) app: Arc<HookSet>,
    pub(super) blueprints: Arc<[Arc<HookSet>]>,
}

impl HookChain {
    pub(super) fn outermost_first(&self) -> impl DoubleEndedIterator<Item = &HookSet> {
        [&*self.app].into_iter().chain(self.blueprints.iter().map(|scope| &**scope))
    }

    pub(super) fn error_handlers(&self) -> Vec<&ErrorHandlers> {
        self.outermost_first().rev().map(|scope| &scope.error_handlers).collect()
    }
}

/// Sees to it that teardown runs once, also for a context that is dropped on its way.
pub(crate) struct TeardownGuard {
    context: Context,
    /// `None` in a context without a request.
    scopes: Option<HookChain>,
    /// What teardown functions are told.
    unhandled: Option<Error>,
    ended: bool,
}

impl TeardownGuard {
    pub(crate) fn new(context: Context, scopes: Option<HookChain>) -> Self {
        Self { context, scopes, unhandled: Some(Error::cancelled()), ended: false }
    }

    /// The same, told that all went well if nobody says otherwise.
    pub(crate) fn ending_well(mut self) -> Self {
        self.unhandled = None;
        self
    }

    /// Teardown, before the response goes out, unless sync code of this context is still on a worker. It is a
    /// task of its own, so that a client that leaves now does not end it.
    pub(super) async fn end(mut self, unhandled: Option<Error>) {
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
        let (scopes, context, error) = (self.scopes.clone(), self.context.clone(), self.unhandled.take());
        let app = self.context.app.clone();
        let task = app.teardowns().track_future(async move {
            // Sync code that nobody waits for any more may still use what teardown closes.
            context.jobs_done().await;
            context.ends();
            context.scope(teardown(scopes, context.clone(), error)).await;
            drop(over);
        });
        app.bridge().spawn(Box::pin(task));
    }

    fn has_nothing_to_run(&self) -> bool {
        let app = self.context.app.parts();
        app.subscribers.is_empty()
            && app.teardown_appcontext.is_empty()
            && self
                .scopes
                .iter()
                .flat_map(HookChain::outermost_first)
                .all(|scope| self.context.hooks(scope).teardown.is_empty())
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
async fn teardown(scopes: Option<HookChain>, context: Context, error: Option<Error>) {
    let app = &context.app;
    if let Some(scopes) = &scopes {
        let hooks = scopes.outermost_first().flat_map(|scope| &context.hooks(scope).teardown).rev();
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
            tracing::error!("Exception in {name} on {}: {failed:?}", context.what());
        }
    }
}

//! A request's context, for a test to step into.

use std::fmt;

use crate::context::{Application, Context};
use crate::error::Error;
use crate::execution::Waiting;
use crate::http_types::Response;
use crate::lifecycle::{HookChain, TeardownGuard, Visit, preprocess};
use crate::routing::UrlValues;

/// The context of a request, in which a test can call what needs one: of a request that is over
/// ([`TestResponse::context`](super::TestResponse::context)), or of one that only the test has
/// ([`TestRequest::test_request_context`](super::TestRequest::test_request_context)).
pub struct RequestContext {
    context: Context,
    hooks: Option<(HookChain, UrlValues)>,
    /// Ends it, if it was made for the test.
    _life: Option<TeardownGuard>,
}

impl RequestContext {
    /// That of a request that is over.
    pub(super) fn past(context: Context) -> Self {
        Self { context, hooks: None, _life: None }
    }

    /// One of its own.
    pub(super) fn new(application: &Application, request: http::Request<crate::http_types::Body>) -> Self {
        let (Visit { context, scopes, taken, .. }, _) = application.enter(request);
        let life = TeardownGuard::new(context.clone(), Some(scopes.clone()));
        Self { context, hooks: Some((scopes, taken)), _life: Some(life.ending_well()) }
    }

    /// Runs `future` in it.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.context.scope(future)
    }

    /// Runs `f` in it, on this thread.
    pub fn run_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        self.context.sync_scope(f)
    }

    /// Runs the functions of `url_value_preprocessor` and `before_request`, which entering the context has not; with the
    /// answer of the one that gave one. In a context that is over it does nothing.
    pub fn preprocess_request(&self) -> Waiting<Option<Response>> {
        let (hooks, context) = (self.hooks.clone(), self.context.clone());
        Waiting::new(async move {
            let Some((scopes, taken)) = hooks else { return Ok::<_, Error>(None) };
            context.scope(async { preprocess(&context, &scopes, taken).await }).await
        })
    }
}

impl Clone for RequestContext {
    /// The same context; it ends with the original.
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), hooks: self.hooks.clone(), _life: None }
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestContext({})", self.context.what())
    }
}

//! A request's context, for a test to run code in.

use std::fmt;
use std::sync::Arc;

use crate::context::{Application, Context};
use crate::error::Error;
use crate::execution::{Recorder, Trace, Waiting};
use crate::http_types::{Body, Response};
use crate::lifecycle::{EnteredRequest, TeardownGuard, preprocess};

/// The context of a request, for a test to run code in that needs one: of a request that is over
/// ([`TestResponse::context`](super::TestResponse::context)), or of one that only the test makes
/// ([`TestRequest::test_request_context`](super::TestRequest::test_request_context)).
pub struct RequestContext {
    context: Context,
    /// The entered request, if the context was made for the test.
    entered: Option<Arc<EnteredRequest>>,
    /// Ends the context, if it was made for the test.
    _teardown: Option<TeardownGuard>,
}

impl RequestContext {
    /// The context of a request that is over.
    pub(super) fn past(context: Context) -> Self {
        Self { context, entered: None, _teardown: None }
    }

    /// The context of a request that is entered for the test.
    pub(crate) fn new(application: &Application, request: http::Request<Body>) -> Self {
        let entered = application.enter(request);
        let teardown = TeardownGuard::new(entered.context.clone(), Some(entered.hooks.clone()));
        Self {
            context: entered.context.clone(),
            entered: Some(Arc::new(entered)),
            _teardown: Some(teardown.ending_well()),
        }
    }

    /// The timeline of the request, if it was recorded.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.context.recorder().map(Recorder::trace)
    }

    /// Runs `future` in this context.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.context.run(future)
    }

    /// Runs `f` in this context, on this thread.
    pub fn run_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        self.context.run_sync(f)
    }

    /// Runs the functions of `url_value_preprocessor` and `before_request`, which do not run when the context is
    /// entered, and returns the response of the first that answers. In a context that is over it does nothing.
    pub fn preprocess_request(&self) -> Waiting<Option<Response>> {
        let entered = self.entered.clone();
        Waiting::new(async move {
            let Some(entered) = entered else { return Ok::<_, Error>(None) };
            entered.context.run(preprocess(&entered)).await
        })
    }
}

impl Clone for RequestContext {
    /// Returns a handle to the same context, which ends with the original.
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), entered: self.entered.clone(), _teardown: None }
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestContext({})", self.context.describe())
    }
}

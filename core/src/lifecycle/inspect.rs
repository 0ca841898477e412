//! The inspection of a request that the test client gets beside the response.

use crate::context::{AppHandle, Context};
use crate::error::Error;
use crate::http_types::Response;

/// A request extension that asks for an [`Inspection`] on the response. Only the test client sets it.
#[derive(Clone)]
pub(crate) struct InspectRequested {
    /// Whether the timeline of the request is recorded.
    pub(crate) with_trace: bool,
}

/// A response extension with the request's context and the error that had no handler.
#[derive(Clone)]
pub(crate) struct Inspection {
    pub(crate) context: Context,
    pub(crate) unhandled: Option<Error>,
}

impl Inspection {
    pub(super) fn attach(response: &mut Response, context: &Context, unhandled: Option<&Error>) {
        let inspection = Self { context: context.clone(), unhandled: unhandled.cloned() };
        response.extensions_mut().insert(inspection);
    }
}

/// Whether the lint looks at a request: in debug mode, and where the test client sent it.
pub(super) fn is_linted(app: &AppHandle, is_inspected: bool) -> bool {
    app.config().debug || is_inspected
}

//! What the test client learns of a request beside its response.

use crate::context::Context;
use crate::error::Error;
use crate::http_types::Response;

/// On a request: asks for an [`Inspection`] on its response. A response on its way to a socket carries none.
#[derive(Clone)]
pub(crate) struct InspectRequested;

/// On a response: its request's context, and the error that had no handler.
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

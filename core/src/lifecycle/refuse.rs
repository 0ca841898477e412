//! The response to a request that the server does not let in.

use super::dispatch::leave;
use super::request_log::{RequestLog, span};
use crate::context::Application;
use crate::error::Error;
use crate::http_types::{Body, Peer, Response};

impl Application {
    /// Answers a request of our own server that is not let in. None of its steps runs, but the functions that see every
    /// response do.
    pub(crate) fn refuse_from_server(
        &self,
        mut peer: Peer,
        mut request: http::Request<Body>,
        error: &Error,
    ) -> Response {
        let matched = self.match_received(&mut peer, &mut request, true);
        let entered = self.enter_matched(peer, request, matched, None);
        let log = RequestLog::begin(&entered.active, &span(&entered.active.request));
        leave(Some(entered), log.refused(error))
    }
}

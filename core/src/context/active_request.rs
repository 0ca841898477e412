//! The request of a context.

use crate::error::on_one_line;
use crate::http_types::Request;
use crate::session::Session;
use crate::websocket::WebSocket;

/// A request with its session, and the WebSocket that it became.
#[derive(Clone)]
pub(crate) struct ActiveRequest {
    pub(crate) request: Request,
    pub(crate) session: Session,
    /// `None` for an ordinary request.
    pub(crate) websocket: Option<WebSocket>,
}

impl ActiveRequest {
    pub(crate) fn is_conversation(&self) -> bool {
        self.websocket.is_some()
    }

    /// Whether this is a WebSocket whose handshake has been answered.
    pub(crate) fn is_accepted(&self) -> bool {
        self.websocket.as_ref().is_some_and(WebSocket::is_accepted)
    }

    /// Returns path and method for the log.
    pub(crate) fn describe(&self) -> String {
        format!("{} [{}]", on_one_line(self.request.unwatched_path()), self.request.method())
    }
}

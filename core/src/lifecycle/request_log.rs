//! The line of a request in the log, and the span around what it logs.

use std::time::Instant;

use http::StatusCode;
use tracing::Span;

use crate::context::ActiveRequest;
use crate::error::Error;
use crate::http_types::{Request, Response, error_page};

/// Writes one line for a request: when it is answered, or when it is dropped before that. Without a log it does nothing.
pub(super) struct RequestLog(Option<Begun>);

struct Begun {
    active: ActiveRequest,
    span: Span,
    at: Instant,
}

impl RequestLog {
    pub(super) fn begin(active: &ActiveRequest, span: &Span) -> Self {
        let begin = || Begun { active: active.clone(), span: span.clone(), at: Instant::now() };
        Self(tracing::enabled!(tracing::Level::INFO).then(begin))
    }

    /// Writes the line of a request that is answered.
    pub(super) fn answered(mut self, response: &Response) {
        if let Some(begun) = self.0.take() {
            begun.write(response.status().as_u16(), "");
        }
    }

    /// Writes the line of a request that gets no thread, or is not let in, and returns its response.
    pub(super) fn refused(self, error: &Error) -> Response {
        let response = error_page(error);
        self.answered(&response);
        response
    }

    /// Writes no line, because another log has taken over.
    pub(super) fn hand_over(mut self) {
        self.0 = None;
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let Some(begun) = self.0.take() else { return };
        // A request is dropped by its client that left, by its caller, or at shutdown. 499 is what nginx writes; a conversation was answered.
        let write = || {
            if begun.active.is_accepted() {
                begun.write(StatusCode::SWITCHING_PROTOCOLS.as_u16(), "");
            } else {
                begun.write(499, " cancelled");
            }
        };
        // A worker that drops the request has another subscriber than its event loop.
        let on_its_own = |(_, subscriber): (&_, &_)| tracing::dispatcher::with_default(subscriber, write);
        if begun.span.with_subscriber(on_its_own).is_none() {
            write();
        }
    }
}

impl Begun {
    fn write(&self, status: u16, note: &str) {
        let (request, ms) = (&self.active.request, self.milliseconds());
        let (method, path) = (request.method(), request.full_path());
        self.span.in_scope(|| tracing::info!(status, ms, "{method} {path} {status}{note}"));
    }

    /// The time so far, rounded to the microsecond.
    fn milliseconds(&self) -> f64 {
        (self.at.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }
}

/// The span around the whole request.
pub(super) fn span(request: &Request) -> Span {
    // The fields are read only if the span is enabled.
    tracing::info_span!("request", method = %request.method(), path = request.path(), endpoint = request.endpoint())
}

//! The body of a request, of which the app may leave a part unread.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time;

use crate::context::AppHandle;

/// The body of a request. What is left of it when the app drops it is read and thrown away, within the limits of lingering. A
/// connection of HTTP/1 whose request has not arrived whole would end with the response, and a stream of HTTP/2 is reset;
/// some clients then lose the response, or their next request. A connection that then closes all the same lingers by itself.
pub(super) struct UnreadBody {
    /// `None` when it is over, or being dropped.
    body: Option<Incoming>,
    /// Whether the app waits for the next part. If it gives that up, the client is too slow to be waited for any longer.
    is_waiting: bool,
    app: AppHandle,
    /// The event loop, because sync code drops a body on a thread without one.
    event_loop: Handle,
}

impl UnreadBody {
    pub(super) fn new(body: Incoming, app: AppHandle) -> Self {
        Self { body: Some(body), is_waiting: false, app, event_loop: Handle::current() }
    }
}

impl HttpBody for UnreadBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        self.is_waiting = polled.is_pending();
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for UnreadBody {
    fn drop(&mut self) {
        let is_waiting = self.is_waiting;
        let Some(body) = self.body.take().filter(|body| !is_waiting && !body.is_end_stream()) else { return };
        let (server, stopping) = (&self.app.config().server, self.app.run_state().stopping());
        let (longest, most) = (server.linger_timeout, server.linger_size);
        drop(self.event_loop.spawn(async move {
            let reading = time::timeout(longest, read(body, most));
            let _ = stopping.run_until_cancelled_owned(reading).await;
        }));
    }
}

/// Reads `left` bytes at most.
async fn read(mut body: Incoming, mut left: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}

//! The body of a request, of which the app may leave a part unread.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyStream;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;

/// The body of a request. What is left of it when the app drops it is read and thrown away, within the limits of lingering. A
/// connection of HTTP/1 whose request has not arrived whole would end with the response, and a stream of HTTP/2 is reset;
/// some clients then lose the response, or their next request.
pub(super) struct UnreadBody {
    /// `None` when it is being dropped.
    body: Option<Incoming>,
    /// Whether the app waits for the next part. If it gives that up, the client is too slow to be waited for any longer.
    is_waiting: bool,
    timeout: Duration,
    size: usize,
    stopping: CancellationToken,
    /// The event loop, because sync code drops a body on a thread without one.
    event_loop: Handle,
}

impl UnreadBody {
    pub(super) fn new(body: Incoming, settings: &ServerConfig, stopping: CancellationToken) -> Self {
        let ServerConfig { linger_timeout: timeout, linger_size: size, .. } = *settings;
        Self { body: Some(body), is_waiting: false, timeout, size, stopping, event_loop: Handle::current() }
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
        let (timeout, size, stopping) = (self.timeout, self.size, self.stopping.clone());
        drop(self.event_loop.spawn(async move {
            let reading = time::timeout(timeout, read(body, size));
            let _ = stopping.run_until_cancelled_owned(reading).await;
        }));
    }
}

/// Reads `most` bytes at most.
async fn read(body: Incoming, most: usize) {
    let (mut frames, mut left) = (pin!(BodyStream::new(body)), most);
    while let Some(Ok(frame)) = frames.next().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}

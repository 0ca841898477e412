//! The body of a response on its way to the client, and what the task that sends it knows of it.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::connection_clock::InFlightRequest;
use super::stall::RequestPermit;
use crate::error::Error;
use crate::http_types::Body;

/// The most bytes that an HTTP/2 stream gets at a time, the size of a frame. Its next bytes are wanted when the client has
/// room for them, so that at most these are out of the sight of its clock.
const PIECE: usize = 16 * 1024;

/// A response body that keeps its request in flight until it is dropped.
pub(super) struct InFlightBody {
    body: Body,
    /// The bytes of a chunk that are still to be sent, in HTTP/2.
    rest: Bytes,
    is_http2: bool,
    _permit: Option<RequestPermit>,
    _request: InFlightRequest,
}

impl InFlightBody {
    pub(super) fn new(body: Body, request: InFlightRequest, permit: Option<RequestPermit>) -> Self {
        let is_http2 = request.is_http2();
        if is_http2 {
            STREAM.with_borrow_mut(|stream| {
                stream.note(WaitsFor::Client);
                stream.permit.clone_from(&permit);
            });
        }
        Self { body, rest: Bytes::new(), is_http2, _permit: permit, _request: request }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for InFlightBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.is_http2 {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        let polled = self.poll_piece(context);
        let waits = if polled.is_pending() { WaitsFor::Source } else { WaitsFor::Client };
        STREAM.with_borrow_mut(|stream| stream.note(waits));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if left > 0 {
            // The upper bound first, because a lower one must not exceed it.
            if let Some(upper) = hint.upper() {
                hint.set_upper(upper + left);
            }
            hint.set_lower(hint.lower() + left);
        }
        hint
    }
}

thread_local! {
    /// The HTTP/2 stream whose task this thread polls.
    static STREAM: RefCell<StreamState> = RefCell::default();
}

/// The event that an HTTP/2 stream waits for. hyper asks a body for its next bytes once the client has room for the last ones.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum WaitsFor {
    /// The app, which has not answered yet.
    #[default]
    Answer,
    /// The app, which has not made the next bytes yet.
    Source,
    /// The client, which has no room for the last bytes.
    Client,
}

/// The state of an HTTP/2 stream, in its task.
#[derive(Default)]
pub(super) struct StreamState {
    waits: WaitsFor,
    /// Whether something was asked of the body, or it was made, in the last poll of the task.
    has_moved: bool,
    permit: Option<RequestPermit>,
}

#[cfg_attr(
    not(any(feature = "http2", feature = "websocket")),
    expect(dead_code, reason = "only HTTP/2 has tasks of streams")
)]
impl StreamState {
    /// Calls `poll`, which polls the stream, and notes what becomes of its body meanwhile.
    pub(super) fn observe<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        self.has_moved = false;
        STREAM.with_borrow_mut(|stream| mem::swap(stream, self));
        let polled = poll();
        STREAM.with_borrow_mut(|stream| mem::swap(stream, self));
        polled
    }

    fn note(&mut self, waits: WaitsFor) {
        (self.waits, self.has_moved) = (waits, true);
    }

    pub(super) fn waits_for_client(&self) -> bool {
        self.waits == WaitsFor::Client
    }

    pub(super) fn has_moved(&self) -> bool {
        self.has_moved
    }

    pub(super) fn permit(&self) -> Option<&RequestPermit> {
        self.permit.as_ref()
    }
}

//! A body whose sender may not be silent for too long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{self, Sleep};

use super::body::Body;
use crate::error::Error;

/// A body that fails if nothing of it arrives for too long.
pub(super) struct PatientBody {
    body: Body,
    longest: Duration,
    /// The end of this wait; `None` while there is none.
    timer: Option<Pin<Box<Sleep>>>,
}

impl PatientBody {
    pub(super) fn new(body: Body, longest: Duration) -> Self {
        Self { body, longest, timer: None }
    }
}

impl HttpBody for PatientBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.timer = None;
            return Poll::Ready(frame);
        }
        // Without tokio's event loop there is no timer, and the limit does not apply.
        if Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let longest = self.longest;
        let timer = self.timer.get_or_insert_with(|| Box::pin(time::sleep(longest)));
        timer.as_mut().poll(context).map(|()| Some(Err(too_slow())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The refusal of a body that takes too long.
pub(super) fn too_slow() -> Error {
    Error::status(408).with_message("The body took too long to arrive.")
}

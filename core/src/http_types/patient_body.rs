//! A body whose sender may not be silent for too long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{self, Sleep};

use super::body::Body;
use crate::error::Error;

pin_project! {
    /// A body that fails if nothing of it arrives for too long.
    pub(super) struct PatientBody {
        body: Body,
        longest: Duration,
        // `None` before the first wait.
        timer: Option<Pin<Box<Sleep>>>,
        is_waiting: bool,
    }
}

impl PatientBody {
    pub(super) fn new(body: Body, longest: Duration) -> Self {
        Self { body, longest, timer: None, is_waiting: false }
    }
}

impl HttpBody for PatientBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.project();
        if let Poll::Ready(frame) = Pin::new(this.body).poll_frame(context) {
            *this.is_waiting = false;
            return Poll::Ready(frame);
        }
        let longest = *this.longest;
        let timer = this.timer.get_or_insert_with(|| Box::pin(time::sleep(longest)));
        if !std::mem::replace(this.is_waiting, true) {
            timer.set(time::sleep(longest));
        }
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

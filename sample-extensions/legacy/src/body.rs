//! Bodies on their way, frame by frame, and what is known of them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use costrel::{Body, Bytes, Error};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use crate::error::LegacyError;

/// The body of a request on its way to the old app.
pub(crate) struct Upload {
    body: Body,
    progress: Arc<Progress>,
}

/// What has become of an upload.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Notified when a part of the body went out.
    pub(crate) moved: Notify,
    /// The error with which the client's body broke off.
    failure: Mutex<Option<Error>>,
    /// Whether the body has ended, or broken off.
    is_over: AtomicBool,
}

impl Progress {
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.lock().clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Upload {
    pub(crate) fn new(body: Body) -> (Self, Arc<Progress>) {
        let progress = Arc::<Progress>::default();
        progress.is_over.store(body.is_end_stream(), Ordering::Relaxed);
        (Self { body, progress: Arc::clone(&progress) }, progress)
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.progress.is_over.store(true, Ordering::Relaxed);
        }
        match &polled {
            Poll::Ready(Some(Err(error))) => *self.progress.failure.lock() = Some(error.clone()),
            Poll::Ready(_) => self.progress.moved.notify_one(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project! {
    /// The body of a response on its way to the client, which breaks off when the old app is silent for too long.
    pub(crate) struct Download {
        body: Incoming,
        limit: Option<Duration>,
        // Kept from wait to wait, so that only the first one allocates.
        timer: Option<Pin<Box<Sleep>>>,
        is_waiting: bool,
    }
}

impl Download {
    /// A body that may be silent for `limit`; for ever if that is `None`.
    pub(crate) fn new(body: Incoming, limit: Option<Duration>) -> Self {
        Self { body, limit, timer: None, is_waiting: false }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        if let Poll::Ready(frame) = Pin::new(&mut *this.body).poll_frame(context) {
            *this.is_waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(limit) = *this.limit else { return Poll::Pending };
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !std::mem::replace(this.is_waiting, true) {
            timer.set(sleep(limit));
        }
        timer.as_mut().poll(context).map(|()| Some(Err(LegacyError::IdleTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

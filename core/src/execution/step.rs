//! Runs a step of a request: turns its panic into an error and limits its time.

use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Either;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::time;

use crate::error::Error;

/// Runs `step` and turns a panic in it into an error.
pub(crate) fn catch_panic<T, F: Future<Output = Result<T, Error>>>(step: F) -> CatchPanic<F> {
    CatchPanic { step }
}

pin_project! {
    /// The future of [`catch_panic`]. No `async fn`, whose future would have room for `step` twice.
    pub(crate) struct CatchPanic<F> {
        #[pin]
        step: F,
    }
}

impl<T, F: Future<Output = Result<T, Error>>> Future for CatchPanic<F> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let step = self.project().step;
        panic::catch_unwind(AssertUnwindSafe(|| step.poll(context)))
            .unwrap_or_else(|payload| Poll::Ready(Err(Error::from_caught(payload))))
    }
}

/// Runs `step` for at most `limit`; `None` if it timed out. Without tokio's event loop the limit does not apply.
pub(crate) fn timeout<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
    match limit {
        Some(limit) if Handle::try_current().is_ok() => Either::Left(time::timeout(limit, step).map(Result::ok)),
        _ => Either::Right(step.map(Some)),
    }
}

//! Runs a step of a request: turns its panic into an error and limits its time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Either;
use tokio::runtime::Handle;
use tokio::time;

use crate::error::Error;

/// Runs `step` and turns a panic in it into an error.
pub(crate) fn catch_panic<T>(step: impl Future<Output = Result<T, Error>>) -> impl Future<Output = Result<T, Error>> {
    // No `async fn`, because its future would have room for `step` twice.
    AssertUnwindSafe(step)
        .catch_unwind()
        .map(|caught| caught.unwrap_or_else(|payload| Err(Error::from_caught(payload))))
}

/// Runs `step` for at most `limit`; `None` if it timed out. Without tokio's event loop the limit does not apply.
pub(crate) fn timeout<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
    match limit {
        Some(limit) if Handle::try_current().is_ok() => Either::Left(time::timeout(limit, step).map(Result::ok)),
        _ => Either::Right(step.map(Some)),
    }
}

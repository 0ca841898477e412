//! Runs a step of a request: turns its panic into an error and limits its time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::time;

use crate::error::Error;

/// Runs `step` and turns a panic in it into an error.
pub(crate) async fn catch_panic<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Err(Error::from_caught(payload)),
    }
}

/// Runs `step` for at most `limit`; `None` if it timed out. Without tokio's event loop the limit does not apply.
pub(crate) async fn timeout<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) if Handle::try_current().is_ok() => time::timeout(limit, step).await.ok(),
        _ => Some(step.await),
    }
}

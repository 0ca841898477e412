//! One step of a request: a panic in it is an error, and it may have a time limit.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::time;

use crate::error::Error;

/// Runs one step of a request; a panic in it is an error like any other.
pub(crate) async fn catch_panic<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Err(Error::from_panic(&*payload)),
    }
}

/// Runs `step` for as long as `limit` says; `None` if that was too short. On an event loop that is not tokio's there is
/// no such limit.
pub(crate) async fn timeout<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) if Handle::try_current().is_ok() => time::timeout(limit, step).await.ok(),
        _ => Some(step.await),
    }
}

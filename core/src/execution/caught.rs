//! Panics become errors at the edge of a step.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::Error;

/// Runs one step of a request; a panic in it is an error like any other.
pub(crate) async fn caught<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Err(Error::from_panic(&*payload)),
    }
}

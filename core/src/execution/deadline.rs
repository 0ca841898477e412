//! Steps that may not take for ever.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time;

/// Runs `step` for as long as `limit` says; `None` if that was too short. On an event loop that is not tokio's there is
/// no such limit.
pub(crate) async fn within<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) if Handle::try_current().is_ok() => time::timeout(limit, step).await.ok(),
        _ => Some(step.await),
    }
}

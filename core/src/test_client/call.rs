//! A step of a test, for tests of either colour.

use std::fmt;

use futures_util::future::BoxFuture;

use super::TestClient;
use crate::error::Error;

/// A step of a test that sends no request; run by `.await` in an async test and by [`wait`](Self::wait) in a sync one.
#[must_use = "nothing happens until it is awaited (async) or waited for (sync)"]
pub struct TestCall<T> {
    client: TestClient,
    step: BoxFuture<'static, Result<T, Error>>,
}

impl<T> TestCall<T> {
    pub(crate) fn new(client: &TestClient, step: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        Self { client: client.clone(), step: Box::pin(step) }
    }

    /// Runs the step and blocks until it is done; the sync form of `.await`.
    ///
    /// # Errors
    /// The errors of the step, or if this is async code, where `.await` is the form to use.
    pub fn wait(self) -> Result<T, Error> {
        self.client.block_on(self.step)
    }
}

impl<T> IntoFuture for TestCall<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.step
    }
}

impl<T> fmt::Debug for TestCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCall").finish_non_exhaustive()
    }
}

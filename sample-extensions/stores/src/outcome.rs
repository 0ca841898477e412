//! The result of a call to a store.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use costrel::{Error, ErrorKind, async_to_sync};
use futures_util::future::BoxFuture;

/// The result of a call to a store: there at once, as from memory, or still to come, as from a network.
///
/// Async code awaits it, sync code calls [`wait`](Self::wait). One that is ready needs no allocation, so a store in memory
/// costs nothing for being behind the same trait as one on a network.
///
/// ```
/// use costrel_stores::Outcome;
///
/// let ready = Outcome::ready(Ok(1));
/// let waiting = Outcome::new(async { Ok(2) });
/// assert_eq!(ready.wait()? + waiting.wait()?, 3);
/// # Ok::<(), costrel::Error>(())
/// ```
#[must_use = "nothing happens until it is awaited (async) or waited for (sync)"]
pub struct Outcome<'a, T>(State<'a, T>);

enum State<'a, T> {
    /// `None` when the result has been taken.
    Ready(Option<Result<T, Error>>),
    Waiting(BoxFuture<'a, Result<T, Error>>),
}

impl<'a, T> Outcome<'a, T> {
    /// A result that is there already.
    pub fn ready(result: Result<T, Error>) -> Self {
        Self(State::Ready(Some(result)))
    }

    /// A result that `future` will have.
    pub fn new(future: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Self(State::Waiting(Box::pin(future)))
    }

    /// Blocks until the result is there; the sync twin of `.await`.
    ///
    /// # Errors
    /// Those of the store, and those of [`async_to_sync`] if the result is still to come.
    pub fn wait(self) -> Result<T, Error> {
        match self.0 {
            State::Ready(result) => result.unwrap_or_else(|| Err(taken())),
            State::Waiting(future) => async_to_sync(|future| future)(future)?,
        }
    }
}

/// No part of an outcome is pinned: a future in it has a box of its own.
impl<T> Unpin for Outcome<'_, T> {}

impl<T> Future for Outcome<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().unwrap_or_else(|| Err(taken()))),
            State::Waiting(future) => future.as_mut().poll(context),
        }
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::Other, "the result of this call to a store has been taken: await it once")
}

impl<T> fmt::Debug for Outcome<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self.0, State::Ready(_)) { "Outcome(ready)" } else { "Outcome(waiting)" })
    }
}

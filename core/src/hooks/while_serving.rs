//! The time in which an app serves, as the functions of `while_serving` get it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind};
use crate::execution::Waiting;

/// The argument of a function of [`while_serving`](crate::App::while_serving): the time between its two halves.
#[derive(Clone)]
pub struct Serving {
    shared: Arc<Halves>,
}

struct Halves {
    /// Cancelled when the first half is done.
    begun: CancellationToken,
    /// Cancelled when the second half is to run.
    over: CancellationToken,
    asked: AtomicBool,
    asked_again: AtomicBool,
}

impl Serving {
    pub(crate) fn new() -> Self {
        let (begun, over, asked, asked_again) = Default::default();
        Self { shared: Arc::new(Halves { begun, over, asked, asked_again }) }
    }

    /// Lets the app serve, and is ready at shutdown: the `yield` of Quart's generator. `.await` it in async code,
    /// `.wait()` for it in sync code.
    ///
    /// # Errors
    /// If it was called before, because a function has only two halves.
    pub fn until_stopped(&self) -> Waiting<()> {
        let shared = self.shared.clone();
        Waiting::new(async move {
            if shared.asked.swap(true, Ordering::SeqCst) {
                shared.asked_again.store(true, Ordering::SeqCst);
                return Err(waits_twice());
            }
            shared.begun.cancel();
            shared.over.cancelled().await;
            Ok(())
        })
    }
}

impl Serving {
    /// Waits until the first half is done.
    pub(crate) async fn first_half(&self) {
        self.shared.begun.cancelled().await;
    }

    /// Begins the second half.
    pub(crate) fn stop(&self) {
        self.shared.over.cancel();
    }

    pub(crate) fn waited_twice(&self) -> bool {
        self.shared.asked_again.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("over", &self.shared.over.is_cancelled()).finish_non_exhaustive()
    }
}

pub(crate) fn waits_twice() -> Error {
    let message =
        "a function of while_serving did not terminate: `until_stopped()` is ready once, when the app is to stop";
    Error::new(ErrorKind::Other, message)
}

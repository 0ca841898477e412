//! The signal by which a job learns that its caller has gone.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use super::pace::note_wait;
use super::primitives::{AtomicBool, AtomicWaker};
use crate::error::Error;

/// The signal that cancels a job whose caller no longer waits for it.
#[derive(Default)]
pub(super) struct CancelSignal {
    cancelled: AtomicBool,
    /// The waker of the innermost wait; outer waits check the signal when that one ends.
    waiting: AtomicWaker,
}

impl CancelSignal {
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waiting.wake();
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Acquire) { Err(Error::cancelled()) } else { Ok(()) }
    }

    pub(super) async fn until_cancelled<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.check()?;
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            note_wait();
            // Registered after the poll, because a nested wait may have registered its own waker during it.
            self.waiting.register(context.waker());
            self.check()?;
            Poll::Pending
        })
        .await
    }
}

//! Waits with a deadline: one that passes fails the test at the line that waits.

use std::panic::Location;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use futures_util::future::{Either, select};
use tokio::sync::Semaphore;

use super::DEADLINE;

/// Blocks until a message arrives.
#[track_caller]
pub(crate) fn receive<T>(messages: &mpsc::Receiver<T>) -> T {
    messages.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("no message within {DEADLINE:?}: {error}"))
}

/// Blocks until other code adds a permit, and takes it.
#[track_caller]
pub(crate) fn take_permit(permits: &Semaphore) {
    smol::block_on(in_time(permits.acquire())).unwrap().forget();
}

/// Polls until `is_so`, for an event that sends no signal.
#[track_caller]
pub(crate) fn poll_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "what this line polls for did not happen within {DEADLINE:?}");
        thread::yield_now();
    }
}

/// Waits for `future`, on any event loop.
#[track_caller]
pub(crate) fn in_time<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let line = Location::caller();
    async move {
        let timer = smol::Timer::after(DEADLINE);
        match select(std::pin::pin!(future), timer).await {
            Either::Left((value, _)) => value,
            Either::Right(_) => panic!("what {line} waits for did not happen within {DEADLINE:?}"),
        }
    }
}

//! The time for which a client takes nothing of a response, and what it loses by it: its permit, then the response.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{self, Instant, Sleep};

/// The time after which a response that its client does not take no longer counts as a request in flight. A client that
/// does not read cannot keep others out for longer.
const PERMIT_TIME: Duration = Duration::from_secs(1);

/// The permit of a request in flight, which can be released before the response has been sent. Clones are the same one.
#[derive(Clone)]
pub(super) struct RequestPermit {
    permit: Arc<Mutex<Option<Arc<OwnedSemaphorePermit>>>>,
}

impl RequestPermit {
    pub(super) fn new(permit: Arc<OwnedSemaphorePermit>) -> Self {
        Self { permit: Arc::new(Mutex::new(Some(permit))) }
    }

    /// Returns a handle that does not hold the permit.
    pub(super) fn downgrade(&self) -> WeakPermit {
        WeakPermit(Arc::downgrade(&self.permit))
    }

    fn is_held(&self) -> bool {
        self.permit.lock().is_some()
    }

    fn release(&self) {
        *self.permit.lock() = None;
    }
}

/// A handle to the permit of a request, which does not hold it.
#[derive(Default)]
pub(super) struct WeakPermit(Weak<Mutex<Option<Arc<OwnedSemaphorePermit>>>>);

impl WeakPermit {
    /// Returns the permit, unless the request is over.
    pub(super) fn upgrade(&self) -> Option<RequestPermit> {
        self.0.upgrade().map(|permit| RequestPermit { permit })
    }
}

/// The clock of a response that waits for its client.
pub(super) struct Stall {
    limit: Option<Duration>,
    /// `None` while the client takes the response.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// Builds a clock with the time that a client has to take a part of its response; `None` for no limit.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Stops the clock, because the client took something or the response has nothing to be taken.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// Starts the clock, unless it runs. It releases `permit` on the way, and is ready when the limit has passed.
    pub(super) fn poll(&mut self, permit: Option<&RequestPermit>, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        loop {
            let held = permit.filter(|permit| permit.is_held());
            let first = held.map(|_| PERMIT_TIME);
            let Some(wait) = first.into_iter().chain(self.limit).min() else { return Poll::Pending };
            let Some(deadline) = since.checked_add(wait) else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(time::sleep_until(deadline)));
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(context));
            match held {
                Some(permit) => permit.release(),
                None => return Poll::Ready(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::future::poll_fn;

    use tokio::sync::Semaphore;
    use tokio::time::advance;

    use super::*;

    /// The permit is free after a second, and the limit counts from when the client took something last.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_loses_its_permit_and_then_its_response() {
        let permits = Arc::new(Semaphore::new(1));
        let permit = RequestPermit::new(Arc::new(permits.clone().try_acquire_owned().unwrap()));
        let mut stall = Stall::new(Some(Duration::from_secs(60)));
        assert!(futures_util::poll!(poll_fn(|context| stall.poll(Some(&permit), context))).is_pending());
        advance(Duration::from_secs(50)).await;
        stall.end();
        let began = Instant::now();
        tokio::select! {
            () = poll_fn(|context| stall.poll(Some(&permit), context)) => unreachable!("the permit is free before"),
            free = permits.acquire() => free.unwrap().forget(),
        }
        assert_eq!(began.elapsed().as_secs(), 1);
        poll_fn(|context| stall.poll(Some(&permit), context)).await;
        assert_eq!(began.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_there_is_no_end() {
        let permits = Arc::new(Semaphore::new(1));
        let permit = RequestPermit::new(Arc::new(permits.clone().try_acquire_owned().unwrap()));
        let mut stall = Stall::new(None);
        tokio::select! {
            () = poll_fn(|context| stall.poll(Some(&permit), context)) => unreachable!("there is no limit"),
            () = time::sleep(Duration::from_secs(3_600)) => {}
        }
        assert_eq!(permits.available_permits(), 1);
    }
}

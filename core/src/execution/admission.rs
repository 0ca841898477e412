//! Places in the queue of an app for sync code, so that it cannot grow without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use http::header::{self, HeaderValue};

use crate::error::Error;

/// Counts who waits.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl Backlog {
    pub(crate) fn new(most: usize) -> Self {
        Self { waiting: Arc::default(), most }
    }

    /// A place, if one is left.
    ///
    /// # Errors
    /// 503 with `Retry-After` if not.
    pub(crate) fn enter(&self) -> Result<Permit, Error> {
        let permit = self.enter_anyway();
        if self.waiting.load(Ordering::Relaxed) > self.most { Err(busy()) } else { Ok(permit) }
    }

    /// A place beyond the last one, for what must not be refused.
    fn enter_anyway(&self) -> Permit {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Permit { waiting: Arc::clone(&self.waiting) }
    }
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    waiting: Arc<AtomicUsize>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether the sync code of a context is let into the queue, which is decided once: one that has begun is not refused later,
/// and one that was refused is not to come again with its hooks.
#[derive(Debug, Default)]
pub(crate) struct Admission(AtomicU8);

const ADMITTED: u8 = 1;
const REFUSED: u8 = 2;

impl Admission {
    /// A place in `queue`, for one more piece of sync code.
    ///
    /// # Errors
    /// 503 with `Retry-After` if there was none for the first.
    pub(crate) fn enter(&self, queue: &Backlog) -> Result<Permit, Error> {
        match self.0.load(Ordering::Relaxed) {
            ADMITTED => Ok(queue.enter_anyway()),
            REFUSED => Err(busy()),
            _ => {
                let permit = queue.enter();
                self.0.store(if permit.is_ok() { ADMITTED } else { REFUSED }, Ordering::Relaxed);
                permit
            }
        }
    }

    /// From here on nothing is refused: it is for giving back what was taken.
    pub(crate) fn admit(&self) {
        self.0.store(ADMITTED, Ordering::Relaxed);
    }
}

/// What those are told for whom there is no room now.
pub(crate) fn busy() -> Error {
    let error = Error::status(503).with_header(header::RETRY_AFTER, HeaderValue::from_static("1"));
    error.with_message("The server is busy. Please try again in a moment.")
}

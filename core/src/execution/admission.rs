//! Admission control for sync code: how much of it may wait for a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::error::Error;

/// Counts the jobs of an app that wait for a worker, and limits their number.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl Backlog {
    pub(crate) fn new(most: usize) -> Self {
        Self { waiting: Arc::default(), most }
    }

    /// Returns a permit for one more job, if the backlog has room.
    ///
    /// # Errors
    /// `Busy` if the backlog is full.
    pub(crate) fn enter(&self) -> Result<Permit, Error> {
        let permit = self.enter_anyway(false);
        if self.waiting.load(Ordering::Relaxed) > self.most { Err(Error::busy()) } else { Ok(permit) }
    }

    /// Returns a permit beyond the limit, for a job that must not be refused.
    fn enter_anyway(&self, has_begun: bool) -> Permit {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Permit { waiting: Arc::clone(&self.waiting), has_begun }
    }
}

/// Counts one job that waits, until the permit is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    waiting: Arc<AtomicUsize>,
    /// Whether the context has had a job before.
    pub(super) has_begun: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether the jobs of a context are admitted. The first job decides it once: a request that has begun is not refused
/// later, and a refused request is not admitted again for its hooks.
#[derive(Debug, Default)]
pub(crate) struct Admission(AtomicU8);

const ADMITTED: u8 = 1;
const REFUSED: u8 = 2;

impl Admission {
    /// Returns a permit of `backlog` for one more job.
    ///
    /// # Errors
    /// `Busy` if the context's first job got no permit.
    pub(crate) fn enter(&self, backlog: &Backlog) -> Result<Permit, Error> {
        match self.0.load(Ordering::Relaxed) {
            ADMITTED => Ok(backlog.enter_anyway(true)),
            REFUSED => Err(Error::busy()),
            _ => {
                let permit = backlog.enter();
                self.0.store(if permit.is_ok() { ADMITTED } else { REFUSED }, Ordering::Relaxed);
                permit
            }
        }
    }

    /// Admits every job from here on, because teardown must run to release what the request took.
    pub(crate) fn admit(&self) {
        self.0.store(ADMITTED, Ordering::Relaxed);
    }
}

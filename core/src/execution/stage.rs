//! The stage of a request: whether its client may still cancel it.

use std::sync::atomic::Ordering;

use super::primitives::AtomicU8;

/// The stage of a request whose future is a `Crossing`: its client may cancel it until its teardown
/// begins.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

const ACTIVE: u8 = 1;
const CANCELLED: u8 = 2;
const ENDING: u8 = 3;

impl Stage {
    pub(crate) fn activate(&self) {
        self.0.store(ACTIVE, Ordering::Relaxed);
    }

    /// Begins the teardown, unless the request was cancelled or is no `Crossing`. Returns whether it began.
    pub(crate) fn end(&self) -> bool {
        self.move_to(ENDING)
    }

    /// Cancels the request, unless its teardown has begun. Returns whether it is cancelled.
    pub(crate) fn cancel(&self) -> bool {
        self.move_to(CANCELLED)
    }

    fn move_to(&self, next: u8) -> bool {
        self.0.compare_exchange(ACTIVE, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

//! The place where a request's future is polled: the event loop, or the worker that it has moved to.

use std::cell::Cell;
use std::task::Poll;

use super::primitives::thread_local;
use crate::error::Error;

/// The place of the code that runs on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside the steps of a request, or in the code that a step calls.
    Elsewhere,
    /// A step of a request, on the event loop.
    Loop,
    /// A step of a request, on the event loop, after no worker could take it.
    Refused(Refusal),
    /// A step of a request, on a worker.
    Worker,
    /// A step of a request, on a thread that the event loop has to spare.
    SpareThread,
    /// A step that must go on elsewhere: sync code on a worker, async code on the event loop.
    Leaving,
    /// A step of sync code that is known to be short.
    LeavingShort,
}

/// The reason why a request could not move to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many requests wait for a worker.
    Busy,
    /// The system starts no more threads.
    NoThread,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::busy(),
            Refusal::NoThread => Self::busy().with_message("no thread could be started for sync work"),
        }
    }
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Elsewhere) };
}

impl Place {
    pub(super) fn here() -> Self {
        PLACE.with(Cell::get)
    }

    /// Runs `f` in this place. Returns its result with the place at its end, which is `Leaving` if a step wants to move.
    pub(super) fn enter<R>(self, f: impl FnOnce() -> R) -> (R, Self) {
        let restore = Restore { before: PLACE.with(|place| place.replace(self)) };
        let result = f();
        let end = Self::here();
        drop(restore);
        (result, end)
    }

    /// Whether this is a step of a request where sync code runs, and async code does not.
    pub(super) fn is_for_sync(self) -> bool {
        matches!(self, Self::Worker | Self::SpareThread)
    }

    /// Notes that the step must go on in another place. The poll that calls this returns `Pending`, and the future is
    /// polled again there.
    fn leave<T>(self) -> Poll<T> {
        PLACE.with(|place| place.set(self));
        Poll::Pending
    }
}

/// Sets the place back, also after a panic.
struct Restore {
    before: Place,
}

impl Drop for Restore {
    fn drop(&mut self) {
        PLACE.with(|place| place.set(self.before));
    }
}

/// Is ready where sync code may be run as a step: `true` on a worker or in place, `false` where the code needs a job of
/// its own. A step on the event loop moves first; one that is not known to be short does not run in place.
pub(super) fn poll_for_sync(is_short: bool) -> Poll<Result<bool, Error>> {
    match Place::here() {
        Place::Elsewhere => Poll::Ready(Ok(false)),
        Place::Worker => Poll::Ready(Ok(true)),
        Place::SpareThread if is_short => Poll::Ready(Ok(true)),
        Place::Loop if is_short => Place::LeavingShort.leave(),
        Place::SpareThread | Place::Loop | Place::Leaving | Place::LeavingShort => Place::Leaving.leave(),
        Place::Refused(refusal) => {
            PLACE.with(|place| place.set(Place::Loop));
            Poll::Ready(Err(refusal.into()))
        }
    }
}

/// Is ready where async code may run. A step on a worker moves back to the event loop first.
pub(crate) fn poll_for_async() -> Poll<()> {
    match Place::here() {
        Place::Elsewhere | Place::Loop | Place::Refused(_) => Poll::Ready(()),
        Place::Worker | Place::SpareThread | Place::Leaving | Place::LeavingShort => Place::Leaving.leave(),
    }
}

/// Moves a step to another worker, because the one that it is on runs no further step.
pub(super) fn poll_to_leave<T>() -> Poll<T> {
    Place::Leaving.leave()
}

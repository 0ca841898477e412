//! Helpers that the tests share. A helper that waits has a deadline, and its failure says what it waited for.

pub(crate) mod event_loops;
pub(crate) mod frames;
pub(crate) mod log;
pub(crate) mod notes;
pub(crate) mod server;
pub(crate) mod trace;
pub(crate) mod views;
pub(crate) mod waiting;

use std::time::Duration;

/// The deadline of every wait: longer than any expected event takes, even on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// A time in which a thread that has work gets to it, on a busy machine too.
pub(crate) const LATER: Duration = Duration::from_millis(500);

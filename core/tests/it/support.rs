//! What the tests share. Whatever waits here has a deadline, and says what it waited for.

pub(crate) mod event_loops;
pub(crate) mod log;
pub(crate) mod notes;
pub(crate) mod server;
pub(crate) mod trace;
pub(crate) mod views;

use std::time::Duration;

/// Longer than anything takes that comes at all, also on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

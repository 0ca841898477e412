//! The colour of a function.

use std::fmt;

/// Whether a function is sync (it may block, so it runs on a worker) or async (it runs on the event loop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// `fn`: may block; runs on a worker.
    Sync,
    /// `async fn`: never blocks; runs on the event loop.
    Async,
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sync => "sync",
            Self::Async => "async",
        })
    }
}

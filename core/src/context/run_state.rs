//! What an app has under way while it serves, and the signals that end it.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an app has under way.
pub(crate) struct RunState {
    crossings: AtomicU64,
    /// Cancelled when the server begins to stop, and made anew when it starts again.
    stopping: Mutex<CancellationToken>,
    /// Teardown that goes on when its request has been answered, or its client has left.
    teardowns: TaskTracker,
    background: TaskTracker,
    /// Cancelled when background tasks are to end, and made anew for the next serving.
    background_stop: Mutex<CancellationToken>,
}

impl RunState {
    pub(super) fn new() -> Self {
        let (crossings, background_stop, stopping) = Default::default();
        let [teardowns, background] = [TaskTracker::new(), TaskTracker::new()];
        // Closed, because only a closed tracker can be waited for; it takes tasks all the same.
        teardowns.close();
        background.close();
        Self { crossings, stopping, teardowns, background, background_stop }
    }

    /// How many pieces of sync code have crossed from the event loop so far.
    pub(super) fn crossings(&self) -> u64 {
        self.crossings.load(Ordering::Relaxed)
    }

    pub(super) fn count_crossing(&self) {
        self.crossings.fetch_add(1, Ordering::Relaxed);
    }

    /// Cancelled when the server begins to stop.
    #[cfg(any(feature = "tls", feature = "websocket"))]
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stopping.lock().clone()
    }

    pub(crate) fn stop(&self) {
        self.stopping.lock().cancel();
    }

    /// Begins another serving of the same app.
    pub(crate) fn restart(&self) {
        *self.stopping.lock() = CancellationToken::new();
    }

    pub(crate) fn teardowns(&self) -> &TaskTracker {
        &self.teardowns
    }

    pub(crate) fn background(&self) -> &TaskTracker {
        &self.background
    }

    pub(crate) fn background_stop(&self) -> CancellationToken {
        self.background_stop.lock().clone()
    }

    pub(crate) fn stop_background(&self) {
        std::mem::take(&mut *self.background_stop.lock()).cancel();
    }
}

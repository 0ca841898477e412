//! The work that an app has under way while it serves, and the tokens that end it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lints::Lints;
use crate::execution::{Fault, Lint, Recorder, SpareThreads, Trace};

/// The work that an app has under way, and the tokens that end it.
pub(crate) struct RunState {
    crossings: AtomicU64,
    calls_in_place: AtomicU64,
    /// `None` while the app does not serve, or its event loop has no thread to spare.
    spare_threads: Mutex<Option<Arc<SpareThreads>>>,
    /// The timelines of the last requests, the latest last.
    traces: Mutex<Traces>,
    /// The faults that the lint has found, each once.
    lints: Mutex<Lints>,
    /// Cancelled when shutdown begins; replaced when the app serves again.
    stopping: Mutex<CancellationToken>,
    /// Teardown, and requests and conversations that may go on without a waiting client.
    teardowns: TaskTracker,
    background: TaskTracker,
    /// Cancelled to end the background tasks; replaced for the next serving.
    background_stop: Mutex<CancellationToken>,
}

/// Timelines, each with its number.
#[derive(Default)]
struct Traces {
    count: u64,
    kept: VecDeque<(u64, Trace)>,
}

impl RunState {
    pub(crate) fn new() -> Self {
        let (crossings, calls_in_place, spare_threads, traces, lints) = Default::default();
        let (background_stop, stopping) = Default::default();
        let [teardowns, background] = [TaskTracker::new(), TaskTracker::new()];
        // Closed, because waiting only ends on a closed tracker. A closed tracker still accepts tasks.
        teardowns.close();
        background.close();
        Self {
            crossings,
            calls_in_place,
            spare_threads,
            traces,
            lints,
            stopping,
            teardowns,
            background,
            background_stop,
        }
    }

    /// The number of crossings from the event loop to sync code so far.
    pub(super) fn crossings(&self) -> u64 {
        self.crossings.load(Ordering::Relaxed)
    }

    pub(super) fn count_crossing(&self) {
        self.crossings.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of times that sync code ran in place so far.
    pub(super) fn calls_in_place(&self) -> u64 {
        self.calls_in_place.load(Ordering::Relaxed)
    }

    pub(super) fn count_in_place(&self) {
        self.calls_in_place.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps the timeline of a request as one of the last `most`.
    pub(crate) fn keep_trace(&self, trace: Trace, most: usize) {
        let traces = &mut *self.traces.lock();
        traces.count += 1;
        traces.kept.push_back((traces.count, trace));
        let too_many = traces.kept.len().saturating_sub(most);
        traces.kept.drain(..too_many);
    }

    /// The timelines that are kept, with their numbers.
    pub(crate) fn traces(&self) -> Vec<(u64, Trace)> {
        self.traces.lock().kept.iter().cloned().collect()
    }

    /// Keeps what the lint has found, and says in the log what is new.
    pub(crate) fn report_lints(&self, recorder: &Recorder, of_response: Vec<Fault>) {
        let found = recorder.lints(of_response);
        let new = self.lints.lock().add(recorder, found);
        for lint in &new {
            tracing::warn!("lint: {lint}");
        }
    }

    pub(super) fn lints(&self) -> Vec<Lint> {
        self.lints.lock().all()
    }

    pub(super) fn spare_threads(&self) -> Option<Arc<SpareThreads>> {
        self.spare_threads.lock().clone()
    }

    /// Lets sync code run on the threads that the current event loop has to spare.
    pub(crate) fn find_spare_threads(&self) {
        *self.spare_threads.lock() = SpareThreads::here();
    }

    /// Lets no more sync code run in place, because the app no longer serves.
    pub(crate) fn forget_spare_threads(&self) {
        *self.spare_threads.lock() = None;
    }

    /// Returns the token that is cancelled when shutdown begins.
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

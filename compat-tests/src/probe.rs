//! What a subject notes while it runs, for the laws to look at.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

thread_local! {
    static ON_THE_LOOP: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is an event loop's for as long as it lives.
pub(crate) fn mark_loop_thread() {
    ON_THE_LOOP.set(true);
}

/// Shared by a stage and the views and hooks on it.
#[derive(Clone)]
pub(crate) struct Probe {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

struct Shared {
    notes: Mutex<Vec<String>>,
    runs: AtomicUsize,
    dropped: AtomicUsize,
    /// Counts every note, so that a law can wait for one.
    changes: watch::Sender<usize>,
    /// What a view that is held waits for.
    gate: Semaphore,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            notes: Mutex::default(),
            runs: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            changes: watch::Sender::new(0),
            gate: Semaphore::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Notes something.
    pub(crate) fn note(&self, note: impl Into<String>) {
        self.shared.notes.lock().push(note.into());
        self.shared.changes.send_modify(|changes| *changes += 1);
    }

    /// Notes a run of the view, and on which kind of thread.
    pub(crate) fn ran(&self) {
        self.shared.runs.fetch_add(1, Ordering::SeqCst);
        let on_loop = ON_THE_LOOP.get();
        self.note(if on_loop { "view on the loop" } else { "view on a worker" });
    }

    /// How often the view ran.
    pub(crate) fn runs(&self) -> usize {
        self.shared.runs.load(Ordering::SeqCst)
    }

    /// The names the view was called with, in order.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.shared.notes.lock().iter().filter_map(|note| note.strip_prefix("argument ").map(str::to_owned)).collect()
    }

    /// Those of these notes that were noted, in the order of their first time.
    pub(crate) fn first_of<'n>(&self, wanted: [&'n str; 3]) -> Vec<&'n str> {
        let notes = self.shared.notes.lock();
        let place = |wanted: &str| notes.iter().position(|note| note == wanted);
        let mut found: Vec<_> = wanted.into_iter().filter(|wanted| place(wanted).is_some()).collect();
        found.sort_by_key(|wanted| place(wanted));
        found
    }

    /// How often `note` was noted.
    pub(crate) fn count(&self, note: &str) -> usize {
        self.shared.notes.lock().iter().filter(|known| *known == note).count()
    }

    /// Waits until `note` has been noted `times` times.
    pub(crate) async fn wait_for(&self, note: &str, times: usize) {
        let mut changes = self.shared.changes.subscribe();
        // The sender lives in `self`, so there is always another change to wait for.
        let _ = changes.wait_for(|_| self.count(note) >= times).await;
    }

    /// Holds an async view until [`open`](Self::open).
    pub(crate) async fn hold(&self) {
        if let Ok(permit) = self.shared.gate.acquire().await {
            permit.forget();
        }
    }

    /// Lets `views` held ones go on.
    pub(crate) fn open(&self, views: usize) {
        self.shared.gate.add_permits(views);
    }

    /// A value whose drop is counted, to see a view being dropped.
    pub(crate) fn drop_counter(&self) -> DropCounter {
        DropCounter(self.clone())
    }

    /// What an iterator keeps, to see where that is dropped.
    pub(crate) fn source(&self) -> Source {
        Source(self.clone())
    }

    pub(crate) fn drops(&self) -> usize {
        self.shared.dropped.load(Ordering::SeqCst)
    }
}

pub(crate) struct DropCounter(Probe);

impl Drop for DropCounter {
    fn drop(&mut self) {
        self.0.shared.dropped.fetch_add(1, Ordering::SeqCst);
        self.0.note("dropped");
    }
}

/// Notes where it is dropped.
pub(crate) struct Source(Probe);

impl Drop for Source {
    fn drop(&mut self) {
        if ON_THE_LOOP.get() {
            self.0.note("source dropped on the loop");
        }
        self.0.note("source dropped");
    }
}

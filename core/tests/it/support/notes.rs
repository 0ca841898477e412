//! A list of notes, in order, that a test can wait on.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::DEADLINE;
use super::waiting::in_time;

/// A list of notes that a test can wait on.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    shared: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Notes {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.shared.0.lock().push(what.into());
        self.shared.1.notify_all();
    }

    /// Returns all notes so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.shared.0.lock().clone()
    }

    /// Blocks until there are `count` notes, and returns them.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<String> {
        let mut notes = self.shared.0.lock();
        while notes.len() < count {
            let timed_out = self.shared.1.wait_for(&mut notes, DEADLINE).timed_out();
            assert!(!timed_out, "waited {DEADLINE:?} for {count} notes; there are {:?}", *notes);
        }
        notes.clone()
    }

    /// Waits until there are `count` notes, on an event loop.
    pub(crate) async fn reached(&self, count: usize) {
        in_time(async {
            while self.all().len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Returns a guard that notes `what` when it is dropped.
    pub(crate) fn on_drop(&self, what: &'static str) -> NoteOnDrop {
        NoteOnDrop(self.clone(), what)
    }
}

pub(crate) struct NoteOnDrop(Notes, &'static str);

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

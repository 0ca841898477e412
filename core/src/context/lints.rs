//! The faults that the lint has found so far in an app.

use crate::execution::{Fault, Lint, Recorder};

/// The faults that the lint has found, each once.
#[derive(Default)]
pub(super) struct Lints {
    known: Vec<Lint>,
    /// The functions that held the event loop in their last request. A busy machine delays any code now and then, so only
    /// the second time in a row is a fault.
    suspects: Vec<String>,
}

impl Lints {
    /// Adds what was found in a request, and returns what is new.
    pub(super) fn add(&mut self, recorder: &Recorder, mut found: Vec<Lint>) -> Vec<Lint> {
        let blocks = |lint: &Lint| matches!(lint.fault, Fault::BlockedTheLoop(_));
        let blocking: Vec<_> = found.iter().filter(|lint| blocks(lint)).map(|lint| lint.name.clone()).collect();
        found.retain(|lint| !blocks(lint) || self.suspects.contains(&lint.name));
        found.retain(|lint| !self.known.iter().any(|known| known.is_same(lint)));
        self.suspects.retain(|name| !recorder.has_run(name));
        self.suspects.extend(blocking);
        self.known.extend(found.iter().cloned());
        found
    }

    pub(super) fn all(&self) -> Vec<Lint> {
        self.known.clone()
    }
}

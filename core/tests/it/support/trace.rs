//! A record of the hooks that ran, in order.

use std::sync::Arc;

use parking_lot::Mutex;

/// The steps that hooks and views record, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn add(&self, step: impl Into<String>) {
        self.0.lock().push(step.into());
    }

    pub(crate) fn take(&self) -> String {
        self.0.lock().drain(..).collect::<Vec<_>>().join(" ")
    }
}

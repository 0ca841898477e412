//! What a limiter knows of a request so far.

use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::limit::{Limit, RequestLimit};

/// The limits that have counted a request, and those that wait until the innermost decorator counts all at once. A handle.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    counted: Vec<RequestLimit>,
    waiting: Limits,
}

/// Some limits; up to two need no allocation.
pub(crate) type Limits = SmallVec<[Arc<Limit>; 2]>;

impl Ledger {
    /// Returns the ledger with these limits waiting on it.
    pub(crate) fn with(self, limits: impl IntoIterator<Item = Arc<Limit>>) -> Self {
        self.0.lock().waiting.extend(limits);
        self
    }

    pub(crate) fn take_waiting(&self) -> Limits {
        mem::take(&mut self.0.lock().waiting)
    }

    /// Whether the counter of this name has counted the request.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.lock().counted.iter().any(|known| known.key == name)
    }

    /// Notes how limits stand, in place of what was noted of their counters.
    pub(crate) fn note(&self, limits: Vec<RequestLimit>) {
        let counted = &mut self.0.lock().counted;
        let mut before = mem::replace(counted, limits);
        before.retain(|known| counted.iter().all(|limit| known.key != limit.key));
        counted.splice(..0, before);
    }

    /// The limits that have counted the request, the one to show first: the last that refused, else the first of this endpoint
    /// alone.
    pub(crate) fn counted(&self) -> Vec<RequestLimit> {
        let mut all = self.0.lock().counted.clone();
        let refused = all.iter().rposition(|limit| limit.breached);
        let shown = refused.or_else(|| all.iter().position(|limit| !limit.shared)).unwrap_or(0);
        if let Some(until_shown) = all.get_mut(..=shown) {
            until_shown.rotate_right(1);
        }
        all
    }
}

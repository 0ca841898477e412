//! What a limiter knows of a request so far, kept on `g`.

use std::sync::Arc;

use costrel::{Instance, g};
use parking_lot::Mutex;

use crate::limit::Limit;
use crate::request_limit::RequestLimit;

/// The limits that have counted a request, and those that wait until the innermost decorator counts all at once. A handle.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    counted: Vec<RequestLimit>,
    waiting: Vec<Arc<Limit>>,
}

impl Ledger {
    /// The ledger of one limiter for the request of this context.
    pub(crate) fn of(limiter: Instance) -> Self {
        let name = format!("_limiter {limiter:?}");
        g().get(&name).unwrap_or_else(|| {
            let ledger = Self::default();
            g().set(name, ledger.clone());
            ledger
        })
    }

    pub(crate) fn let_wait(&self, limits: impl IntoIterator<Item = Arc<Limit>>) {
        self.0.lock().waiting.extend(limits);
    }

    pub(crate) fn take_waiting(&self) -> Vec<Arc<Limit>> {
        std::mem::take(&mut self.0.lock().waiting)
    }

    /// Whether the counter of this name has counted the request.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.lock().counted.iter().any(|known| known.key == name)
    }

    /// Notes how limits stand, in place of what was noted of their counters.
    pub(crate) fn note<'l>(&self, limits: impl IntoIterator<Item = &'l RequestLimit>) {
        let counted = &mut self.0.lock().counted;
        for limit in limits {
            counted.retain(|known| known.key != limit.key);
            counted.push(limit.clone());
        }
    }

    /// The limit to show, and all that have counted the request. It is the last that refused, else the first of this endpoint
    /// alone, else the first.
    pub(crate) fn shown(&self) -> (Option<RequestLimit>, Vec<RequestLimit>) {
        let all = self.0.lock().counted.clone();
        let refused = all.iter().rev().find(|limit| limit.breached);
        let own = || all.iter().find(|limit| !limit.shared);
        (refused.or_else(own).or(all.first()).cloned(), all)
    }
}

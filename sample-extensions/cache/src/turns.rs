//! The turns of requests that wait for the same missing entry: one runs the view, the others wait for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::shared::Lease;

/// The gates of the entries that are being filled in.
#[derive(Default)]
pub(crate) struct Turns {
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

/// The gate of one entry, which one request passes at a time.
#[derive(Default)]
struct Gate {
    lock: Arc<AsyncMutex<()>>,
    /// Whether the entry was deleted since the turn began.
    is_outdated: AtomicBool,
}

/// The turn of one request. When it is dropped, the next request that waits gets it.
pub(crate) struct Turn {
    /// The turn among the processes that share a store, if there is one.
    pub(crate) lease: Option<Lease>,
    gate: Arc<Gate>,
    _guard: OwnedMutexGuard<()>,
    /// Dropped after the gate, so that the place is the last to know it.
    _place: Place,
}

impl Turns {
    /// Waits for the turn to fill in the entry of `key`.
    pub(crate) async fn take(self: &Arc<Self>, key: &str) -> Turn {
        let (gate, place) = self.place(key);
        let guard = gate.lock.clone().lock_owned().await;
        Turn::begin(gate, guard, place)
    }

    /// Takes the turn, unless another request has it.
    pub(crate) fn try_take(self: &Arc<Self>, key: &str) -> Option<Turn> {
        let (gate, place) = self.place(key);
        let guard = gate.lock.clone().try_lock_owned().ok()?;
        Some(Turn::begin(gate, guard, place))
    }

    /// Notes that the entries of some keys are deleted: what is being made for them is old.
    pub(crate) fn outdate(&self, is_deleted: impl Fn(&str) -> bool) {
        let gates = self.gates.lock();
        let deleted = gates.iter().filter(|(key, _)| is_deleted(key));
        deleted.for_each(|(_, gate)| gate.is_outdated.store(true, Ordering::SeqCst));
    }

    fn place(self: &Arc<Self>, key: &str) -> (Arc<Gate>, Place) {
        let gate = self.gates.lock().entry(key.to_owned()).or_default().clone();
        let place = Place { turns: self.clone(), key: key.to_owned(), gate: Some(gate.clone()) };
        (gate, place)
    }
}

impl Turn {
    fn begin(gate: Arc<Gate>, guard: OwnedMutexGuard<()>, place: Place) -> Self {
        gate.is_outdated.store(false, Ordering::SeqCst);
        Self { lease: None, gate, _guard: guard, _place: place }
    }

    /// Whether the entry was deleted here since the turn began.
    pub(crate) fn is_outdated_here(&self) -> bool {
        self.gate.is_outdated.load(Ordering::SeqCst)
    }

    /// Whether the entry was deleted since the turn began, here or by another process.
    pub(crate) async fn is_outdated(&self) -> bool {
        if self.is_outdated_here() {
            return true;
        }
        match &self.lease {
            Some(lease) => lease.is_outdated().await,
            None => false,
        }
    }
}

/// A place at a gate, of the request that holds the turn or of one that waits.
struct Place {
    turns: Arc<Turns>,
    key: String,
    /// `None` when the place is being dropped.
    gate: Option<Arc<Gate>>,
}

/// The last to leave removes the gate.
impl Drop for Place {
    fn drop(&mut self) {
        let mut gates = self.turns.gates.lock();
        self.gate = None;
        if gates.get(&self.key).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.key);
        }
    }
}

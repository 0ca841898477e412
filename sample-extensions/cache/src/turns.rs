//! The turns of requests that wait for the same missing entry: one runs the view, the others wait for it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use crate::shared::Lease;

/// The gates of the entries that are being filled in.
#[derive(Default)]
pub(crate) struct Turns {
    gates: Mutex<HashMap<String, Arc<Gate<()>>>>,
}

/// The turn of one request. When it is dropped, the next request that waits gets it.
pub(crate) struct Turn {
    /// The turn among the processes that share a store, if there is one.
    pub(crate) lease: Option<Lease>,
    /// Dropped before the place, so that the place is the last to know the gate.
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turns {
    /// Waits for the turn to fill in the entry of `key`.
    pub(crate) async fn take(self: &Arc<Self>, key: &str) -> Turn {
        let (gate, place) = self.place(key);
        Turn { lease: None, _guard: gate.lock_owned().await, _place: place }
    }

    /// Takes the turn, unless another request has it.
    pub(crate) fn try_take(self: &Arc<Self>, key: &str) -> Option<Turn> {
        let (gate, place) = self.place(key);
        Some(Turn { lease: None, _guard: gate.try_lock_owned().ok()?, _place: place })
    }

    fn place(self: &Arc<Self>, key: &str) -> (Arc<Gate<()>>, Place) {
        let gate = self.gates.lock().entry(key.to_owned()).or_default().clone();
        let place = Place { turns: self.clone(), key: key.to_owned(), gate: Some(gate.clone()) };
        (gate, place)
    }
}

/// A place at a gate, of the request that holds the turn or of one that waits.
struct Place {
    turns: Arc<Turns>,
    key: String,
    /// `None` when the place is being dropped.
    gate: Option<Arc<Gate<()>>>,
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

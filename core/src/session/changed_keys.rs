//! The keys that a request has changed in its session.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The keys that were set or removed, and whether all were removed, since the session was saved.
#[derive(Default)]
pub(super) struct ChangedKeys {
    /// Each with the number of its last change.
    keys: BTreeMap<String, u64>,
    /// The number of the last change that removed all.
    cleared: Option<u64>,
}

impl ChangedKeys {
    /// Notes the change with this number: of `key`, or with `None` that all keys were removed.
    pub(super) fn note(&mut self, key: Option<&str>, change: u64) {
        let Some(key) = key else {
            self.cleared = Some(change);
            return;
        };
        match self.keys.get_mut(key) {
            Some(last) => *last = change,
            None => drop(self.keys.insert(key.to_owned(), change)),
        }
    }

    /// Forgets the changes up to this number, which were saved.
    pub(super) fn forget(&mut self, up_to: u64) {
        self.keys.retain(|_, change| *change > up_to);
        self.cleared = self.cleared.filter(|change| *change > up_to);
    }

    pub(super) fn are_cleared(&self) -> bool {
        self.cleared.is_some()
    }

    /// Returns `other` with the changes that made `own` what it is.
    pub(super) fn merge(&self, mut own: Map<String, Value>, mut other: Map<String, Value>) -> Map<String, Value> {
        if self.are_cleared() {
            return own;
        }
        for key in self.keys.keys() {
            match own.remove(key) {
                Some(value) => drop(other.insert(key.clone(), value)),
                None => drop(other.remove(key)),
            }
        }
        other
    }
}

//! The keys that a request has changed in its session.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The keys that were set or removed, and whether all were removed.
#[derive(Default)]
pub(super) struct ChangedKeys {
    keys: BTreeSet<String>,
    cleared: bool,
}

impl ChangedKeys {
    /// Notes a change of `key`, or with `None` that all keys were removed.
    pub(super) fn note(&mut self, key: Option<&str>) {
        match key {
            Some(key) if self.keys.contains(key) => {}
            Some(key) => drop(self.keys.insert(key.to_owned())),
            None => self.cleared = true,
        }
    }

    /// Returns `other` with the changes that made `own` what it is.
    pub(super) fn merge(&self, mut own: Map<String, Value>, mut other: Map<String, Value>) -> Map<String, Value> {
        if self.cleared {
            return own;
        }
        for key in &self.keys {
            match own.remove(key) {
                Some(value) => drop(other.insert(key.clone(), value)),
                None => drop(other.remove(key)),
            }
        }
        other
    }
}

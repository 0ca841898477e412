//! Typed notes on a view, for hooks and decorators to find at a request.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Notes, one per type. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Markers {
    notes: Option<Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>,
}

impl Markers {
    /// Adds a note; it replaces one of the same type.
    pub(crate) fn add<T: Send + Sync + 'static>(&mut self, note: T) {
        let notes = Arc::make_mut(self.notes.get_or_insert_default());
        notes.insert(TypeId::of::<T>(), Arc::new(note));
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.notes.as_ref()?.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

impl fmt::Debug for Markers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Markers({})", self.notes.as_ref().map_or(0, |notes| notes.len()))
    }
}

//! A map with one value per type: markers on a view, states of extensions.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A map that holds one value of each type. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct TypeMap {
    /// `None` while the map is empty, as it is for most views.
    values: Option<Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>,
}

impl TypeMap {
    /// Adds a value; it replaces one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let values = Arc::make_mut(self.values.get_or_insert_default());
        values.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.as_ref()?.get(&TypeId::of::<T>())?.downcast_ref()
    }

    pub(crate) fn get_arc<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.values.as_ref()?.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    pub(crate) fn contains(&self, of: TypeId) -> bool {
        self.values.as_ref().is_some_and(|values| values.contains_key(&of))
    }
}

impl fmt::Debug for TypeMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeMap({})", self.values.as_ref().map_or(0, |values| values.len()))
    }
}

/// The name of a type as users know it: its crate and its name, without the modules between.
pub(crate) fn type_label<T: ?Sized>() -> String {
    let path = type_name::<T>();
    let plain = path.split('<').next().unwrap_or(path);
    match (plain.split_once("::"), plain.rsplit_once("::")) {
        (Some((crate_name, _)), Some((_, name))) => format!("{crate_name}::{name}"),
        _ => path.to_owned(),
    }
}

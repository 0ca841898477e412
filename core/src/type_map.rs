//! Maps with one value per type: markers on a view, states of extensions.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl fmt::Debug for TypeMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeMap({})", self.values.as_ref().map_or(0, |values| values.len()))
    }
}

/// The states of an app's extensions: one of each type, and one of each type for each [`Instance`].
#[derive(Default)]
pub(crate) struct ExtensionMap {
    states: HashMap<(TypeId, Option<Instance>), Arc<dyn Any + Send + Sync>>,
}

impl ExtensionMap {
    /// Adds a state. Returns whether it is the first of its type and instance; another one is not added.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, instance: Option<Instance>, state: T) -> bool {
        match self.states.entry((TypeId::of::<T>(), instance)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(Arc::new(state));
                true
            }
        }
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self, instance: Option<Instance>) -> Option<Arc<T>> {
        self.states.get(&(TypeId::of::<T>(), instance))?.clone().downcast().ok()
    }

    pub(crate) fn has(&self, need: &RequiredExtension) -> bool {
        self.states.contains_key(&(need.state, need.instance))
    }
}

/// An extension that a decorator on a view needs.
#[derive(Clone, Debug)]
pub(crate) struct RequiredExtension {
    pub(crate) state: TypeId,
    pub(crate) instance: Option<Instance>,
    /// The name of the state's type, for messages.
    pub(crate) label: String,
}

/// The identity of one extension, for extensions of which an app may have several, such as two limiters: each keeps a
/// state of its own with [`App::set_extension_of`](crate::App::set_extension_of). Clones are the same instance.
///
/// ```
/// use costrel::{App, Error, Extension, Instance, current_app};
///
/// #[derive(Clone)]
/// struct Greeter { instance: Instance, greeting: &'static str }
///
/// impl Extension for &Greeter {
///     fn init_app(self, app: &mut App) -> Result<(), Error> {
///         app.set_extension_of(self.instance, self.greeting);
///         Ok(())
///     }
/// }
///
/// let english = Greeter { instance: Instance::new(), greeting: "hello" };
/// let french = Greeter { instance: Instance::new(), greeting: "bonjour" };
/// let mut app = App::new("docs");
/// app.init(&english)?;
/// app.init(&french)?;
/// app.route("/", move || current_app().extension_of::<&str>(french.instance).map(|greeting| greeting.to_string()));
/// assert_eq!(app.test_client().get("/").wait()?.text(), "bonjour");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance(u64);

impl Instance {
    /// Makes an identity that no other extension of this process has.
    #[allow(clippy::new_without_default, reason = "a default would hide that each call makes another identity")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
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

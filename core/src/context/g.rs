//! `g`: named values for the length of one context.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::drop_logging_panics;

/// Named values that live as long as the request, or the app context. A handle: clones share one namespace.
///
/// ```
/// use costrel::{App, g};
///
/// let mut app = App::new("docs");
/// app.before_request(|| g().set("user", String::from("ada")));
/// app.route("/", || g().get::<String>("user").unwrap_or_default());
/// assert_eq!(app.test_client().get("/").wait()?.text(), "ada");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Contexts: request, session, g, app](../costrel_book/context/index.html).
#[derive(Clone, Default)]
pub struct G {
    values: Arc<Values>,
}

#[derive(Default)]
struct Values {
    named: Mutex<Vec<Named>>,
    reads: AtomicU64,
}

type Named = (Cow<'static, str>, Box<dyn Any + Send>);

impl G {
    /// Sets `name` to `value`, of any type that can be cloned; wrap a value that cannot in an `Arc`.
    pub fn set<T: Clone + Send + 'static>(&self, name: impl Into<Cow<'static, str>>, value: T) {
        let name = name.into();
        let mut values = self.values.named.lock();
        let old = values.iter().position(|(known, _)| *known == name).map(|at| values.swap_remove(at));
        values.push((name, Box::new(value)));
        // Dropped after the lock is released, because its destructor may use this `g`.
        drop(values);
        drop(old);
    }

    /// Returns the value of `name`, which is set to `value` if there is none or it is not a `T`: Flask's `setdefault`.
    /// Code that runs at the same time gets the same value.
    ///
    /// ```
    /// use costrel::{App, g};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || format!("{} {}", g().set_default("n", 1), g().set_default("n", 2)));
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "1 1");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn set_default<T: Clone + Send + 'static>(&self, name: impl Into<Cow<'static, str>>, value: T) -> T {
        let name = name.into();
        self.count_read();
        let mut values = self.values.named.lock();
        let known = values.iter().position(|(known, _)| *known == name);
        if let Some(kept) = known.and_then(|at| values[at].1.downcast_ref::<T>()) {
            return kept.clone();
        }
        let old = known.map(|at| values.swap_remove(at));
        values.push((name, Box::new(value.clone())));
        drop(values);
        drop(old);
        value
    }

    /// Returns the value of `name`; `None` if there is none or it is not a `T`.
    pub fn get<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        self.count_read();
        let values = self.values.named.lock();
        let value = &values.iter().find(|(known, _)| known == name)?.1;
        // A value set as a literal can also be read as a `String`, because both are text to the caller.
        value.downcast_ref::<T>().cloned().or_else(|| {
            let literal: Box<dyn Any> = Box::new((*value.downcast_ref::<&'static str>()?).to_owned());
            literal.downcast::<T>().ok().map(|text| *text)
        })
    }

    /// Removes and returns the value of `name`; `None`, with nothing removed, if there is none or it is not a `T`.
    pub fn pop<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let value = self.get(name)?;
        let mut values = self.values.named.lock();
        let old = values.iter().position(|(known, _)| known == name).map(|at| values.swap_remove(at));
        drop(values);
        drop(old);
        Some(value)
    }

    /// Whether `name` has a value.
    pub fn contains(&self, name: &str) -> bool {
        self.count_read();
        self.values.named.lock().iter().any(|(known, _)| known == name)
    }

    /// The number of reads so far: a cache compares two readings to learn whether a view's response may depend on what a
    /// hook has put here.
    pub fn reads(&self) -> u64 {
        self.values.reads.load(Ordering::Relaxed)
    }

    fn count_read(&self) {
        self.values.reads.fetch_add(1, Ordering::Relaxed);
    }
}

/// Each value is dropped by itself, because the response exists already when `g` ends, and must not be lost.
impl Drop for Values {
    fn drop(&mut self) {
        for value in std::mem::take(self.named.get_mut()) {
            drop_logging_panics(value);
        }
    }
}

impl fmt::Debug for G {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.named.lock().iter().map(|(name, _)| name)).finish()
    }
}

//! A store whose limits are others than those that it is asked for.

use std::fmt;

use crate::counters::{Charge, Counters, Counts, Hit};
use crate::outcome::Outcome;

/// Counters that change each hit before they count it: what stands in for a store that several machines share can so admit a
/// part of the limit on each.
///
/// ```
/// use costrel_stores::{Hit, MemoryCounters, WithLimits};
///
/// // Four machines, each of which counts alone, admit together what one store would.
/// let quarter = WithLimits::new(MemoryCounters::new(), |hit| Hit { amount: hit.amount.div_ceil(4), ..hit });
/// ```
pub struct WithLimits<S, F> {
    store: S,
    change: F,
}

impl<S, F> WithLimits<S, F>
where
    F: for<'h> Fn(Hit<'h>) -> Hit<'h> + Send + Sync + 'static,
{
    /// Counts in `store` what `change` makes of each hit.
    pub fn new(store: S, change: F) -> Self {
        Self { store, change }
    }
}

impl<S, F> Counters for WithLimits<S, F>
where
    S: Counters,
    F: for<'h> Fn(Hit<'h>) -> Hit<'h> + Send + Sync + 'static,
{
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        Outcome::new(async move {
            let hits: Vec<_> = hits.iter().map(|hit| (self.change)(*hit)).collect();
            self.store.count(&hits, charge).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.store.delete(key)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(prefix)
    }
}

impl<S: fmt::Debug, F> fmt::Debug for WithLimits<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithLimits").field("store", &self.store).finish_non_exhaustive()
    }
}

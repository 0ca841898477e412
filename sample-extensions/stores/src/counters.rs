//! The trait of stores that count, for limits.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, ErrorKind};
use smallvec::SmallVec;

use crate::outcome::Outcome;

/// A store that counts hits, each against a limit: what a rate limiter needs.
///
/// One call serves a request however many limits it has, so that a store on a network is asked once. A store decides and
/// counts in one step: of any number of calls at a time, no more are allowed than the limits admit.
///
/// ```
/// use std::time::Duration;
/// use costrel_stores::{Charge, Counters, Hit, MemoryCounters};
///
/// let store = MemoryCounters::new();
/// let hit = Hit::new("search/10.0.0.1", 2, Duration::from_secs(60));
/// let allowed = || Ok::<_, costrel::Error>(store.count(&[hit], Charge::AllOrNone).wait()?[0].allowed);
/// assert_eq!([allowed()?, allowed()?, allowed()?], [true, true, false]);
/// # Ok::<(), costrel::Error>(())
/// ```
pub trait Counters: fmt::Debug + Send + Sync + 'static {
    /// Counts `hits`, one for each limit of a request, each with a key of its own, as `charge` says. The result has one
    /// element for each hit that was tried, in their order: for all of them, unless `charge` is [`Charge::InOrder`].
    ///
    /// # Errors
    /// Those of the store, such as a connection that failed. What was counted by then is not known.
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts>;

    /// Forgets what was counted for `key`.
    ///
    /// # Errors
    /// Those of the store.
    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()>;

    /// Forgets what was counted for every key that begins with `prefix`, and for no other.
    ///
    /// # Errors
    /// Those of the store.
    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()>;
}

/// The results of a call, one for each hit that was tried. Two of them need no allocation.
pub type Counts = SmallVec<[Counted; 2]>;

/// One hit against one limit: at most `amount` per `window` for `key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// What is counted together. It names the limit too, because one key has one limit.
    pub key: &'a str,
    /// The most that the limit admits in a window.
    pub amount: u64,
    /// The length of the window. A store on Redis counts it in milliseconds.
    pub window: Duration,
    /// How hits that are in the past count. Default: [`Strategy::FixedWindow`].
    pub strategy: Strategy,
    /// How much this hit takes of the amount. Default: 1.
    pub cost: u64,
}

impl<'a> Hit<'a> {
    /// A hit that costs 1, in fixed windows.
    pub fn new(key: &'a str, amount: u64, window: Duration) -> Self {
        Self { key, amount, window, strategy: Strategy::default(), cost: 1 }
    }

    /// Returns this hit with another strategy.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// Returns this hit with another cost.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }

    /// Returns this hit with another key, which may live longer.
    #[must_use]
    pub fn with_key<'b>(&self, key: &'b str) -> Hit<'b> {
        let Self { amount, window, strategy, cost, .. } = *self;
        Hit { key, amount, window, strategy, cost }
    }
}

/// How hits that are in the past count, as in the Python package `limits` 5.8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// One counter, which begins with the first hit and ends a window later.
    #[default]
    FixedWindow,
    /// Each hit counts for one window. Exact, and keeps a time for each hit.
    MovingWindow,
    /// Two counters: the window before this one counts by the share of it that a window ending now would cover.
    SlidingWindow,
}

/// The names of the strategies in the package `limits`.
const NAMES: [(&str, Strategy); 3] = [
    ("fixed-window", Strategy::FixedWindow),
    ("moving-window", Strategy::MovingWindow),
    ("sliding-window-counter", Strategy::SlidingWindow),
];

/// Writes the name of the strategy in the package `limits`.
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.into_iter().find(|(_, known)| known == self).map_or("", |(name, _)| name))
    }
}

/// Reads the name of a strategy in the package `limits`.
///
/// ```
/// use costrel_stores::Strategy;
///
/// assert_eq!("moving-window".parse::<Strategy>()?, Strategy::MovingWindow);
/// # Ok::<(), costrel::Error>(())
/// ```
impl FromStr for Strategy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, strategy)| strategy).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join("\", \"");
            Error::new(ErrorKind::Setup, format!("{name:?} is no strategy: write one of \"{names}\""))
        })
    }
}

/// Which hits of a call are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Charge {
    /// All hits, or none if one of the limits refuses.
    #[default]
    AllOrNone,
    /// One after the other until a limit refuses, as in Flask-Limiter: those before it stay counted, those after it are not
    /// tried, and a fixed window counts the refused hit too.
    InOrder,
    /// One after the other to the end, whatever is refused: Flask-Limiter's `fail_on_first_breach=False`.
    Each,
    /// None: the call tells what would be allowed, and what remains.
    None,
}

/// The state of one limit after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether the limit admits the hit. With [`Charge::AllOrNone`], other limits may refuse what this one admits.
    pub allowed: bool,
    /// What the limit still admits now.
    pub remaining: u64,
    /// The time until the limit admits more than now: in a fixed window its whole amount. Zero if nothing is counted, but a
    /// whole window in a moving one, as in `limits`.
    pub resets_in: Duration,
    /// The time until a hit like this one is admitted, if there are no others. Zero if it was allowed.
    pub retry_in: Duration,
}

impl<S: Counters + ?Sized> Counters for Arc<S> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        (**self).count(hits, charge)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        (**self).delete(key)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        (**self).clear(prefix)
    }
}

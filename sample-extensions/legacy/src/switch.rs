//! The endpoints that went back to the old app.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::signals::Signal;
use costrel::{Error, RuleInfo};
use parking_lot::RwLock;

/// Sent when an endpoint went back to the old app, or came from it again.
pub static LEGACY_SWITCHED: Signal<Switched> = Signal::new("legacy-switched");

/// A change of the app that answers an endpoint, as the value of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Switched {
    /// The endpoint, or `blueprint.*`.
    pub endpoint: String,
    /// Whether the old app answers now.
    pub taken_back: bool,
}

/// The endpoints that the old app answers though Costrel has rules for them. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of names, so that a request takes no lock while there is none.
    count: AtomicUsize,
    names: RwLock<BTreeSet<String>>,
}

impl Switch {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Whether the old app answers `endpoint`.
    pub(crate) fn has(&self, endpoint: &str) -> bool {
        !self.is_empty() && self.0.names.read().iter().any(|name| is_meant(name, endpoint))
    }

    /// Lets the old app answer `name`, or Costrel again; returns whether that is a change.
    pub(crate) fn set(&self, name: &str, taken_back: bool) -> bool {
        let mut names = self.0.names.write();
        let changed = if taken_back { names.insert(name.to_owned()) } else { names.remove(name) };
        self.0.count.store(names.len(), Ordering::Release);
        changed
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.names.read().iter().cloned().collect()
    }
}

/// Whether `name`, an endpoint or `blueprint.*`, means `endpoint`.
fn is_meant(name: &str, endpoint: &str) -> bool {
    match name.strip_suffix('*') {
        Some(blueprint) => endpoint.starts_with(blueprint),
        None => name == endpoint,
    }
}

/// Checks that `name` means a rule.
///
/// # Errors
/// If it means none, or a WebSocket, whose connection belongs to Costrel before any hook runs.
pub(crate) fn check(name: &str, rules: &[RuleInfo]) -> Result<(), Error> {
    let mut meant = rules.iter().filter(|rule| is_meant(name, &rule.endpoint)).peekable();
    let wrong = if name == "*" || (name.ends_with('*') && !name.ends_with(".*")) {
        "a `*` stands for the endpoints of a blueprint, as in `blog.*`"
    } else if meant.peek().is_none() {
        "no rule has this endpoint; `routes` lists all of them"
    } else if meant.any(|rule| rule.is_websocket) {
        "it is a WebSocket, and those do not go back while the app runs: remove the rule"
    } else {
        return Ok(());
    };
    Err(Error::setup(format!("the old app cannot take back {name:?}: {wrong}")))
}

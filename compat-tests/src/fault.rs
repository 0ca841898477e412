//! What a law found wrong.

use std::fmt;

use costrel::Error;

/// A broken law: what was looked at, what it should have been, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was looked at.
    pub what: String,
    /// What it should have been.
    pub expected: String,
    /// What it was.
    pub seen: String,
}

impl Fault {
    /// A fault found by looking at `what`.
    pub fn new(what: impl Into<String>, expected: impl fmt::Debug, seen: impl fmt::Debug) -> Self {
        Self { what: what.into(), expected: format!("{expected:?}"), seen: format!("{seen:?}") }
    }

    pub(crate) fn sentence(what: impl Into<String>, expected: &str, seen: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), seen: seen.into() }
    }
}

/// Fails with a [`Fault`] unless `seen` is `expected`.
pub(crate) fn expect<T: fmt::Debug + PartialEq<U>, U: fmt::Debug>(
    what: &str,
    seen: T,
    expected: U,
) -> Result<(), Fault> {
    if seen == expected { Ok(()) } else { Err(Fault::new(what, expected, seen)) }
}

/// Of faults that are none of the decorator's.
const TRIAL: &str = "the trial itself";

impl Fault {
    /// What to do about it, where `mend` is what the law says.
    pub(crate) fn mend(&self, mend: &'static str) -> &'static str {
        if self.what == TRIAL {
            return "Say what the app needs with `Candidate::setup`, such as `.setup(|app| app.init(..))`.";
        }
        mend
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, saw {}", self.what, self.expected, self.seen)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::sentence(TRIAL, "to go through", format!("{error:?}"))
    }
}

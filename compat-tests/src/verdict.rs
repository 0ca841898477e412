//! How checking a law comes out.

use std::fmt;

use costrel::Error;

/// How one law came out on one subject and one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The law is kept.
    Passed,
    /// The law has no meaning here, and this is why.
    DoesNotApply(&'static str),
    /// The law is broken.
    Failed(Failure),
}

/// What a check returns: nothing if the law is kept, else the verdict that ends the check.
pub(crate) type Checked<T = ()> = Result<T, Verdict>;

impl<T: Into<Failure>> From<T> for Verdict {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

/// Ends a check that has no meaning here.
pub(crate) fn applies_if(applies: bool, otherwise: &'static str) -> Checked {
    if applies { Ok(()) } else { Err(Verdict::DoesNotApply(otherwise)) }
}

/// A broken law: what was looked at, what it should have been, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was looked at.
    pub what: String,
    /// What it should have been.
    pub expected: String,
    /// What it was.
    pub seen: String,
}

impl Failure {
    /// A failure found by looking at `what`.
    pub fn new(what: impl Into<String>, expected: impl fmt::Debug, seen: impl fmt::Debug) -> Self {
        Self { what: what.into(), expected: format!("{expected:?}"), seen: format!("{seen:?}") }
    }

    pub(crate) fn sentence(what: impl Into<String>, expected: &str, seen: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), seen: seen.into() }
    }
}

/// Fails with a [`Failure`] unless `seen` is `expected`.
pub(crate) fn expect<T: fmt::Debug + PartialEq<U>, U: fmt::Debug>(
    what: &str,
    seen: T,
    expected: U,
) -> Result<(), Failure> {
    if seen == expected { Ok(()) } else { Err(Failure::new(what, expected, seen)) }
}

/// Of failures that are none of the decorator's.
const TRIAL: &str = "the trial itself";

impl Failure {
    /// What to do about the failure, where `remedy` is what the law says.
    pub(crate) fn remedy(&self, remedy: &'static str) -> &'static str {
        if self.what == TRIAL {
            return "Say what the app needs with `Candidate::setup`, such as `.setup(|app| app.init(..))`.";
        }
        remedy
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, saw {}", self.what, self.expected, self.seen)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::sentence(TRIAL, "to go through", format!("{error:?}"))
    }
}

//! The verdict: the outcome of the check of a law.

use std::fmt;

use costrel::Error;

/// The outcome of one law on one subject and one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The candidate keeps the law.
    Passed,
    /// The law does not apply here, for this reason.
    DoesNotApply(&'static str),
    /// The candidate breaks the law.
    Failed(Failure),
}

/// The result of a check: `Ok` if the law is kept, else the verdict that ends the check.
pub(crate) type Checked<T = ()> = Result<T, Verdict>;

impl<T: Into<Failure>> From<T> for Verdict {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

/// Ends the check unless the law applies here.
pub(crate) fn applies_if(applies: bool, otherwise: &'static str) -> Checked {
    if applies { Ok(()) } else { Err(Verdict::DoesNotApply(otherwise)) }
}

/// A broken law: the value that was checked, what it should have been, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the value that was checked.
    pub what: String,
    /// The value that it should have been.
    pub expected: String,
    /// The value that it was.
    pub seen: String,
    /// The last requests that the check had sent, the first one first.
    pub sent: Vec<String>,
}

impl Failure {
    /// Makes a failure of the check of `what`.
    pub fn new(what: impl Into<String>, expected: impl fmt::Debug, seen: impl fmt::Debug) -> Self {
        Self::sentence(what, &format!("{expected:?}"), format!("{seen:?}"))
    }

    pub(crate) fn sentence(what: impl Into<String>, expected: &str, seen: impl Into<String>) -> Self {
        Self { what: what.into(), expected: shortened(expected), seen: shortened(&seen.into()), sent: Vec::new() }
    }
}

/// The numbers of characters that are kept of the beginning and the end of a long value, such as a whole body.
const KEPT: (usize, usize) = (300, 100);

fn shortened(value: &str) -> String {
    let length = value.chars().count();
    let (beginning, end) = KEPT;
    if length <= beginning + end {
        return value.to_owned();
    }
    let first: String = value.chars().take(beginning).collect();
    let last: String = value.chars().skip(length - end).collect();
    format!("{first} .. ({} characters) .. {last}", length - beginning - end)
}

/// Fails with a [`Failure`] unless `seen` is `expected`.
pub(crate) fn expect<T: fmt::Debug + PartialEq<U>, U: fmt::Debug>(
    what: &str,
    seen: T,
    expected: U,
) -> Result<(), Failure> {
    if seen == expected { Ok(()) } else { Err(Failure::new(what, expected, seen)) }
}

/// The `what` of failures that the decorator did not cause.
const TRIAL: &str = "the trial itself";

impl Failure {
    /// Returns the remedy for the failure; `remedy` is the one of the law.
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

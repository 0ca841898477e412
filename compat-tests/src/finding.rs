//! What checking a law comes to.

use crate::fault::Fault;

/// What checking a law comes to.
pub(crate) type Finding = Result<(), Objection>;

/// Why a law was not found kept.
#[derive(Debug)]
pub(crate) enum Objection {
    /// It has no meaning for this subject, host or candidate.
    DoesNotApply(&'static str),
    /// It is broken.
    Broken(Fault),
}

impl<T: Into<Fault>> From<T> for Objection {
    fn from(fault: T) -> Self {
        Self::Broken(fault.into())
    }
}

/// Ends a check that has no meaning here.
pub(crate) fn applies_if(applies: bool, otherwise: &'static str) -> Finding {
    if applies { Ok(()) } else { Err(Objection::DoesNotApply(otherwise)) }
}

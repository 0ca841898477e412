//! The report: the results of a candidate.

mod html;
mod route_report;

use std::fmt;

use crate::fixture::{Host, Subject};
use crate::laws::{self, Law};
use crate::verdict::{Failure, Verdict};

pub use html::{html, json};
pub use route_report::RouteReport;

/// The result of a cell of the matrix.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CellResult {
    /// The law.
    pub law: Law,
    /// The subject that the law was tried on.
    pub subject: Subject,
    /// The host that served the subject.
    pub host: Host,
    /// The verdict of the check.
    pub verdict: Verdict,
}

/// The results of a candidate, cell by cell; displayed as a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The candidate's name.
    pub candidate: String,
    /// Every cell, in the order of the laws.
    pub results: Vec<CellResult>,
}

/// The number of cells shown for a broken law, because most of them say the same.
const SHOWN: usize = 3;

impl Report {
    /// The failed cells, in the order of the laws.
    pub fn failures(&self) -> impl Iterator<Item = (&CellResult, &Failure)> {
        self.results.iter().filter_map(|result| match &result.verdict {
            Verdict::Failed(failure) => Some((result, failure)),
            Verdict::Passed | Verdict::DoesNotApply(_) => None,
        })
    }

    /// The number of cells that passed.
    pub(crate) fn passed(&self) -> usize {
        self.results.iter().filter(|result| matches!(result.verdict, Verdict::Passed)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.candidate)?;
        for law in laws::ALL {
            let results: Vec<_> = self.results.iter().filter(|result| result.law.name == law.name).collect();
            if results.is_empty() {
                continue;
            }
            let count = |wanted: fn(&Verdict) -> bool| results.iter().filter(|result| wanted(&result.verdict)).count();
            let passed = count(|verdict| matches!(verdict, Verdict::Passed));
            let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
            let elsewhere = results.len() - passed - failed;
            let law = law.name.replace('_', " ");
            if passed + failed > 0 {
                writeln!(f, "  {law:<52} {passed:>3} passed {failed:>3} failed {elsewhere:>3} do not apply")?;
            }
        }
        let passed = self.results.iter().filter(|result| result.verdict == Verdict::Passed).count();
        writeln!(f, "  in all: {passed} passed, {} failed, of {}", self.failures().count(), self.results.len())?;
        laws::ALL.iter().try_for_each(|law| self.explain(*law, f))
    }
}

impl Report {
    /// Writes where a broken law failed, and what to do about it.
    fn explain(&self, law: Law, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<_> = self.failures().filter(|(result, _)| result.law.name == law.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        writeln!(f, "  FAILED {}", law.name)?;
        for (result, failure) in failed.iter().take(SHOWN) {
            writeln!(f, "    on {}, {}: {failure}", result.subject.name(), result.host.name())?;
        }
        if failed.len() > SHOWN {
            writeln!(f, "    and on {} more", failed.len() - SHOWN)?;
        }
        let remedy = failed.first().map_or(law.remedy, |(_, failure)| failure.remedy(law.remedy));
        writeln!(f, "    why it matters: {}\n    what to do: {remedy}", law.why)
    }
}

//! The report on one law.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CellResult;
use crate::fixture::{Host, Subject};
use crate::laws::Law;
use crate::verdict::{Failure, Verdict};

/// A law with the cells that it was tried in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LawReport<'r> {
    /// The law.
    pub law: Law,
    /// The cells, by subject and host.
    pub cells: Vec<&'r CellResult>,
}

/// What became of a law with a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// The candidate keeps the law wherever it applies.
    Held,
    /// The candidate breaks the law in one cell or more.
    Broken,
    /// The law applies in none of the cells.
    DoesNotApply,
}

impl LawReport<'_> {
    /// Whether the candidate keeps the law, breaks it, or whether it does not apply.
    pub fn standing(&self) -> Standing {
        match () {
            () if self.failed() > 0 => Standing::Broken,
            () if self.passed() > 0 => Standing::Held,
            () => Standing::DoesNotApply,
        }
    }

    /// The number of cells that passed.
    pub fn passed(&self) -> usize {
        self.cells.iter().filter(|cell| cell.verdict == Verdict::Passed).count()
    }

    /// The number of cells that failed.
    pub fn failed(&self) -> usize {
        self.cells.iter().filter(|cell| cell.failure().is_some()).count()
    }

    /// The number of cells in which the law does not apply.
    pub fn elsewhere(&self) -> usize {
        self.cells.len() - self.passed() - self.failed()
    }

    /// The time that the checks of the law took, added up.
    pub fn took(&self) -> Duration {
        self.cells.iter().map(|cell| cell.took).sum()
    }
}

/// The failures of a law that say the same.
pub(super) struct Finding<'r> {
    pub(super) failure: &'r Failure,
    /// The cells that failed so.
    pub(super) cells: Vec<&'r CellResult>,
}

impl<'r> LawReport<'r> {
    /// The failures, those that say the same together, the most frequent first.
    pub(super) fn findings(&self) -> Vec<Finding<'r>> {
        let mut findings: Vec<Finding<'r>> = Vec::new();
        for cell in &self.cells {
            let Some(failure) = cell.failure() else { continue };
            match findings.iter_mut().find(|known| says_the_same(known.failure, failure)) {
                Some(known) => known.cells.push(cell),
                None => findings.push(Finding { failure, cells: vec![cell] }),
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.cells.len()));
        findings
    }

    /// The reasons for which the law does not apply, each with the number of its cells.
    pub(super) fn reasons(&self) -> BTreeMap<&'static str, usize> {
        let mut reasons = BTreeMap::new();
        for cell in &self.cells {
            if let Verdict::DoesNotApply(why) = cell.verdict {
                *reasons.entry(why).or_default() += 1;
            }
        }
        reasons
    }

    /// The subjects that fared alike on every host, together, each group with its verdicts by host.
    pub(super) fn rows(&self) -> Vec<(Vec<Subject>, Vec<Option<&'r Verdict>>)> {
        let mut rows: Vec<(Vec<Subject>, Vec<Option<&'r Verdict>>)> = Vec::new();
        for subject in Subject::ALL {
            let verdicts: Vec<_> = Host::ALL.map(|host| self.verdict(subject, host)).to_vec();
            let sign =
                |verdicts: &[Option<&Verdict>]| verdicts.iter().map(|verdict| mark(*verdict)).collect::<Vec<_>>();
            match rows.iter_mut().find(|(_, known)| sign(known) == sign(&verdicts)) {
                Some((subjects, _)) => subjects.push(subject),
                None if verdicts.iter().any(Option::is_some) => rows.push((vec![subject], verdicts)),
                None => {}
            }
        }
        rows
    }

    fn verdict(&self, subject: Subject, host: Host) -> Option<&'r Verdict> {
        let cell = self.cells.iter().find(|cell| cell.subject == subject && cell.host == host)?;
        Some(&cell.verdict)
    }
}

/// The name of a verdict in the reports; a cell that was not tried has none.
pub(super) fn mark(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::Failed(_)) => "failed",
        Some(Verdict::DoesNotApply(_)) => "does not apply",
        None => "",
    }
}

fn says_the_same(one: &Failure, other: &Failure) -> bool {
    (&one.what, &one.expected, &one.seen) == (&other.what, &other.expected, &other.seen)
}

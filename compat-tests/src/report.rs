//! The report: the results of a candidate.

mod html;
mod badge;
mod junit;
mod json;
mod text;
mod explanation;
mod law_report;
mod route_report;

use std::fmt;
use std::time::Duration;

use crate::fixture::{Host, Subject};
use crate::laws::{self, Law, Level};
use crate::verdict::{Failure, Verdict};

pub use badge::badge;
pub(crate) use explanation::Explanation;
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use law_report::{LawReport, Standing};
pub use route_report::RouteReport;
pub(crate) use text::text;

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
    /// The time that the check took.
    pub took: Duration,
}

/// The results of a candidate, cell by cell; displayed as a table, with what to do about each broken law.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The candidate's name.
    pub candidate: String,
    /// Every cell, in the order of the laws.
    pub results: Vec<CellResult>,
    /// The time that the run took.
    pub took: Duration,
    /// The command that repeats the run, if a command made it.
    pub command: Option<String>,
}

impl Report {
    /// The failed cells, in the order of the laws.
    pub fn failures(&self) -> impl Iterator<Item = (&CellResult, &Failure)> {
        self.results.iter().filter_map(|result| Some((result, result.failure()?)))
    }

    /// The laws that were tried, each with its cells.
    pub fn laws(&self) -> Vec<LawReport<'_>> {
        let cells = |law: &Law| self.results.iter().filter(|result| result.law.name == law.name).collect();
        let all = laws::ALL.iter().map(|law| LawReport { law: *law, cells: cells(law) });
        all.filter(|law| !law.cells.is_empty()).collect()
    }

    /// The level that the candidate reaches: `None` if it breaks a law of the core, or if the run left cells out.
    pub fn level(&self) -> Option<Level> {
        let broken = self.failures().map(|(result, _)| result.law.level()).min();
        match broken {
            Some(Level::Core) => None,
            _ if !self.is_whole() => None,
            Some(Level::Full) => Some(Level::Core),
            None => Some(Level::Full),
        }
    }

    /// Whether every cell was tried.
    pub fn is_whole(&self) -> bool {
        let subjects = |law: &'static Law| Subject::ALL.into_iter().filter(|subject| law.is_tried_on(*subject));
        let hosts = |subject| Host::ALL.into_iter().filter(move |host| host.is_tried_with(subject));
        self.results.len() == laws::ALL.iter().flat_map(subjects).flat_map(hosts).count()
    }

    /// The number of laws with this standing.
    fn count(&self, standing: Standing) -> usize {
        self.laws().iter().filter(|law| law.standing() == standing).count()
    }

    /// The number of cells that passed.
    pub(crate) fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.verdict == Verdict::Passed).count()
    }

    /// The level as a word of the report.
    fn rating(&self) -> &'static str {
        match self.level() {
            Some(level) => level.name(),
            None if self.failures().next().is_some() => "none",
            None => "in part",
        }
    }

    /// The command that repeats one cell, if a command made the run.
    fn repeat(&self, cell: &CellResult) -> Option<String> {
        let (law, subject, host) = (cell.law.name, cell.subject.name(), cell.host.name());
        Some(format!("{} --law {law} --subject {subject} --host {host}", self.command.as_ref()?))
    }
}

impl CellResult {
    /// The failure, if the candidate breaks the law here.
    pub fn failure(&self) -> Option<&Failure> {
        if let Verdict::Failed(failure) = &self.verdict { Some(failure) } else { None }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let painted = text(std::slice::from_ref(self), &[]);
        anstream::adapter::strip_str(&painted).fmt(f)
    }
}

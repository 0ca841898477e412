//! The suite as a function: a candidate in, a report out.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::candidate::Candidate;
use crate::fault::Fault;
use crate::host::Host;
use crate::laws::{self, Law};
use crate::subject::Subject;
use crate::trial::{Verdict, try_one};

/// One cell of the matrix.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Result {
    /// The law.
    pub law: Law,
    /// What it was tried on.
    pub subject: Subject,
    /// What served it.
    pub host: Host,
    /// How it came out.
    pub verdict: Verdict,
}

/// How a candidate came out, cell by cell; shown as a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The candidate's name.
    pub candidate: String,
    /// Every cell, in the order of the laws.
    pub results: Vec<Result>,
}

/// Which cells to try; by default all. Names are those of the reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// Only this law.
    pub law: Option<String>,
    /// Only this subject.
    pub subject: Option<String>,
    /// Only this host.
    pub host: Option<String>,
}

impl Selection {
    /// The cells that are wanted, in the order of the laws.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Law, Subject, Host)> + '_ {
        let wanted = |filter: &Option<String>, name: &str| filter.as_deref().is_none_or(|wanted| wanted == name);
        let laws = laws::ALL.iter().filter(move |law| wanted(&self.law, law.name));
        laws.flat_map(move |law| {
            let subjects = Subject::ALL.into_iter().filter(move |subject| wanted(&self.subject, subject.name()));
            subjects.flat_map(move |subject| {
                let hosts = Host::ALL.into_iter().filter(move |host| wanted(&self.host, host.name()));
                hosts.map(move |host| (*law, subject, host))
            })
        })
    }
}

/// Tries every law on every subject and host.
///
/// Do not call it from async code: it runs event loops of its own.
pub fn run(candidate: &Candidate) -> Report {
    Report { candidate: candidate.name().to_owned(), results: results(candidate).collect() }
}

/// The same, cell by cell as they are asked for, in the order of the laws.
pub fn results(candidate: &Candidate) -> impl Iterator<Item = Result> {
    results_on(candidate, laws::ALL, &Host::ALL)
}

/// The same by these laws and on these hosts alone.
pub fn results_on(candidate: &Candidate, laws: &[Law], hosts: &[Host]) -> impl Iterator<Item = Result> {
    let subjects = |law: Law| Subject::ALL.into_iter().map(move |subject| (law, subject));
    let cells = laws.iter().flat_map(|law| subjects(*law));
    let cells: Vec<_> = cells.flat_map(|(law, subject)| hosts.iter().map(move |host| (law, subject, *host))).collect();
    cells.into_iter().map(move |(law, subject, host)| {
        let verdict = try_one(candidate, law, subject, host);
        Result { law, subject, host, verdict }
    })
}

/// Tries what is selected, on as many threads as the machine has cores; `done` is told of each cell.
pub(crate) fn run_selected(candidate: &Candidate, selection: &Selection, done: impl Fn() + Sync) -> Report {
    let cells: Vec<_> = selection.cells().collect();
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((law, subject, host)) = cells.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let verdict = try_one(candidate, law, subject, host);
            results.lock().push(Result { law, subject, host, verdict });
            done();
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    let mut results = results.into_inner();
    // In the order of the laws, whichever was done first.
    results.sort_by_key(|result| {
        cells.iter().position(|cell| (cell.0.name, cell.1, cell.2) == (result.law.name, result.subject, result.host))
    });
    Report { candidate: candidate.name().to_owned(), results }
}

impl Report {
    /// The broken laws, the first in the order of the laws first.
    pub fn failures(&self) -> impl Iterator<Item = (&Result, &Fault)> {
        self.results.iter().filter_map(|result| match &result.verdict {
            Verdict::Failed(fault) => Some((result, fault)),
            Verdict::Passed | Verdict::DoesNotApply(_) => None,
        })
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
            writeln!(f, "  {law:<58} {passed:>2} passed {failed:>2} failed {elsewhere:>2} do not apply")?;
        }
        for (result, fault) in self.failures() {
            let (law, subject, host) = (result.law.name, result.subject.name(), result.host.name());
            writeln!(
                f,
                "  FAILED {law} on {subject}, {host}: {fault}\n    {}\n    {}",
                result.law.why, result.law.mend
            )?;
        }
        Ok(())
    }
}

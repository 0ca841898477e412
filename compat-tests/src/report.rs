//! The suite as a function: a candidate in, a report out.

use std::collections::BTreeMap;
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
pub(crate) struct Selection {
    /// Only this law.
    pub(crate) law: Option<String>,
    /// Only this subject.
    pub(crate) subject: Option<String>,
    /// Only this host.
    pub(crate) host: Option<String>,
}

impl Selection {
    /// The cells that are wanted, in the order of the laws.
    pub(crate) fn cells(&self) -> Vec<Place> {
        let wanted = |filter: &Option<String>, name: &str| filter.as_deref().is_none_or(|wanted| wanted == name);
        let mut cells = places(laws::ALL, &Host::ALL);
        cells.retain(|(law, subject, host)| {
            wanted(&self.law, law.name) && wanted(&self.subject, subject.name()) && wanted(&self.host, host.name())
        });
        cells
    }
}

/// A cell without its candidate.
pub(crate) type Place = (Law, Subject, Host);

fn places(laws: &[Law], hosts: &[Host]) -> Vec<Place> {
    let subjects = |law: Law| Subject::ALL.into_iter().map(move |subject| (law, subject));
    let cells = laws.iter().flat_map(|law| subjects(*law));
    cells.flat_map(|(law, subject)| hosts.iter().map(move |host| (law, subject, *host))).collect()
}

/// Tries every law on every subject and host, each time on another candidate of `make`'s, so that nothing is left of the last.
///
/// Do not call it from async code: it waits for event loops of its own.
pub fn run(make: impl Fn() -> Candidate) -> Report {
    Report { candidate: make().name().to_owned(), results: results_on(make, laws::ALL, &Host::ALL).collect() }
}

/// The same by these laws and on these hosts alone, cell by cell as they are asked for, in the order of the laws.
pub fn results_on(make: impl Fn() -> Candidate, laws: &[Law], hosts: &[Host]) -> impl Iterator<Item = Result> {
    places(laws, hosts).into_iter().map(move |place| result(&make, place))
}

fn result(make: impl Fn() -> Candidate, (law, subject, host): Place) -> Result {
    Result { law, subject, host, verdict: try_one(&make(), law, subject, host) }
}

/// Tries what is selected, on as many threads as the machine has cores; `done` is told of each cell.
pub(crate) fn run_selected(make: impl Fn() -> Candidate + Sync, cells: &[Place], done: impl Fn() + Sync) -> Report {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(place) = cells.get(at) else { return };
        let result = result(&make, *place);
        results.lock().insert(at, result);
        done();
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    // In the order of the laws, whichever was done first.
    let results = results.into_inner().into_values().collect();
    Report { candidate: make().name().to_owned(), results }
}

/// How many cells of a broken law are shown; most say the same.
const SHOWN: usize = 3;

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
    /// Says of a law that was broken where, and what to do.
    fn explain(&self, law: Law, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<_> = self.failures().filter(|(result, _)| result.law.name == law.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        writeln!(f, "  FAILED {}", law.name)?;
        for (result, fault) in failed.iter().take(SHOWN) {
            writeln!(f, "    on {}, {}: {fault}", result.subject.name(), result.host.name())?;
        }
        if failed.len() > SHOWN {
            writeln!(f, "    and on {} more", failed.len() - SHOWN)?;
        }
        let mend = failed.first().map_or(law.mend, |(_, fault)| fault.mend(law.mend));
        writeln!(f, "    why it matters: {}\n    what to do: {mend}", law.why)
    }
}

//! The suite as a function: a candidate in, a report out.

mod routes;
mod trial;
mod event_loops;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use crate::fixture::{Candidate, Host, Subject};
use crate::laws::{self, Law};
use crate::report::{CellResult, Report};

pub use routes::check_routes;
pub(crate) use trial::try_one;

/// A selection of cells to try; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The names of the only laws to try, if there are any.
    pub(crate) laws: Vec<String>,
    /// The names of the only subjects to try, if there are any.
    pub(crate) subjects: Vec<String>,
    /// The names of the only hosts to try, if there are any.
    pub(crate) hosts: Vec<String>,
}

impl Selection {
    /// The selected cells, in the order of the laws.
    pub(crate) fn cells(&self) -> Vec<CellKey> {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        let mut cells = keys(laws::ALL, &Host::ALL);
        cells.retain(|(law, subject, host)| {
            wanted(&self.laws, law.name) && wanted(&self.subjects, subject.name()) && wanted(&self.hosts, host.name())
        });
        cells
    }
}

/// A cell without its candidate.
pub(crate) type CellKey = (Law, Subject, Host);

fn keys(laws: &[Law], hosts: &[Host]) -> Vec<CellKey> {
    let subjects = |law: Law| {
        Subject::ALL.into_iter().filter(move |subject| law.is_tried_on(*subject)).map(move |subject| (law, subject))
    };
    let cells = laws.iter().flat_map(|law| subjects(*law));
    let hosts = |subject: Subject| hosts.iter().copied().filter(move |host| host.is_tried_with(subject));
    cells.flat_map(|(law, subject)| hosts(subject).map(move |host| (law, subject, host))).collect()
}

/// Tries every law on every subject and host.
///
/// Each check gets a new candidate from `make`, so that no state is left of the last check. Do not call this from
/// async code: it waits for event loops of its own.
pub fn run(make: impl Fn() -> Candidate + Sync) -> Report {
    run_on(make, &Host::ALL)
}

/// Tries every law on every subject, on these hosts alone.
pub(crate) fn run_on(make: impl Fn() -> Candidate + Sync, hosts: &[Host]) -> Report {
    let plan = Plan { cells: keys(laws::ALL, hosts), jobs: cores(), fail_fast: false };
    run_plan(make, &plan, |_| ())
}

/// Tries these laws on every subject, on these hosts alone, in the order of the laws; a cell is tried when the
/// iterator reaches it.
pub fn results_on(make: impl Fn() -> Candidate, laws: &[Law], hosts: &[Host]) -> impl Iterator<Item = CellResult> {
    keys(laws, hosts).into_iter().map(move |key| result(&make, key))
}

/// Tries a law with one subject on every host that has it.
pub(crate) fn results_with(
    make: impl Fn() -> Candidate,
    law: Law,
    subject: Subject,
) -> impl Iterator<Item = CellResult> {
    let cells = keys(&[law], &Host::ALL).into_iter().filter(move |(_, tried, _)| *tried == subject);
    cells.map(move |key| result(&make, key))
}

fn result(make: impl Fn() -> Candidate, (law, subject, host): CellKey) -> CellResult {
    let began = Instant::now();
    let verdict = try_one(|| candidate_for(&make, law), law, subject, host);
    CellResult { law, subject, host, verdict, took: began.elapsed() }
}

/// Makes the candidate of a cell, with another one beside it for the law about two instances.
pub(crate) fn candidate_for(make: impl Fn() -> Candidate, law: Law) -> Candidate {
    if law.is_about_two_instances() { make().beside(make()) } else { make() }
}

/// The cells to try, and how.
pub(crate) struct Plan {
    pub(crate) cells: Vec<CellKey>,
    /// The number of cells that are tried at once.
    pub(crate) jobs: usize,
    /// Whether the first failure ends the run.
    pub(crate) fail_fast: bool,
}

/// The number of cells that are tried at once by default.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Tries the cells of `plan`, and calls `done` with each result.
pub(crate) fn run_plan(make: impl Fn() -> Candidate + Sync, plan: &Plan, done: impl Fn(&CellResult) + Sync) -> Report {
    let (began, next, results) = (Instant::now(), AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(key) = plan.cells.get(at) else { return };
        let result = result(&make, *key);
        done(&result);
        if plan.fail_fast && result.failure().is_some() {
            next.store(plan.cells.len(), Ordering::Relaxed);
        }
        results.lock().insert(at, result);
    };
    thread::scope(|scope| (0..plan.jobs).for_each(|_| drop(scope.spawn(work))));
    // The map restores the order of the laws, in whatever order the cells were done.
    let results = results.into_inner().into_values().collect();
    Report { candidate: make().name().to_owned(), results, took: began.elapsed(), command: None }
}

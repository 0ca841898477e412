//! The suite as a function: a candidate in, a report out.

mod routes;
mod trial;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::fixture::{Candidate, Host, Subject};
use crate::laws::{self, Law};
use crate::report::{CellResult, Report};

pub use routes::check_routes;
pub(crate) use trial::try_one;

/// A selection of cells to try; by default all. The names are those of the reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The only law to try, if given.
    pub(crate) law: Option<String>,
    /// The only subject to try, if given.
    pub(crate) subject: Option<String>,
    /// The only host to try, if given.
    pub(crate) host: Option<String>,
}

impl Selection {
    /// The selected cells, in the order of the laws.
    pub(crate) fn cells(&self) -> Vec<CellKey> {
        let wanted = |filter: &Option<String>, name: &str| filter.as_deref().is_none_or(|wanted| wanted == name);
        let mut cells = keys(laws::ALL, &Host::ALL);
        cells.retain(|(law, subject, host)| {
            wanted(&self.law, law.name) && wanted(&self.subject, subject.name()) && wanted(&self.host, host.name())
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
    run_selected(make, &keys(laws::ALL, &Host::ALL), || ())
}

/// Tries these laws on every subject, on these hosts alone, in the order of the laws; a cell is tried when the
/// iterator reaches it.
pub fn results_on(make: impl Fn() -> Candidate, laws: &[Law], hosts: &[Host]) -> impl Iterator<Item = CellResult> {
    keys(laws, hosts).into_iter().map(move |key| result(&make, key))
}

fn result(make: impl Fn() -> Candidate, (law, subject, host): CellKey) -> CellResult {
    CellResult { law, subject, host, verdict: try_one(&candidate_for(make, law), law, subject, host) }
}

/// Makes the candidate of a cell, with another one beside it for the law about two instances.
pub(crate) fn candidate_for(make: impl Fn() -> Candidate, law: Law) -> Candidate {
    if law.is_about_two_instances() { make().beside(make()) } else { make() }
}

/// Tries `cells` on as many threads as the machine has cores, and calls `done` after each cell.
pub(crate) fn run_selected(make: impl Fn() -> Candidate + Sync, cells: &[CellKey], done: impl Fn() + Sync) -> Report {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(key) = cells.get(at) else { return };
        let result = result(&make, *key);
        results.lock().insert(at, result);
        done();
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    // The map restores the order of the laws, in whatever order the cells were done.
    let results = results.into_inner().into_values().collect();
    Report { candidate: make().name().to_owned(), results }
}

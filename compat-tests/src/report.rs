//! The suite as a function: a candidate in, a report out.

use std::fmt;
use std::time::Duration;

use costrel::Error;
use tokio::runtime::Builder;

use crate::candidate::Candidate;
use crate::fault::Fault;
use crate::host::Host;
use crate::laws::{self, Finding, Law, Objection};
use crate::probe::LOOP_THREAD;
use crate::stage::{Cell, Unhandled};
use crate::subject::Subject;

/// A check that takes longer hangs. Only wrong decorators let it come to this.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// How one law came out on one subject and one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The law is kept.
    Passed,
    /// The law has no meaning here, and this is why.
    DoesNotApply(&'static str),
    /// The law is broken.
    Failed(Fault),
}

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

/// Tries every law on every subject and host.
///
/// Do not call it from async code: it runs event loops of its own.
pub fn run(candidate: &Candidate) -> Report {
    Report { candidate: candidate.name().to_owned(), results: results(candidate).collect() }
}

/// The same, cell by cell as they are asked for, in the order of the laws.
pub fn results(candidate: &Candidate) -> impl Iterator<Item = Result> {
    let cells = laws::ALL.iter().flat_map(|law| {
        Subject::ALL.into_iter().flat_map(move |subject| Host::ALL.into_iter().map(move |host| (*law, subject, host)))
    });
    cells.map(move |(law, subject, host)| {
        let verdict = try_one(candidate, law, subject, host);
        Result { law, subject, host, verdict }
    })
}

/// Tries one law on one subject and one host, on an event loop of its own; one with a single thread, on most hosts,
/// where anything that blocks it shows.
pub(crate) fn try_one(candidate: &Candidate, law: Law, subject: Subject, host: Host) -> Verdict {
    let event_loop = match Builder::new_multi_thread()
        .worker_threads(host.loop_threads())
        .thread_name(LOOP_THREAD)
        .enable_all()
        .build()
    {
        Ok(event_loop) => event_loop,
        Err(error) => return Verdict::Failed(Error::from(error).into()),
    };
    let unhandled = Unhandled::default();
    let cell = Cell { candidate: candidate.clone(), subject, host, unhandled: unhandled.clone() };
    let check = event_loop.spawn(law.check(cell));
    let outcome = event_loop.block_on(async { tokio::time::timeout(GIVE_UP_AFTER, check).await });
    event_loop.shutdown_background();
    match outcome {
        Ok(Ok(finding)) => judge(finding),
        Ok(Err(broken)) => Verdict::Failed(Error::from(broken).into()),
        Err(_) => {
            Verdict::Failed(Fault::sentence("the check", "an end", format!("none within {GIVE_UP_AFTER:?}: it hangs")))
        }
    }
}

fn judge(finding: Finding) -> Verdict {
    match finding {
        Ok(()) => Verdict::Passed,
        Err(Objection::DoesNotApply(why)) => Verdict::DoesNotApply(why),
        Err(Objection::Broken(fault)) => Verdict::Failed(fault),
    }
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
            let count = |wanted: fn(&Verdict) -> bool| results.iter().filter(|result| wanted(&result.verdict)).count();
            let passed = count(|verdict| matches!(verdict, Verdict::Passed));
            let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
            let elsewhere = results.len() - passed - failed;
            let law = law.name.replace('_', " ");
            writeln!(f, "  {law:<58} {passed:>2} passed {failed:>2} failed {elsewhere:>2} do not apply")?;
        }
        for (result, fault) in self.failures() {
            let (law, subject, host) = (result.law.name, result.subject.name(), result.host.name());
            writeln!(f, "  FAILED {law} on {subject}, {host}: {fault}\n    {}", result.law.why)?;
        }
        Ok(())
    }
}

//! What was equal, and what was not, for each rule.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, HeaderValue, IntoResponse, Response};
use parking_lot::Mutex;
use serde::Serialize;

use crate::difference::Difference;
use crate::recorded::LeftOut;

/// The number of requests of a rule whose differences are kept.
const EXAMPLES: usize = 3;

/// The number of the last requests whose times are kept.
const TIMES: usize = 512;

/// The comparison so far. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Report {
    ready_after: u64,
    left_out: Arc<Vec<LeftOut>>,
    rules: Arc<Mutex<BTreeMap<String, Tally>>>,
}

/// The comparison of one rule.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RuleReport {
    /// The method and the endpoint; the path where no rule of the new app matched.
    pub rule: String,
    /// The number of requests whose responses were equal.
    pub equal: u64,
    /// The number of requests whose responses differ.
    pub different: u64,
    /// The number of requests that were not sent to both, because they change something, because their response is a stream,
    /// long or compressed, or because 16 others of the live traffic were at the old app.
    pub skipped: u64,
    /// The number of requests that one of the two did not answer.
    pub unanswered: u64,
    /// The number of the last requests that were equal without another between them.
    pub in_a_row: u64,
    /// Whether that is enough to switch.
    pub is_ready: bool,
    /// The median time of the old app, in milliseconds.
    pub old_ms: Option<f64>,
    /// The median time of the new app, in milliseconds.
    pub new_ms: Option<f64>,
    /// The first requests that differ.
    pub examples: Vec<Example>,
}

/// A request whose responses differ.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// The method and the path.
    pub request: String,
    /// The parts that differ.
    pub differences: Vec<Difference>,
}

#[derive(Debug, Default)]
struct Tally {
    equal: u64,
    different: u64,
    skipped: u64,
    unanswered: u64,
    in_a_row: u64,
    old: Times,
    new: Times,
    examples: Vec<Example>,
}

/// What became of a request.
pub(crate) enum Outcome {
    Compared(Vec<Difference>),
    Skipped,
    Unanswered(Difference),
}

impl Report {
    pub(crate) fn new(ready_after: u64) -> Self {
        Self { ready_after, left_out: Arc::default(), rules: Arc::default() }
    }

    pub(crate) fn with_left_out(self, left_out: Vec<LeftOut>) -> Self {
        Self { left_out: left_out.into(), ..self }
    }

    pub(crate) fn note(&self, rule: &str, request: &str, outcome: Outcome, times: [Option<Duration>; 2]) {
        let mut rules = self.rules.lock();
        let tally = rules.entry(rule.to_owned()).or_default();
        tally.old.add(times[0]);
        tally.new.add(times[1]);
        match outcome {
            Outcome::Skipped => tally.skipped += 1,
            Outcome::Compared(differences) if differences.is_empty() => {
                (tally.equal, tally.in_a_row) = (tally.equal + 1, tally.in_a_row + 1);
            }
            Outcome::Compared(differences) => {
                tally.different += 1;
                tally.interrupt(request, differences);
            }
            Outcome::Unanswered(difference) => {
                tally.unanswered += 1;
                tally.interrupt(request, vec![difference]);
            }
        }
    }

    /// The rules that had requests, in alphabetical order.
    pub fn rules(&self) -> Vec<RuleReport> {
        let rules = self.rules.lock();
        let reported = rules.iter().map(|(rule, tally)| RuleReport {
            rule: rule.clone(),
            equal: tally.equal,
            different: tally.different,
            skipped: tally.skipped,
            unanswered: tally.unanswered,
            in_a_row: tally.in_a_row,
            is_ready: tally.in_a_row >= self.ready_after,
            old_ms: tally.old.median_ms(),
            new_ms: tally.new.median_ms(),
            examples: tally.examples.clone(),
        });
        reported.collect()
    }

    /// What was left out of the record.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether no request differed, and at least one was compared.
    pub fn is_equal(&self) -> bool {
        let rules = self.rules();
        rules.iter().all(|rule| rule.different + rule.unanswered == 0) && rules.iter().any(|rule| rule.equal > 0)
    }

    /// The report as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "ready_after": self.ready_after, "left_out": self.left_out(), "rules": self.rules() })
    }

    /// The report as a page, for a view: one file without scripts, for light and dark and for narrow screens.
    ///
    /// # Errors
    /// None that is known; a view returns it as it is.
    pub fn page(&self) -> Result<Response, Error> {
        let mut page = crate::page::html(&self.json()).into_response()?;
        // The figures are of now.
        page.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        Ok(page)
    }
}

impl Tally {
    fn interrupt(&mut self, request: &str, differences: Vec<Difference>) {
        self.in_a_row = 0;
        if self.examples.len() < EXAMPLES {
            self.examples.push(Example { request: request.to_owned(), differences });
        }
    }
}

/// The times of the last requests.
#[derive(Debug, Default)]
struct Times {
    last: Vec<Duration>,
    next: usize,
}

impl Times {
    fn add(&mut self, time: Option<Duration>) {
        let Some(time) = time else { return };
        match self.last.get_mut(self.next) {
            Some(oldest) => *oldest = time,
            None => self.last.push(time),
        }
        self.next = (self.next + 1) % TIMES;
    }

    fn median_ms(&self) -> Option<f64> {
        let mut sorted = self.last.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(|time| (time.as_secs_f64() * 100_000.0).round() / 100.0)
    }
}

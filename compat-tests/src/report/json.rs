//! The report for machines.

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::law_report::{Finding, LawReport, Standing, mark};
use super::{CellResult, Report, RouteReport};
use crate::laws::{self, Law, Level};
use crate::verdict::{Failure, Verdict};

/// The reports as JSON: `{"suite": {"version", "laws", "edition"}, "candidates": [{"candidate", "level", "held", "broken",
/// "laws": [{"law", "standing", "findings", ..}], "results": [{"law", "subject", "host", "verdict", ..}]}],
/// "routes": [{"rule", "decorators", "verdict", ..}]}`.
///
/// Two reports of one `edition` were made by the same laws.
///
/// ```
/// use costrel_compat::{Candidate, json, run};
///
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let report = json(&[run(|| Candidate::new(nothing))], &[]);
/// assert_eq!(report["candidates"][0]["candidate"], "nothing");
/// assert_eq!(report["candidates"][0]["level"], "full");
/// assert_eq!(report["candidates"][0]["results"][0]["verdict"], "passed");
/// ```
pub fn json(reports: &[Report], routes: &[RouteReport]) -> Value {
    let with_cells = |report: &Report| {
        let mut candidate = candidate(report);
        candidate["results"] = report.results.iter().map(|result| cell(report, result)).collect();
        candidate
    };
    json!({
        "suite": suite(),
        "candidates": reports.iter().map(with_cells).collect::<Vec<_>>(),
        "routes": routes.iter().map(route).collect::<Vec<_>>(),
    })
}

/// The suite that made the report.
pub(super) fn suite() -> Value {
    let digest = Sha1::digest(laws::list().as_bytes());
    let edition = digest.iter().take(4).fold(0_u32, |edition, byte| (edition << 8) | u32::from(*byte));
    json!({ "version": env!("CARGO_PKG_VERSION"), "laws": laws::ALL.len(), "edition": format!("{edition:08x}") })
}

/// A candidate with its laws, without its cells.
pub(super) fn candidate(report: &Report) -> Value {
    let count = |standing| report.count(standing);
    json!({
        "candidate": report.candidate,
        "level": report.level().map(Level::name),
        "rating": report.rating(),
        "is_whole": report.is_whole(),
        "held": count(Standing::Held),
        "broken": count(Standing::Broken),
        "not_applicable": count(Standing::DoesNotApply),
        "cells": report.results.len(),
        "passed": report.passed(),
        "failed": report.failures().count(),
        "seconds": rounded(report.took.as_secs_f64()),
        "reproduce": report.command,
        "laws": report.laws().iter().map(|law| one_law(report, law)).collect::<Vec<_>>(),
    })
}

fn one_law(report: &Report, law: &LawReport<'_>) -> Value {
    let standing = match law.standing() {
        Standing::Held => "held",
        Standing::Broken => "broken",
        Standing::DoesNotApply => "does not apply",
    };
    let Law { name, why, remedy, how, .. } = law.law;
    json!({
        "law": name,
        "level": law.law.level().name(),
        "standing": standing,
        "why": why,
        "remedy": law.findings().first().map_or(remedy, |finding| finding.failure.remedy(remedy)),
        "how": how,
        "passed": law.passed(),
        "failed": law.failed(),
        "does_not_apply": law.elsewhere(),
        "seconds": rounded(law.took().as_secs_f64()),
        "findings": law.findings().iter().map(|finding| one_finding(report, finding)).collect::<Vec<_>>(),
    })
}

fn one_finding(report: &Report, finding: &Finding<'_>) -> Value {
    let mut value = failure(finding.failure);
    let cells = finding.cells.iter().map(|cell| json!({ "subject": cell.subject.name(), "host": cell.host.name() }));
    value["cells"] = cells.collect();
    value["reproduce"] = finding.cells.first().and_then(|cell| report.repeat(cell)).into();
    value
}

pub(super) fn route(report: &RouteReport) -> Value {
    let mut route = json!({ "rule": report.rule, "decorators": report.decorators });
    if let Some(status) = report.status {
        route["status"] = status.as_u16().into();
    }
    match &report.failures {
        Err(why) => {
            route["verdict"] = "not tried".into();
            route["why"] = (*why).into();
        }
        Ok(failures) => {
            route["verdict"] = if report.failed() { "failed" } else { "passed" }.into();
            route["failures"] = failures.iter().map(failure).collect();
        }
    }
    route
}

fn failure(failure: &Failure) -> Value {
    json!({ "sent": failure.sent, "what": failure.what, "expected": failure.expected, "seen": failure.seen })
}

fn cell(report: &Report, result: &CellResult) -> Value {
    let (law, subject, host) = (result.law.name, result.subject.name(), result.host.name());
    let mut cell = json!({ "law": law, "subject": subject, "host": host, "verdict": mark(Some(&result.verdict)) });
    match &result.verdict {
        Verdict::Passed => {}
        Verdict::DoesNotApply(why) => cell["why"] = (*why).into(),
        Verdict::Failed(seen) => {
            let Value::Object(details) = failure(seen) else { return cell };
            for (key, value) in details {
                cell[key] = value;
            }
            cell["matters"] = result.law.why.into();
            cell["remedy"] = seen.remedy(result.law.remedy).into();
            cell["checked"] = result.law.how.into();
            cell["reproduce"] = report.repeat(result).into();
        }
    }
    cell
}

/// Rounds seconds to milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

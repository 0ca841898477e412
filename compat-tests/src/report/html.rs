//! Reports for machines and for browsers.

use serde_json::{Value, json};

use super::route_report::RouteReport;
use super::{CellResult, Report};
use crate::verdict::{Failure, Verdict};

/// The HTML page without the reports.
const PAGE: &str = include_str!("page.html");

/// The reports as JSON: `{"candidates": [{"candidate", "results": [{"law", "subject", "host", "verdict", ..}]}],
/// "routes": [{"rule", "decorators", "verdict", ..}]}`.
///
/// ```
/// # use costrel_compat::{Candidate, json, run};
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let report = json(&[run(|| Candidate::new(nothing))], &[]);
/// assert_eq!(report["candidates"][0]["candidate"], "nothing");
/// assert_eq!(report["candidates"][0]["results"][0]["verdict"], "passed");
/// ```
pub fn json(reports: &[Report], routes: &[RouteReport]) -> Value {
    let report = |report: &Report| {
        let results: Vec<_> = report.results.iter().map(cell).collect();
        json!({ "candidate": report.candidate, "results": results })
    };
    json!({
        "candidates": reports.iter().map(report).collect::<Vec<_>>(),
        "routes": routes.iter().map(route).collect::<Vec<_>>(),
    })
}

/// The reports as one self-contained HTML page: the matrix, filters, and what to do about each failure.
pub fn html(reports: &[Report], routes: &[RouteReport]) -> String {
    // The data is inside a script element, so it must not contain an end tag.
    let data = json(reports, routes).to_string().replace('<', "\\u003c");
    PAGE.replacen("/*REPORTS*/{ candidates: [], routes: [] }", &data, 1)
}

fn route(report: &RouteReport) -> Value {
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
    json!({ "what": failure.what, "expected": failure.expected, "seen": failure.seen })
}

fn cell(result: &CellResult) -> Value {
    let mut cell = json!({ "law": result.law.name, "subject": result.subject.name(), "host": result.host.name() });
    match &result.verdict {
        Verdict::Passed => cell["verdict"] = "passed".into(),
        Verdict::DoesNotApply(why) => {
            cell["verdict"] = "does not apply".into();
            cell["why"] = (*why).into();
        }
        Verdict::Failed(failure) => {
            cell["verdict"] = "failed".into();
            cell["what"] = failure.what.as_str().into();
            cell["expected"] = failure.expected.as_str().into();
            cell["seen"] = failure.seen.as_str().into();
            cell["matters"] = result.law.why.into();
            cell["remedy"] = failure.remedy(result.law.remedy).into();
            cell["checked"] = result.law.how.into();
        }
    }
    cell
}

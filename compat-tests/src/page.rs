//! Reports for machines and for browsers.

use serde_json::{Value, json};

use crate::report::{Report, Result, Verdict};

/// The page, but for the reports in it.
const PAGE: &str = include_str!("page.html");

/// The reports as JSON: `[{"candidate", "results": [{"law", "subject", "host", "verdict", ..}]}]`.
///
/// ```
/// # use costrel_compat::{Candidate, json, run};
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let report = json(&[run(&Candidate::new(nothing))]);
/// assert_eq!(report[0]["candidate"], "nothing");
/// assert_eq!(report[0]["results"][0]["verdict"], "passed");
/// ```
pub fn json(reports: &[Report]) -> Value {
    let report = |report: &Report| {
        let results: Vec<_> = report.results.iter().map(cell).collect();
        json!({ "candidate": report.candidate, "results": results })
    };
    reports.iter().map(report).collect()
}

/// The reports as one page that needs nothing else: the matrix, filters, and what to do about what failed.
pub fn html(reports: &[Report]) -> String {
    // In a script of the page nothing may end the script.
    let data = json(reports).to_string().replace('<', "\\u003c");
    PAGE.replacen("/*REPORTS*/[]", &data, 1)
}

fn cell(result: &Result) -> Value {
    let mut cell = json!({ "law": result.law.name, "subject": result.subject.name(), "host": result.host.name() });
    match &result.verdict {
        Verdict::Passed => cell["verdict"] = "passed".into(),
        Verdict::DoesNotApply(why) => {
            cell["verdict"] = "does not apply".into();
            cell["why"] = (*why).into();
        }
        Verdict::Failed(fault) => {
            cell["verdict"] = "failed".into();
            cell["what"] = fault.what.as_str().into();
            cell["expected"] = fault.expected.as_str().into();
            cell["seen"] = fault.seen.as_str().into();
            cell["matters"] = result.law.why.into();
            cell["mend"] = result.law.mend.into();
            cell["checked"] = result.law.how.into();
        }
    }
    cell
}

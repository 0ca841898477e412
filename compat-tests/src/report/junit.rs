//! The report for CI servers.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::explanation::Explanation;
use super::{CellResult, Report, RouteReport};
use crate::verdict::Verdict;

/// The reports as the XML of `JUnit`: a test suite for each candidate, with a test case for each cell, and one for the routes.
///
/// ```
/// use costrel_compat::{Candidate, junit, run};
///
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let xml = junit(&[run(|| Candidate::new(nothing))], &[]);
/// assert!(xml.contains(r#"<testsuite name="nothing""#) && xml.contains(r#"failures="0""#));
/// ```
pub fn junit(reports: &[Report], routes: &[RouteReport]) -> String {
    let mut all = quick_junit::Report::new("costrel-compat");
    all.add_test_suites(reports.iter().map(suite));
    if !routes.is_empty() {
        let mut suite = TestSuite::new("routes");
        suite.add_test_cases(routes.iter().map(route));
        all.add_test_suite(suite);
    }
    // Text in memory takes whatever is written to it.
    all.to_string().unwrap_or_default()
}

fn suite(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(&*report.candidate);
    suite.set_time(report.took);
    suite.add_test_cases(report.results.iter().map(|result| cell(report, result)));
    suite
}

fn cell(report: &Report, result: &CellResult) -> TestCase {
    let place = format!("{}, {}", result.subject.name(), result.host.name());
    let status = match &result.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::DoesNotApply(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(*why);
            status
        }
        Verdict::Failed(failure) => {
            let (candidate, law, repeat) = (&*report.candidate, result.law, report.repeat(result));
            let explanation = Explanation { candidate, law, failure, place: place.clone(), repeat };
            failed(&failure.to_string(), &explanation.to_string())
        }
    };
    let mut case = TestCase::new(place, status);
    case.set_classname(format!("{}.{}", report.candidate, result.law.name)).set_time(result.took);
    case
}

fn route(report: &RouteReport) -> TestCase {
    let status = match &report.failures {
        Err(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(*why);
            status
        }
        Ok(failures) if failures.is_empty() => TestCaseStatus::success(),
        Ok(_) => failed(&report.verdict(), ""),
    };
    TestCase::new(&*report.rule, status)
}

fn failed(message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message).set_description(description);
    status
}

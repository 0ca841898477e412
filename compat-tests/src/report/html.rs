//! The report for browsers.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, HtmlEscape, Value};
use serde_json::json;

use super::json::{candidate, route, suite};
use super::law_report::{LawReport, mark};
use super::{Report, RouteReport};
use crate::fixture::{Host, Subject};

/// The template of the page; its name ends in `.html`, so that all values are escaped.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    // The default delimiters are valid.
    templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default());
    templates.add_filter("words", |name: String| name.replace('_', " "));
    templates.add_filter("marked", |text: String| Value::from_safe_string(marked(&text)));
    templates
});

/// The reports as one self-contained HTML page: a summary, then what is broken and what to do about it, then the rest.
///
/// The page works without scripts, on a narrow screen and in print.
///
/// ```
/// use costrel_compat::{Candidate, html, run};
///
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let page = html(&[run(|| Candidate::new(nothing).named("<b>"))], &[]);
/// assert!(page.starts_with("<!doctype html>") && page.contains("&lt;b&gt;"));
/// ```
pub fn html(reports: &[Report], routes: &[RouteReport]) -> String {
    let page = json!({
        "suite": suite(),
        "candidates": reports.iter().map(with_grids).collect::<Vec<_>>(),
        "routes": routes.iter().map(route).collect::<Vec<_>>(),
        "hosts": Host::ALL.map(|host| json!({ "name": host.name(), "about": host.about() })),
        "subjects": Subject::ALL.map(|subject| json!({ "name": subject.name(), "about": subject.about() })),
    });
    let rendered = TEMPLATES.render_named_str("page.html", include_str!("page.html"), Value::from(Serde(page)));
    // The template is the suite's own, and the tests render all of it.
    rendered.unwrap_or_else(|error| format!("the page could not be made: {error:#}"))
}

/// A candidate whose laws have their cells as grids.
fn with_grids(report: &Report) -> serde_json::Value {
    let mut value = candidate(report);
    for (n, law) in report.laws().iter().enumerate() {
        value["laws"][n]["rows"] = rows(law);
        value["laws"][n]["reasons"] = law.reasons().into_iter().map(|(why, cells)| json!([why, cells])).collect();
    }
    value
}

fn rows(law: &LawReport<'_>) -> serde_json::Value {
    let rows = law.rows().into_iter().map(|(subjects, verdicts)| {
        let subjects: Vec<_> = subjects.into_iter().map(Subject::name).collect();
        let marks: Vec<_> = verdicts.into_iter().map(mark).collect();
        json!({ "subjects": subjects, "marks": marks })
    });
    rows.collect()
}

/// Escapes a text, and makes code of what stands between backticks in it.
fn marked(text: &str) -> String {
    let parts = text.split('`').map(HtmlEscape);
    let marked = parts.enumerate().map(|(n, part)| match n % 2 {
        0 => part.to_string(),
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

//! The report for browsers.

use minijinja::value::Serde;
use minijinja::{Environment, Value};

/// The report as one page without scripts. `report` is the report as JSON.
pub(crate) fn html(report: &serde_json::Value) -> String {
    // The name ends in `.html`, so that all values are escaped.
    let rendered =
        Environment::new().render_named_str("page.html", include_str!("page.html"), Value::from(Serde(report)));
    // The template is the crate's own, and the tests render all of it.
    rendered.unwrap_or_else(|error| format!("the page could not be made: {error:#}"))
}

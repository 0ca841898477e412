//! The report as a badge for a README.

use minijinja::{Environment, context};

use super::Report;
use super::law_report::Standing;

/// The reports as a badge: an SVG with the lowest level that the candidates reach.
///
/// ```
/// use costrel_compat::{Candidate, badge, run};
///
/// # fn nothing(view: costrel::View) -> costrel::View { view }
/// let badge = badge(&[run(|| Candidate::new(nothing))]);
/// assert!(badge.starts_with("<svg ") && badge.contains("costrel compat: full, "));
/// ```
pub fn badge(reports: &[Report]) -> String {
    let (text, colour) = says(reports);
    let (left, right) = (width(LABEL), width(&text));
    let values = context! { label => LABEL, text, colour, left, right, whole => left + right };
    let rendered = Environment::new().render_named_str("badge.html", include_str!("badge.svg"), values);
    // The template is the suite's own, and the tests render it.
    rendered.unwrap_or_else(|error| format!("the badge could not be made: {error:#}"))
}

const LABEL: &str = "costrel compat";

/// The text and the colour of the badge.
fn says(reports: &[Report]) -> (String, &'static str) {
    let count = |standing| reports.iter().map(|report| report.count(standing)).max().unwrap_or(0);
    let broken: usize = reports.iter().map(|report| report.count(Standing::Broken)).sum();
    match reports.iter().map(Report::level).min() {
        None => ("nothing tried".to_owned(), "#6e7781"),
        Some(Some(level)) if broken == 0 => (format!("{level}, {} laws", count(Standing::Held)), "#1a7f37"),
        Some(Some(level)) => (format!("{level}, {broken} broken"), "#9a6700"),
        Some(None) if broken == 0 => ("tried in part".to_owned(), "#6e7781"),
        Some(None) => (format!("{broken} laws broken"), "#cf222e"),
    }
}

/// The width of a text in pixels, with the room around it; the SVG stretches the text to it.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + 10
}

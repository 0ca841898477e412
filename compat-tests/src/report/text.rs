//! The report as text for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};

use super::explanation::{Explanation, line};
use super::law_report::{LawReport, Standing};
use super::{Report, RouteReport};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// The most failures of one law that are shown, because most of them say the same.
const SHOWN: usize = 3;

/// Writes the reports with colours: a summary, then the routes, then each broken law.
pub(crate) fn text(reports: &[Report], routes: &[RouteReport]) -> String {
    let mut text = String::new();
    if !reports.is_empty() {
        let paint = |report: &Report| if report.failures().next().is_some() { RED } else { GREEN };
        painted(&mut text, &summary(reports), reports.iter().map(paint));
    }
    if !routes.is_empty() {
        let paint = |route: &RouteReport| match &route.failures {
            Err(_) => DIM,
            Ok(failures) if failures.is_empty() => GREEN,
            Ok(_) => RED,
        };
        text.push('\n');
        painted(&mut text, &table_of_routes(routes), routes.iter().map(paint));
    }
    for report in reports {
        let broken = report.laws().into_iter().filter(|law| law.standing() == Standing::Broken);
        broken.for_each(|law| text.push_str(&explained(report, &law)));
    }
    text
}

/// Writes a table whose lines after the heading have these styles.
fn painted(text: &mut String, table: &Table, styles: impl Iterator<Item = Style>) {
    let styles = std::iter::once(Style::new().bold()).chain(styles);
    for (line, style) in table.lines().zip(styles) {
        let _infallible = writeln!(text, "{style}{}{style:#}", line.trim_end());
    }
}

fn summary(reports: &[Report]) -> Table {
    let mut table = plain_table(["candidate", "level", "held", "broken", "not applicable", "cells tried", "time"]);
    for report in reports {
        let count = |standing| report.count(standing).to_string();
        let tried = report.passed() + report.failures().count();
        table.add_row([
            report.candidate.clone(),
            report.rating().to_owned(),
            count(Standing::Held),
            count(Standing::Broken),
            count(Standing::DoesNotApply),
            tried.to_string(),
            format!("{:.1} s", report.took.as_secs_f64()),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table_of_routes(routes: &[RouteReport]) -> Table {
    let mut table = plain_table(["the app's own routes", "decorators", "verdict"]);
    for route in routes {
        table.add_row([route.rule.clone(), route.decorators.join(" > "), route.verdict()]);
    }
    table
}

fn plain_table<const N: usize>(heading: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading);
    table
}

/// Explains a broken law, by its most frequent failures.
fn explained(report: &Report, law: &LawReport<'_>) -> String {
    let mut text = String::new();
    let findings = law.findings();
    let tried = law.passed() + law.failed();
    for finding in findings.iter().take(SHOWN) {
        let Some(first) = finding.cells.first() else { continue };
        let others = match finding.cells.len() {
            1 => String::new(),
            cells => format!(", and {} more of {tried} cells", cells - 1),
        };
        let explanation = Explanation {
            candidate: &report.candidate,
            law: law.law,
            failure: finding.failure,
            place: format!("{}, {}{others}", first.subject.name(), first.host.name()),
            repeat: report.repeat(first),
        };
        let _infallible = write!(text, "\n{explanation}");
    }
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _infallible = line(&mut text, "", &format!("and {more} other failures of this law"));
    }
    text.lines().map(painted_line).collect()
}

/// Makes the heading of an explanation red, and its labels stand back.
fn painted_line(line: &str) -> String {
    match line.split_at_checked(LABEL) {
        _ if line.starts_with("BROKEN") => format!("{RED}{line}{RED:#}\n"),
        Some((label, text)) if label.contains("what to do") => format!("{YELLOW}{label}{YELLOW:#}{text}\n"),
        Some((label, text)) => format!("{DIM}{label}{DIM:#}{text}\n"),
        None => format!("{line}\n"),
    }
}

/// The width of a label with the blanks around it.
const LABEL: usize = 14;

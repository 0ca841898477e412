//! The rows of a timeline, in the order of their beginning.

use std::time::Duration;

use crate::execution::{Trace, TraceCrossing, TraceStep};

/// A row of a timeline.
pub(super) enum Row<'t> {
    Step(&'t TraceStep),
    Crossing(&'t TraceCrossing),
}

impl Row<'_> {
    fn began(&self) -> Duration {
        match self {
            Self::Step(step) => step.began,
            Self::Crossing(crossing) => crossing.sent,
        }
    }
}

/// Returns the steps and crossings of `trace` as rows.
pub(super) fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let crossings = trace.crossings.iter().map(Row::Crossing);
    let mut rows: Vec<_> = trace.steps.iter().map(Row::Step).chain(crossings).collect();
    rows.sort_by_key(Row::began);
    rows
}

/// Returns what a step is called: its kind, unless that is plain from its place, and its function.
pub(super) fn label(step: &TraceStep) -> String {
    let kind = step.kind.to_string();
    if step.name == kind { kind } else { format!("{kind} {}", step.name) }
}

/// Returns when a step ended, or the request did.
pub(super) fn end_of(step: &TraceStep, trace: &Trace) -> Duration {
    step.ended.unwrap_or(trace.duration).max(step.began)
}

/// Returns one line about the whole request.
pub(super) fn summary(trace: &Trace) -> String {
    let crossings = match trace.crossings.len() {
        1 => "1 crossing".to_owned(),
        many => format!("{many} crossings"),
    };
    format!("{} in {}, {crossings}", trace.status, readable(trace.duration))
}

/// Returns a time with three digits: `4.20 µs`, `132 µs`, `1.25 ms`.
pub(super) fn readable(time: Duration) -> String {
    let (value, unit) = match time.as_secs_f64() {
        seconds if seconds < 1e-3 => (seconds * 1e6, "µs"),
        seconds if seconds < 1.0 => (seconds * 1e3, "ms"),
        seconds => (seconds, "s"),
    };
    let digits = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

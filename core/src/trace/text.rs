//! A timeline as text, for the terminal.

use std::fmt::Write as _;
use std::time::Duration;

use super::rows::{Row, end_of, label, readable, rows, summary};
use crate::execution::{Trace, TraceStep};

/// The width of the picture, in characters.
const WIDTH: u32 = 30;

impl Trace {
    /// Returns the timeline as a table: a line for each step and each crossing, with a bar in which `█` is where the
    /// step, or one inside it, ran, and `░` where it waited.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// fn index() -> &'static str {
    ///     "sync"
    /// }
    /// app.route("/", index);
    /// let text = app.test_client().get("/").traced().wait()?.trace().unwrap().to_text();
    /// assert!(text.starts_with("GET /: 200 in "));
    /// assert!(text.contains("view index"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn to_text(&self) -> String {
        let mut lines = vec![["step", "colour", "thread", "ran", "waited", "when"].map(str::to_owned)];
        let mut depth = 0;
        for row in rows(self) {
            lines.push(match row {
                Row::Step(step) => {
                    depth = step.depth;
                    self.line_of_step(step)
                }
                Row::Crossing(crossing) => {
                    let queued = readable(crossing.began.saturating_sub(crossing.sent));
                    let thread = self.threads[crossing.thread].clone();
                    let bar = self.bar(
                        |from, to| {
                            if overlaps((crossing.sent, crossing.began), (from, to)) { '·' } else { ' ' }
                        },
                    );
                    [format!("{}crossing", indent(depth + 1)), String::new(), thread, String::new(), queued, bar]
                }
            });
        }
        format!("{}: {}\n\n{}", self.request, summary(self), table(&lines))
    }

    fn line_of_step(&self, step: &TraceStep) -> [String; 6] {
        let (ran, end) = (step.ran(), end_of(step, self));
        let waited = end.saturating_sub(step.began).saturating_sub(ran);
        let bar = self.bar(|from, to| {
            let runs = step.runs.iter().any(|run| !run.waits && overlaps((run.from, run.to), (from, to)));
            match (runs, overlaps((step.began, end), (from, to))) {
                (true, _) => '█',
                (false, true) => '░',
                (false, false) => ' ',
            }
        });
        let name = format!("{}{}", indent(step.depth), label(step));
        let cancelled = if step.ended.is_none() { " (cancelled)" } else { "" };
        let thread = format!("{}{cancelled}", self.threads_of(step).join(", "));
        [name, step.colour.to_string(), thread, readable(ran), readable(waited), bar]
    }

    /// Draws a bar of characters, each for a stretch of the request's time.
    fn bar(&self, character: impl Fn(Duration, Duration) -> char) -> String {
        let at = |cell: u32| self.duration * cell / WIDTH;
        (0..WIDTH).map(|cell| character(at(cell), at(cell + 1))).collect()
    }
}

/// Whether two stretches of time have a moment in common.
fn overlaps(a: (Duration, Duration), b: (Duration, Duration)) -> bool {
    a.0 < b.1 && b.0 <= a.1
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

fn table(lines: &[[String; 6]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Times stand to the right, so that their units are below one another.
            let _infallible = match column {
                3 | 4 => write!(written, "{cell:>width$}  "),
                _ => write!(written, "{cell:width$}  "),
            };
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

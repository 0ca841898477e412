//! A timeline as a picture that stands on its own.

use std::fmt::Write as _;
use std::time::Duration;

use super::rows::{Row, end_of, label, readable, rows, summary};
use crate::execution::{Trace, TraceCrossing, TraceStep};
use crate::http_types::escape;

/// The size of the picture, in its own units, which are pixels where it is as wide as that.
const WIDTH: f64 = 400.0;
const MARGIN: f64 = 12.0;
const TOP: f64 = 58.0;
const ROW: f64 = 36.0;
const BAR: f64 = 9.0;
const INDENT: f64 = 12.0;

/// The most characters of a label.
const LABEL: usize = 34;

/// Colours for a light and for a dark background: blue for the event loop, orange for workers.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}.s{fill:#59636e}\
    .b{fill:#fff}.l{fill:#0969da}.w{fill:#bc4c00}.o{opacity:.22}.d{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:3 3}\
    .a{fill:#bc4c00}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.b{fill:#0d1117}.l{fill:#4493f8}\
    .w,.a{fill:#f0883e}.d{stroke:#f0883e}}";

impl Trace {
    /// Returns the timeline as a picture in SVG, with its own style for light and dark backgrounds. A bar is blue where
    /// the step ran on the event loop, orange where it ran on a worker, and pale where it waited.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "sync");
    /// let svg = app.test_client().get("/").traced().wait()?.trace().unwrap().to_svg();
    /// assert!(svg.starts_with("<svg xmlns=") && svg.contains("worker 1"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn to_svg(&self) -> String {
        let rows = rows(self);
        #[allow(clippy::cast_precision_loss, reason = "a picture has fewer rows than a float has digits")]
        let height = TOP + ROW * rows.len() as f64 + 24.0;
        let (title, summary) = (escape(&self.request), escape(&summary(self)));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"{title}: {summary}\"><title>{title}: {summary}</title><style>{STYLE}</style>\
             <rect class=\"b\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\
             <text class=\"t\" x=\"{MARGIN}\" y=\"24\">{title}</text><text class=\"s\" x=\"{MARGIN}\" y=\"42\">{summary}</text>"
        );
        let (mut y, mut depth) = (TOP, 0);
        for row in rows {
            match row {
                Row::Step(step) => {
                    depth = step.depth;
                    self.draw_step(&mut svg, step, y);
                }
                Row::Crossing(crossing) => self.draw_crossing(&mut svg, crossing, depth + 1, y),
            }
            y += ROW;
        }
        let end = readable(self.duration);
        let _infallible = write!(
            svg,
            "<text class=\"s\" x=\"{MARGIN}\" y=\"{0}\">0</text><text class=\"s\" x=\"{1}\" y=\"{0}\" \
             text-anchor=\"end\">{end}</text></svg>",
            y + 12.0,
            WIDTH - MARGIN
        );
        svg
    }

    fn draw_step(&self, svg: &mut String, step: &TraceStep, y: f64) {
        let (label, threads) = (escape(&shortened(&label(step))), escape(&self.threads_of(step).join(", ")));
        let cancelled = if step.ended.is_none() { " · cancelled" } else { "" };
        let (colour, ran) = (step.colour, readable(step.ran()));
        let _infallible = write!(
            svg,
            "<text x=\"{}\" y=\"{}\">{label} <tspan class=\"s\">{colour} · {threads} · {ran}{cancelled}</tspan></text>",
            indented(step.depth),
            y + 10.0
        );
        let end = end_of(step, self);
        self.draw_bar(svg, step.runs.first().map_or(0, |run| run.thread), (step.began, end), true, y);
        for run in &step.runs {
            self.draw_bar(svg, run.thread, (run.from, run.to), run.waits, y);
        }
    }

    fn draw_bar(&self, svg: &mut String, thread: usize, (from, to): (Duration, Duration), is_pale: bool, y: f64) {
        let (x, end) = (self.x(from), self.x(to));
        let is_loop = self.threads.get(thread).is_some_and(|name| name.starts_with("event loop"));
        let class = if is_loop { "l" } else { "w" };
        let pale = if is_pale { " o" } else { "" };
        let _infallible = write!(
            svg,
            "<rect class=\"{class}{pale}\" x=\"{x:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"1.5\"/>",
            y + 15.0,
            (end - x).max(1.5)
        );
    }

    fn draw_crossing(&self, svg: &mut String, crossing: &TraceCrossing, depth: usize, y: f64) {
        let thread = escape(&self.threads[crossing.thread]);
        let queued = readable(crossing.began.saturating_sub(crossing.sent));
        let (from, to, middle) = (self.x(crossing.sent), self.x(crossing.began), y + 15.0 + BAR / 2.0);
        let _infallible = write!(
            svg,
            "<text class=\"a\" x=\"{}\" y=\"{}\">crosses to {thread}<tspan class=\"s\"> · {queued} in the queue</tspan></text>\
             <path class=\"d\" d=\"M{from:.1} {middle}H{to:.1}\"/>\
             <path class=\"a\" d=\"M{to:.1} {middle}l-6 -4v8z\"/>",
            indented(depth),
            y + 10.0
        );
    }

    /// Where a time is on the picture.
    fn x(&self, time: Duration) -> f64 {
        let total = self.duration.as_secs_f64().max(1e-9);
        MARGIN + (WIDTH - 2.0 * MARGIN) * (time.as_secs_f64() / total).min(1.0)
    }
}

/// Returns as much of a label as leaves room for the rest of its line.
fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL {
        label.to_owned()
    } else {
        label.chars().take(LABEL - 1).chain(['…']).collect()
    }
}

fn indented(depth: usize) -> f64 {
    let steps = u8::try_from(depth).unwrap_or(u8::MAX).min(12);
    MARGIN + INDENT * f64::from(steps)
}

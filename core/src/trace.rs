//! The timeline of a request to look at: as text, as JSON, as a picture, and on the pages of debug mode.

mod page;
mod svg;
mod text;
mod rows;

pub(crate) use page::trace_page;

use serde_json::{Value, json};

use crate::execution::{Trace, TraceCrossing, TraceRun, TraceStep};

impl Trace {
    /// Returns the timeline as JSON, with all times in microseconds.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "sync");
    /// let trace = app.test_client().get("/").traced().wait()?.trace().unwrap().to_json();
    /// assert_eq!(trace["steps"][0]["kind"], "view");
    /// assert_eq!(trace["steps"][0]["runs"][0]["thread"], "worker 1");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn to_json(&self) -> Value {
        json!({
            "request": self.request,
            "status": self.status,
            "duration_us": micros(self.duration),
            "threads": self.threads,
            "steps": self.steps.iter().map(|step| self.step_to_json(step)).collect::<Vec<_>>(),
            "crossings": self.crossings.iter().map(|crossing| self.crossing_to_json(crossing)).collect::<Vec<_>>(),
        })
    }

    fn step_to_json(&self, step: &TraceStep) -> Value {
        json!({
            "kind": step.kind.to_string(),
            "name": step.name,
            "colour": step.colour.to_string(),
            "depth": step.depth,
            "began_us": micros(step.began),
            "ended_us": step.ended.map(micros),
            "runs": step.runs.iter().map(|run| self.run_to_json(run)).collect::<Vec<_>>(),
        })
    }

    fn run_to_json(&self, run: &TraceRun) -> Value {
        let thread = &self.threads[run.thread];
        json!({ "thread": thread, "from_us": micros(run.from), "to_us": micros(run.to), "waits": run.waits })
    }

    fn crossing_to_json(&self, crossing: &TraceCrossing) -> Value {
        let thread = &self.threads[crossing.thread];
        json!({ "sent_us": micros(crossing.sent), "began_us": micros(crossing.began), "thread": thread })
    }
}

/// Microseconds, to the nanosecond.
fn micros(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e9).round() / 1e3
}

//! The record of a request that is over: its timeline, and what the lint finds in it.

use super::dispatch::EnteredRequest;
use super::inspect::is_linted;
use crate::execution::Recorder;
use crate::http_types::Response;
use crate::view::faults_of;

impl EnteredRequest {
    /// Keeps the timeline of a request that is over, and reports the faults that it shows.
    #[cold]
    pub(super) fn finish_record(&self, recorder: &Recorder, response: &Response) {
        let app = self.context.app();
        recorder.finish(response.status().as_u16());
        if is_linted(app, self.is_inspected) {
            app.run_state().report_lints(recorder, faults_of(&self.method, response));
        }
        let kept = app.config().traces_to_keep();
        if kept > 0 {
            app.run_state().keep_trace(recorder.trace(), kept);
        }
    }
}

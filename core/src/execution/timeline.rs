//! The timeline of a request: which step ran on which thread and when, and where the request crossed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::colour::Colour;
use super::fault::{Fault, StepNotes};

/// The timeline of one request. It shows which steps the request had, where they ran, where it crossed between the
/// event loop and the workers, and what it waited for.
///
/// The command `trace GET /path` prints one; in tests [`TestRequest::traced`](crate::testing::TestRequest::traced) asks
/// for it. All times are counted from the request's beginning.
///
/// ```
/// use costrel::App;
///
/// let mut app = App::new("docs");
/// app.before_request(|| ());
/// app.route("/", || "sync");
/// let response = app.test_client().get("/").traced().wait()?;
/// let trace = response.trace().unwrap();
/// assert_eq!(trace.crossings.len(), 1);
/// assert_eq!(trace.steps.iter().filter(|step| trace.threads_of(step) == ["worker 1"]).count(), 2);
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Trace {
    /// The request's method and path.
    pub request: String,
    /// The status of the response; 0 as long as there is none, or when the client left before.
    pub status: u16,
    /// The time from the request's beginning to the end of its teardown.
    pub duration: Duration,
    /// The names of the threads that the request ran on, in the order in which it came to them: `event loop 1`,
    /// `worker 1`.
    pub threads: Vec<String>,
    /// The steps, in the order in which they began.
    pub steps: Vec<TraceStep>,
    /// The crossings from the event loop to a worker, in their order.
    pub crossings: Vec<TraceCrossing>,
}

/// A step of a request: one call of a hook, a decorator, a view or a handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceStep {
    /// The kind of the step.
    pub kind: StepKind,
    /// The name of the function.
    pub name: String,
    /// The colour of the function.
    pub colour: Colour,
    /// The number of steps around this one: a view behind two decorators has depth 2.
    pub depth: usize,
    /// The time when the step began.
    pub began: Duration,
    /// The time when the step ended; `None` if it was cancelled.
    pub ended: Option<Duration>,
    /// The times in which the step, or one inside it, ran. A step that has begun and does not run waits.
    pub runs: Vec<TraceRun>,
}

/// A stretch of time in which a step ran on one thread.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceRun {
    /// The thread, as an index of [`Trace::threads`].
    pub thread: usize,
    /// The time when the step began to run there.
    pub from: Duration,
    /// The time when it stopped.
    pub to: Duration,
    /// Whether the thread was blocked in a wait for a future meanwhile.
    pub waits: bool,
}

/// A crossing from the event loop to a worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceCrossing {
    /// The time when the event loop sent the work.
    pub sent: Duration,
    /// The time when the worker began it; until then the work was in the queue.
    pub began: Duration,
    /// The worker, as an index of [`Trace::threads`].
    pub thread: usize,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// The session is opened by the app's own interface.
    OpenSession,
    /// A function of `url_value_preprocessor`.
    UrlValuePreprocessor,
    /// A function of `before_request`, or `before_websocket`.
    BeforeRequest,
    /// A decorator of the view.
    Decorator,
    /// The view.
    View,
    /// An error handler.
    ErrorHandler,
    /// A function of `after_request`, `after_websocket` or `after_this_request`.
    AfterRequest,
    /// The session is saved by the app's own interface.
    SaveSession,
    /// A function of `teardown_request`, `teardown_websocket` or `teardown_appcontext`.
    Teardown,
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OpenSession => "open_session",
            Self::UrlValuePreprocessor => "url_value_preprocessor",
            Self::BeforeRequest => "before_request",
            Self::Decorator => "decorator",
            Self::View => "view",
            Self::ErrorHandler => "errorhandler",
            Self::AfterRequest => "after_request",
            Self::SaveSession => "save_session",
            Self::Teardown => "teardown",
        })
    }
}

impl Trace {
    /// The names of the threads that `step` ran on, each once.
    pub fn threads_of(&self, step: &TraceStep) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for run in &step.runs {
            if !names.contains(&&*self.threads[run.thread]) {
                names.push(&self.threads[run.thread]);
            }
        }
        names
    }
}

impl TraceStep {
    /// The time in which the step, or one inside it, ran.
    pub fn ran(&self) -> Duration {
        self.runs.iter().filter(|run| !run.waits).map(|run| run.to.saturating_sub(run.from)).sum()
    }
}

/// The most stretches of time that a step keeps; a stream of messages could have any number.
const MOST_RUNS: usize = 200;

/// The most steps that a timeline keeps.
const MOST_STEPS: usize = 1_000;

/// Whether any request of this process has been recorded. As long as none has, a step costs the look at this alone.
static RECORDING: AtomicBool = AtomicBool::new(false);

pub(super) fn is_recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// The recorder of a request's timeline, shared by all that runs for the request.
pub(crate) struct Recorder {
    start: Instant,
    timeline: Mutex<Timeline>,
}

#[derive(Default)]
struct Timeline {
    trace: Trace,
    /// The notes of the lint, one for each step.
    notes: Vec<StepNotes>,
    /// The threads by their ids, in the order of their names.
    threads: Vec<ThreadId>,
}

impl Recorder {
    pub(crate) fn start(request: String) -> Arc<Self> {
        RECORDING.store(true, Ordering::Relaxed);
        let timeline = Timeline { trace: Trace { request, ..Trace::default() }, ..Timeline::default() };
        Arc::new(Self { start: Instant::now(), timeline: Mutex::new(timeline) })
    }

    /// Returns what has been recorded so far.
    pub(crate) fn trace(&self) -> Trace {
        self.timeline.lock().trace.clone()
    }

    /// Notes the response and the end of the request.
    pub(crate) fn finish(&self, status: u16) {
        let now = self.now();
        let trace = &mut self.timeline.lock().trace;
        (trace.status, trace.duration) = (status, now);
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Notes that a step begins, inside the step `around`. Returns its number, or `None` if the timeline is full.
    pub(super) fn begin(&self, kind: StepKind, name: String, colour: Colour, around: Option<usize>) -> Option<usize> {
        let began = self.now();
        let timeline = &mut *self.timeline.lock();
        let steps = &mut timeline.trace.steps;
        if steps.len() == MOST_STEPS {
            return None;
        }
        let depth = around.map_or(0, |around| steps[around].depth + 1);
        timeline.notes.push(StepNotes { around, ..StepNotes::default() });
        steps.push(TraceStep { kind, name, colour, depth, began, ended: None, runs: Vec::new() });
        Some(steps.len() - 1)
    }

    /// Notes whether a step has succeeded, and the faults of its response.
    pub(super) fn note_answer(&self, step: usize, succeeded: bool, faults: Vec<Fault>) {
        let notes = &mut self.timeline.lock().notes[step];
        (notes.succeeded, notes.faults) = (succeeded, faults);
    }

    /// Calls `f` with what has been recorded so far, and with the notes of the lint.
    pub(super) fn read<R>(&self, f: impl FnOnce(&Trace, &[StepNotes]) -> R) -> R {
        let timeline = self.timeline.lock();
        f(&timeline.trace, &timeline.notes)
    }

    /// Notes that `step` ran on this thread since `from`, or that it waited there.
    pub(super) fn ran(&self, step: usize, from: Duration, waits: bool, is_worker: bool) {
        let to = self.now();
        let timeline = &mut *self.timeline.lock();
        if !waits && !is_worker {
            let longest = &mut timeline.notes[step].held_the_loop;
            *longest = to.saturating_sub(from).max(*longest);
        }
        let thread = timeline.this_thread(is_worker);
        let runs = &mut timeline.trace.steps[step].runs;
        let runs_are_many = runs.len() == MOST_RUNS;
        match runs.last_mut() {
            // The last one is made longer, so that what runs for ever does not fill the memory.
            Some(last) if runs_are_many => last.to = to,
            _ => runs.push(TraceRun { thread, from, to, waits }),
        }
    }

    pub(super) fn end(&self, step: usize) {
        let now = self.now();
        self.timeline.lock().trace.steps[step].ended.get_or_insert(now);
    }
}

/// Work on its way from the event loop to a worker.
pub(super) struct RecordedCrossing {
    recorder: Arc<Recorder>,
    sent: Duration,
}

impl RecordedCrossing {
    /// Notes when the work is sent, if the timeline of its request is recorded.
    pub(super) fn send(recorder: impl FnOnce() -> Option<Arc<Recorder>>) -> Option<Box<Self>> {
        let recorder = if is_recording() { recorder()? } else { return None };
        Some(Box::new(Self { sent: recorder.now(), recorder }))
    }

    /// Notes that a worker, this thread, begins the work.
    pub(super) fn arrive(self) {
        let began = self.recorder.now();
        let timeline = &mut *self.recorder.timeline.lock();
        let thread = timeline.this_thread(true);
        timeline.trace.crossings.push(TraceCrossing { sent: self.sent, began, thread });
    }
}

impl Timeline {
    /// The number of this thread. A thread keeps the name by which it was met first.
    fn this_thread(&mut self, is_worker: bool) -> usize {
        let id = thread::current().id();
        if let Some(known) = self.threads.iter().position(|thread| *thread == id) {
            return known;
        }
        let kind = if is_worker { "worker" } else { "event loop" };
        let number = 1 + self.trace.threads.iter().filter(|name| name.starts_with(kind)).count();
        self.threads.push(id);
        self.trace.threads.push(format!("{kind} {number}"));
        self.threads.len() - 1
    }
}

//! A step of a request whose timeline is recorded.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use super::colour::Colour;
use super::fault::Fault;
use super::run_on_worker::block_on;
use super::task_local::{TaskContext, with_current};
use super::timeline::{Recorder, StepKind, is_recording};
use super::worker::on_worker;
use crate::error::Error;

thread_local! {
    /// The step whose code runs on this thread.
    static CURRENT: RefCell<Option<RecordedStep>> = const { RefCell::new(None) };
}

/// A step that is recorded.
#[derive(Clone)]
pub(crate) struct RecordedStep {
    recorder: Arc<Recorder>,
    number: usize,
}

impl RecordedStep {
    /// Begins a step of the current request, if its timeline is recorded.
    #[inline]
    pub(crate) fn begin(kind: StepKind, function: impl FnOnce() -> (Colour, String)) -> Option<Self> {
        if is_recording() { Self::record(kind, function()) } else { None }
    }

    #[cold]
    fn record(kind: StepKind, (colour, name): (Colour, String)) -> Option<Self> {
        let recorder = with_current(TaskContext::recorder)??;
        let around = CURRENT.with(|current| {
            let around = current.borrow();
            let around = around.as_ref().filter(|around| Arc::ptr_eq(&around.recorder, &recorder));
            around.map(|around| around.number)
        });
        let number = recorder.begin(kind, name, colour, around)?;
        Some(Self { recorder, number })
    }

    /// Runs `f` as this step, whose end comes later.
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _restore = Restore { before: CURRENT.with(|current| current.replace(Some(self.clone()))) };
        f()
    }

    /// Notes for the lint whether the step has succeeded, and the faults of its response.
    pub(crate) fn note_answer(&self, succeeded: bool, faults: Vec<Fault>) {
        self.recorder.note_answer(self.number, succeeded, faults);
    }

    /// Runs `f` as the whole step.
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let run = Run::begin(&self);
        let result = self.enter(f);
        drop(run);
        self.recorder.end(self.number);
        result
    }
}

/// Blocks this thread until `future` is ready, and notes the wait in the step that runs on it.
pub(super) fn block_on_recorded<F: Future>(future: F) -> Result<F::Output, Error> {
    let step = if is_recording() { CURRENT.with(|current| current.borrow().clone()) } else { None };
    let _wait = step.as_ref().map(|step| Run { waits: true, ..Run::begin(step) });
    block_on(future)
}

/// Sets the current step back, also after a panic.
struct Restore {
    before: Option<RecordedStep>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.before.take()));
    }
}

/// A stretch of time in which a step runs on this thread, noted when it is dropped.
struct Run<'s> {
    step: &'s RecordedStep,
    from: Duration,
    waits: bool,
}

impl<'s> Run<'s> {
    fn begin(step: &'s RecordedStep) -> Self {
        Self { step, from: step.recorder.now(), waits: false }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.step.recorder.ran(self.step.number, self.from, self.waits, on_worker());
        if thread::panicking() {
            self.step.recorder.end(self.step.number);
        }
    }
}

/// The future of a step, which notes where and when it is polled.
pub(super) struct RecordedFuture<F> {
    future: F,
    step: RecordedStep,
    /// Whether its polls are runs of the step. Those of sync code are not, because they only send it to a worker.
    polls_are_runs: bool,
}

impl<F: Future + Unpin> RecordedFuture<F> {
    pub(super) fn new(future: F, step: RecordedStep, polls_are_runs: bool) -> Self {
        Self { future, step, polls_are_runs }
    }
}

impl<F: Future + Unpin> Future for RecordedFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { step, future, polls_are_runs } = &mut *self;
        let run = polls_are_runs.then(|| Run::begin(step));
        let polled = step.enter(|| Pin::new(future).poll(context));
        drop(run);
        if polled.is_ready() {
            step.recorder.end(step.number);
        }
        polled
    }
}

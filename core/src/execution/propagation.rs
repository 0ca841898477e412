//! Values that an app takes along to other threads and tasks, such as a task-local or the current OpenTelemetry context.

use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::Error;

/// Captures a value where work is handed on. An app has one for each [`App::propagate`](crate::App::propagate).
pub(crate) struct Propagation {
    capture: Box<dyn Fn() -> Box<dyn Captured> + Send + Sync>,
}

impl Propagation {
    /// A propagation of what `capture` returns; `enter` calls the function it gets where that value is there again.
    pub(crate) fn new<C: Send + Sync + 'static>(
        capture: impl Fn() -> C + Send + Sync + 'static,
        enter: impl Fn(&C, &mut dyn FnMut()) + Send + Sync + 'static,
    ) -> Self {
        let enter = Arc::new(enter);
        Self { capture: Box::new(move || Box::new(Entering { value: capture(), enter: Arc::clone(&enter) })) }
    }
}

/// A captured value that can be entered on any thread.
trait Captured: Send + Sync {
    fn enter(&self, run: &mut dyn FnMut());
}

struct Entering<C, E> {
    value: C,
    enter: Arc<E>,
}

impl<C: Send + Sync, E: Fn(&C, &mut dyn FnMut()) + Send + Sync> Captured for Entering<C, E> {
    fn enter(&self, run: &mut dyn FnMut()) {
        (self.enter)(&self.value, run);
    }
}

/// The captured values of one piece of work; nothing if its app propagates nothing.
#[derive(Clone, Default)]
pub(crate) struct Propagated {
    values: Option<Arc<[Box<dyn Captured>]>>,
}

impl Propagated {
    /// Captures what `propagations` name, as it is here and now.
    pub(crate) fn capture(propagations: &[Propagation]) -> Self {
        if propagations.is_empty() {
            return Self::default();
        }
        let capture = |one: &Propagation| logged("capturing", &one.capture);
        Self { values: Some(propagations.iter().filter_map(capture).collect()) }
    }

    /// Runs `f` where the captured values are there again.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.values {
            None => f(),
            Some(values) => enter_all(values, f),
        }
    }

    /// Polls `future` where the captured values are there again.
    pub(crate) fn around<F: Future>(self, future: F) -> Propagating<F> {
        Propagating { propagated: self, future }
    }
}

/// Runs `f` once inside of all `values`, the first one outermost. One that fails is left out, so no work is lost by it.
fn enter_all<R>(values: &[Box<dyn Captured>], f: impl FnOnce() -> R) -> R {
    let (mut f, mut outcome) = (Some(f), None);
    enter_each(values, &mut || {
        if let Some(f) = f.take() {
            // A panic of `f` passes by the functions of `propagate`, which only see that it returns.
            outcome = Some(panic::catch_unwind(AssertUnwindSafe(f)));
        }
    });
    match outcome {
        Some(Ok(returned)) => returned,
        Some(Err(payload)) => panic::resume_unwind(payload),
        None => unreachable!("`enter_each` runs its function"),
    }
}

fn enter_each(values: &[Box<dyn Captured>], run: &mut dyn FnMut()) {
    let Some((first, others)) = values.split_first() else { return run() };
    let mut has_run = false;
    let mut once = || {
        if !std::mem::replace(&mut has_run, true) {
            enter_each(others, run);
        }
    };
    logged("entering", || first.enter(&mut once));
    if !has_run {
        enter_each(others, run);
    }
}

/// Calls a function of `propagate`. Its panic is logged, because the work goes on without the value.
fn logged<R>(doing: &str, f: impl FnOnce() -> R) -> Option<R> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(f)).map_err(Error::from_caught);
    outcome.inspect_err(|error| tracing::error!("{doing} a value of `App::propagate` failed: {error}")).ok()
}

pin_project! {
    /// The future of [`Propagated::around`].
    pub(crate) struct Propagating<F> {
        propagated: Propagated,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Propagating<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.propagated.enter(|| this.future.poll(context))
    }
}

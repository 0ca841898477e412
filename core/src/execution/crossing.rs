//! The future of a request, which moves to a worker for its sync steps and back to the event loop for its async ones.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_util::future::BoxFuture;

use super::place::{Place, Refusal, poll_for_async};
use super::run_on_worker::{JobHandle, enter_in_place, take_seat};
use super::task_local::TaskContext;
use super::worker::on_worker;
use crate::error::Error;

/// A future whose sync steps run on one worker, as long as they follow one another: it moves there for the first one,
/// and back for the next async step. Its first poll, and each one after an async step, is on the event loop.
pub(crate) struct Crossing<T: Send + 'static> {
    state: State<T>,
    context: Arc<dyn TaskContext>,
    /// Whether the future goes on without its caller once its teardown has begun.
    ends_alone: bool,
    /// Makes the result of steps that were lost: their bridge dropped the job, or they panicked outside of user code.
    lost: fn(Error) -> T,
}

type Steps<T> = BoxFuture<'static, T>;

enum State<T> {
    Here(Steps<T>),
    OnWorker(JobHandle<Moved<T>>),
    Over,
}

/// The steps, or their result, as a worker returns them.
enum Moved<T> {
    /// The future's result.
    Ready(T),
    /// The future, whose next step is async.
    Back(Steps<T>),
}

impl<T: Send + 'static> Crossing<T> {
    /// The future of a whole request: when its caller drops it, it still ends if its teardown has begun.
    pub(crate) fn of_request(
        context: Arc<dyn TaskContext>,
        lost: fn(Error) -> T,
        steps: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        context.jobs().stage.activate();
        Self { state: State::Here(Box::pin(steps)), context, ends_alone: true, lost }
    }

    /// The future of some steps of a request.
    pub(crate) fn of_steps(
        context: Arc<dyn TaskContext>,
        lost: fn(Error) -> T,
        steps: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        Self { state: State::Here(Box::pin(steps)), context, ends_alone: false, lost }
    }

    /// Polls the steps on the event loop, and those that are short in place, if the loop has a thread to spare. Returns
    /// the place at the end too: `Leaving` if the next step needs a worker.
    fn poll_steps(steps: &mut Steps<T>, owner: &dyn TaskContext, start: Place, context: &mut Context<'_>) -> Polled<T> {
        let mut place = start;
        loop {
            let (polled, end) = place.enter(|| steps.as_mut().poll(context));
            if polled.is_ready() || end != Place::LeavingShort {
                return (polled, end);
            }
            let Some(_seat) = take_seat(owner) else { return (polled, Place::Leaving) };
            let _guard = enter_in_place();
            let (polled, end) = Place::SpareThread.enter(|| steps.as_mut().poll(context));
            if polled.is_ready() || end == Place::SpareThread {
                return (polled, end);
            }
            // The next step is async, or not short: back on the event loop it goes on, or moves to a worker.
            place = Place::Loop;
        }
    }

    /// Moves the steps to a worker. Returns the place for their next poll on the event loop, which says why if no worker
    /// takes them.
    fn move_to_worker(&mut self) -> Place {
        let State::Here(steps) = std::mem::replace(&mut self.state, State::Over) else { return Place::Loop };
        let Ok(permit) = self.context.admit() else {
            self.state = State::Here(steps);
            return Place::Refused(Refusal::Busy);
        };
        let admitted = (permit, !self.ends_alone);
        let (handle, is_taken) = JobHandle::begin_steps(&self.context, admitted, steps, poll_on_worker, Moved::Back);
        self.state = State::OnWorker(handle);
        if is_taken { Place::Loop } else { Place::Refused(Refusal::NoThread) }
    }
}

/// The outcome of a poll, and the place at its end.
type Polled<T> = (Poll<T>, Place);

impl<T: Send + 'static> Future for Crossing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        ready!(poll_for_async());
        let this = &mut *self;
        // In code that blocks its thread anyway, sync steps run where they are.
        let mut place = if on_worker() { Place::Elsewhere } else { Place::Loop };
        loop {
            let moved = match &mut this.state {
                State::Here(steps) => match Self::poll_steps(steps, &*this.context, place, context) {
                    (Poll::Ready(output), _) => Moved::Ready(output),
                    (Poll::Pending, Place::Leaving) => {
                        place = this.move_to_worker();
                        continue;
                    }
                    (Poll::Pending, _) => return Poll::Pending,
                },
                State::OnWorker(handle) => ready!(Pin::new(handle).poll(context))
                    .unwrap_or_else(|payload| Moved::Ready((this.lost)(Error::from_caught(payload)))),
                State::Over => return Poll::Pending,
            };
            match moved {
                Moved::Back(steps) => this.state = State::Here(steps),
                Moved::Ready(output) => {
                    this.state = State::Over;
                    return Poll::Ready(output);
                }
            }
        }
    }
}

impl<T: Send + 'static> Drop for Crossing<T> {
    fn drop(&mut self) {
        if !self.ends_alone || matches!(self.state, State::Over) || self.context.jobs().stage.cancel() {
            return;
        }
        let state = std::mem::replace(&mut self.state, State::Over);
        let rest = Self { state, context: Arc::clone(&self.context), ends_alone: false, lost: self.lost };
        self.context.spawn_to_end(Box::pin(async { drop(rest.await) }));
    }
}

/// Polls the steps on this worker until they are over, or the next one is async.
fn poll_on_worker<T>(mut steps: Steps<T>) -> Moved<T> {
    // The waker does nothing, because pending steps go back to the event loop, which polls them again at once.
    let mut context = Context::from_waker(Waker::noop());
    match Place::Worker.enter(|| steps.as_mut().poll(&mut context)).0 {
        Poll::Ready(output) => Moved::Ready(output),
        Poll::Pending => Moved::Back(steps),
    }
}

//! The start-up and the shutdown of an app: the functions around serving, in Quart's order.

use std::time::Duration;

use tokio::sync::oneshot;

use super::background::PinnedToRuntime;
use super::teardown::TeardownGuard;
use crate::context::{APPCONTEXT_PUSHED, AppHandle, Context, GOT_SERVING_EXCEPTION, TeardownHold};
use crate::error::{Error, ErrorKind};
use crate::execution::{Callable, catch_panic, timeout};
use crate::hooks::{Serving, waits_twice};

/// The time that teardown still running at shutdown has to end.
const LAST_TEARDOWNS: Duration = Duration::from_secs(1);

/// An app between its start-up and its shutdown.
pub(crate) struct RunningApp {
    app: AppHandle,
    during: Vec<WhileServingTask>,
}

impl AppHandle {
    /// Runs `before_serving`, then the first halves of `while_serving`, in an app context of their own.
    ///
    /// # Errors
    /// The first failure. Functions of `while_serving` that had begun are ended before it is returned.
    pub(crate) async fn startup(&self) -> Result<RunningApp, Error> {
        self.run_state().restart();
        let context = Context::for_background(self.clone());
        let teardown = TeardownGuard::new(context.clone(), None);
        let mut started = RunningApp { app: self.clone(), during: Vec::new() };
        let outcome = context.run(catch_panic(started.begin(&context))).await;
        let error = outcome.err();
        teardown.finish(error.clone()).await;
        let Some(error) = error else { return Ok(started) };
        self.report_serving(&error).await;
        drop(started.end_during().await);
        Err(refused(&error))
    }

    async fn report_serving(&self, error: &Error) {
        tracing::error!("Exception in serving: {error:?}");
        let sending = GOT_SERVING_EXCEPTION.emit_logged(self, || error.clone());
        Context::without_request(self.clone()).run(sending).await;
    }
}

impl RunningApp {
    async fn begin(&mut self, context: &Context) -> Result<(), Error> {
        APPCONTEXT_PUSHED.emit(&self.app, || ()).await?;
        let app = self.app.clone();
        for hook in &app.parts().serving.before {
            hook.call(()).await?;
        }
        for hook in &app.parts().serving.during {
            self.during.push(WhileServingTask::new(hook, context).await?);
        }
        Ok(())
    }

    /// Waits for the background tasks, then runs the second halves of `while_serving`, the last begun first, then
    /// `after_serving`. Each function runs, even if another fails.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) async fn shutdown(mut self) -> Result<(), Error> {
        self.app.drain_background().await;
        // Teardown of cancelled requests may still need what the functions below close, so wait for it a moment.
        let _ = timeout(Some(LAST_TEARDOWNS), self.app.run_state().teardowns().wait()).await;
        let during = self.end_during().await;
        during.and(self.run_after().await)
    }

    async fn end_during(&mut self) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some(begun) = self.during.pop() {
            let limit = Some(self.app.config().server.shutdown_timeout);
            let ended = timeout(limit, begun.end()).await.unwrap_or_else(|| Err(never_ends()));
            first = first.and(self.noted(ended).await);
        }
        first
    }

    async fn run_after(&self) -> Result<(), Error> {
        let context = Context::without_request(self.app.clone());
        let teardown = TeardownGuard::new(context.clone(), None);
        let mut first = Ok(());
        for hook in &self.app.parts().serving.after {
            let outcome = context.run(catch_panic(async { hook.call(()).await })).await;
            first = first.and(self.noted(outcome).await);
        }
        teardown.finish(first.as_ref().err().cloned()).await;
        first
    }

    async fn noted(&self, outcome: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = &outcome {
            self.app.report_serving(error).await;
        }
        outcome
    }
}

/// A function of `while_serving` whose first half is done.
struct WhileServingTask {
    serving: Serving,
    outcome: oneshot::Receiver<Result<(), Error>>,
    _hold: TeardownHold,
}

impl WhileServingTask {
    /// Starts the function as a task of its own, so that it can work while the app serves.
    async fn new(hook: &Callable<Serving, ()>, context: &Context) -> Result<Self, Error> {
        let serving = Serving::new();
        let (sender, outcome) = oneshot::channel();
        let (running, in_context) = (hook.call(serving.clone()), context.clone());
        let task = async move {
            // Fails if nothing waits for the second half any more.
            let _ = sender.send(in_context.run(catch_panic(running)).await);
        };
        context.app().bridge().spawn(Box::pin(PinnedToRuntime::new(task)));
        let mut begun = Self { serving, outcome, _hold: context.hold() };
        tokio::select! {
            () = begun.serving.first_half() => Ok(begun),
            ended = &mut begun.outcome => Err(match ended {
                Ok(Err(error)) => error,
                _ => never_waits(),
            }),
        }
    }

    async fn end(mut self) -> Result<(), Error> {
        self.serving.stop();
        let outcome = (&mut self.outcome).await.unwrap_or_else(|_| Err(Error::cancelled()));
        if self.serving.waited_twice() { Err(waits_twice()) } else { outcome }
    }
}

impl Drop for WhileServingTask {
    fn drop(&mut self) {
        self.serving.stop();
    }
}

fn refused(error: &Error) -> Error {
    let message = format!("the app did not start: {}; see `before_serving` and `while_serving`", error.message());
    Error::new(ErrorKind::Other, message)
}

fn never_ends() -> Error {
    let message =
        "a function of while_serving did not end within `config.server.shutdown_timeout`; shutdown went on without it";
    Error::new(ErrorKind::Other, message)
}

fn never_waits() -> Error {
    let message = "a function of while_serving returned before `serving.until_stopped()`: wait for that between what is \
                   to be done first and what is to be done last, or use before_serving";
    Error::new(ErrorKind::Other, message)
}

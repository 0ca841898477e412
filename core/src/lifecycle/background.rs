//! Background tasks: counted, so that shutdown waits for them, and their errors reported.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::teardown::TeardownGuard;
use crate::context::{APPCONTEXT_PUSHED, AppHandle, Context, GOT_BACKGROUND_EXCEPTION, current_app};
use crate::error::Error;
use crate::execution::{self, AsyncFn, IntoOutcome, SyncFn, catch_panic};

/// The time that a cancelled task has to end.
const LAST_STEP: Duration = Duration::from_secs(1);

/// A function to be run once, of either colour: `|| ..` on a worker, `async || ..` on the event loop.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run in the background",
    note = "it takes nothing, is Send + 'static, and returns nothing or a `Result<(), E>`: \
            `move || send(mail)` or `async move || send(mail).await`"
)]
pub trait IntoTask<M> {
    /// Returns the future that runs the function.
    #[doc(hidden)]
    fn into_task(self) -> BoxFuture<'static, Result<(), Error>>;
}

impl<F, R> IntoTask<SyncFn<()>> for F
where
    F: FnOnce() -> R + Send + 'static,
    R: IntoOutcome<()>,
{
    fn into_task(self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async { execution::run_sync(|| self().into_outcome()).await? })
    }
}

impl<F, R> IntoTask<AsyncFn<()>> for F
where
    F: FnOnce() -> R + Send + 'static,
    R: Future<Output: IntoOutcome<()>> + Send,
{
    fn into_task(self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async { self().await.into_outcome() })
    }
}

impl AppHandle {
    /// Runs `task` in the background, beside the request: Quart's `add_background_task`. The task has an app context
    /// of its own, with an empty `g` and no request. Its error is logged, and sent as
    /// [`GOT_BACKGROUND_EXCEPTION`](crate::signals::GOT_BACKGROUND_EXCEPTION).
    ///
    /// A sync task runs on one of the `config.background_workers` threads, which are not those of views; if none is free it
    /// waits for one.
    ///
    /// Shutdown waits for the task, for `config.background_task_shutdown_timeout`, and then cancels it: an async task
    /// at its `.await`, a sync one where it waits. Work that must survive this belongs in a task queue.
    ///
    /// ```
    /// use costrel::{App, Error, current_app, request};
    ///
    /// async fn send_email(to: String) -> Result<(), Error> {
    ///     Ok(()) // takes its time
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.post("/send-email", async || {
    ///     let to: String = request().get_json().await?;
    ///     current_app().add_background_task(async || send_email(to).await);
    ///     Ok::<_, Error>(("Email queued", 202))
    /// });
    /// assert_eq!(app.test_client().post("/send-email").json(&"ada@example.org").wait()?.status(), 202);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn add_background_task<M>(&self, task: impl IntoTask<M>) {
        let context = Context::for_background(self.clone());
        let teardown = TeardownGuard::new(context.clone(), None);
        let (app, task) = (self.clone(), task.into_task());
        self.spawn_counted(self.run_state().background_stop(), async move {
            let running = async {
                APPCONTEXT_PUSHED.emit(&app, || ()).await?;
                task.await
            };
            let outcome = context.run(catch_panic(running)).await;
            let error = outcome.err();
            if let Some(error) = &error {
                report(&context, error).await;
            }
            teardown.finish(error).await;
        });
    }

    /// Spawns `task`, which ends early when `stop` is cancelled or its event loop has ended.
    fn spawn_counted(&self, stop: CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
        let task = PinnedToRuntime::new(task);
        let counted = self.run_state().background().track_future(async move {
            if stop.run_until_cancelled_owned(task).await.is_none() {
                tracing::warn!("a background task was cancelled");
            }
        });
        self.bridge().spawn(Box::pin(counted));
    }

    /// Waits for the background tasks, for `background_task_shutdown_timeout`. Returns whether they have ended.
    pub(crate) async fn background_ends(&self) -> bool {
        let limit = self.config().background_task_shutdown_timeout;
        time::timeout(limit, self.run_state().background().wait()).await.is_ok()
    }

    /// Waits for the background tasks, for `background_task_shutdown_timeout`, and then cancels them.
    pub(super) async fn drain_background(&self) {
        if !self.background_ends().await {
            self.run_state().stop_background();
            // Sync code that never waits cannot be cancelled, so it is left running.
            if time::timeout(LAST_STEP, self.run_state().background().wait()).await.is_err() {
                tracing::warn!("sync background tasks are still running and cannot be cancelled");
            }
        }
    }
}

/// Starts a task that runs beside its caller: `asyncio.create_task`. The task has the same request and session, and a
/// `g` of its own, which is torn down at the task's end. Await the [`Task`] for its result, or drop it to let it go on alone; an error is always logged.
///
/// When the view returns, a task on the event loop goes on, and shutdown waits for it as for any background task. With
/// `config.threads`, where a request holds a thread as it does in Flask, the task is cancelled.
/// [`AppHandle::add_background_task`] goes on in either mode.
///
/// ```
/// use costrel::{App, Error, create_task, request};
///
/// let mut app = App::new("docs");
/// app.route("/", async || {
///     let path = create_task(async { Ok::<_, Error>(request().path().to_owned()) });
///     path.await
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Background work, start and end](../costrel_book/background/index.html).
///
/// # Panics
/// Outside a request or an app context, with a message that names the remedy.
#[doc(alias = "add_background_task")]
#[track_caller]
pub fn create_task<T, E>(future: impl Future<Output = Result<T, E>> + Send + 'static) -> Task<T>
where
    T: Send + 'static,
    E: Into<Error> + 'static,
{
    let (app, context) = (current_app(), Context::copied());
    let stop = context.stop_of_tasks().unwrap_or_else(|| app.run_state().background_stop());
    let (sender, outcome) = oneshot::channel();
    let task = Task { outcome, stop: stop.child_token() };
    app.spawn_counted(task.stop.clone(), async move {
        let teardown = TeardownGuard::new(context.clone(), None);
        let running = async {
            APPCONTEXT_PUSHED.emit(context.app(), || ()).await?;
            future.await.map_err(Into::into)
        };
        let outcome = context.run(catch_panic(running)).await;
        if let Err(error) = &outcome {
            report(&context, error).await;
        }
        teardown.finish(outcome.as_ref().err().cloned()).await;
        // Fails if the `Task` was dropped, which is allowed.
        let _ = sender.send(outcome);
    });
    task
}

/// A handle to a task that [`create_task`] started. The task goes on when the handle is dropped.
#[derive(Debug)]
#[must_use = "await it for its result, or `drop` it to let it go on alone"]
pub struct Task<T> {
    outcome: oneshot::Receiver<Result<T, Error>>,
    stop: CancellationToken,
}

impl<T> Task<T> {
    /// Cancels the task: its future is dropped at its next `.await`. A caller that awaits the task gets an error of
    /// the kind [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn cancel(&self) {
        self.stop.cancel();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.outcome.poll_unpin(context).map(|received| received.unwrap_or_else(|_| Err(Error::cancelled())))
    }
}

async fn report(context: &Context, error: &Error) {
    tracing::error!("Exception in a background task: {error:?}");
    context.run(GOT_BACKGROUND_EXCEPTION.emit_logged(context.app(), || error.clone())).await;
}

/// A task that ends if another event loop polls it, because its timers and sockets need the one it began on.
pub(super) struct PinnedToRuntime {
    here: Option<runtime::Id>,
    task: Option<BoxFuture<'static, ()>>,
}

impl PinnedToRuntime {
    /// Pins `task` to the current event loop.
    pub(crate) fn new(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { here: loop_id(), task: Some(Box::pin(task)) }
    }
}

impl Future for PinnedToRuntime {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<()> {
        if self.here != loop_id() {
            tracing::warn!("a task was cancelled, because its event loop has ended");
            self.task = None;
        }
        self.task.as_mut().map_or(Poll::Ready(()), |task| task.poll_unpin(context))
    }
}

fn loop_id() -> Option<runtime::Id> {
    Handle::try_current().ok().map(|event_loop| event_loop.id())
}

//! The public crossings between the colours: [`Waiting`], [`async_to_sync`], [`sync_to_async`].

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::colour::Colour;
use super::pace::note_wait;
use super::place::{Place, poll_for_async};
use super::recorded_step::{RecordedFuture, RecordedStep, block_on_recorded};
use super::run_on_worker::run_sync;
use super::timeline::StepKind;
use crate::error::Error;

/// Makes an async function from a sync one: it runs on a worker, with the caller's context, tracing span and
/// subscriber.
///
/// Called on a worker, it runs in place. Dropping the future before its turn means that `f` never runs; dropping it
/// later cannot stop `f`, which runs to its end.
///
/// ```
/// use costrel::{App, Error, sync_to_async};
///
/// async fn report() -> Result<String, Error> {
///     let read = sync_to_async(|name: &str| std::fs::read_to_string(name));
///     Ok(read("Cargo.toml").await??)
/// }
/// let mut app = App::new("docs");
/// # app.route("/", report);
/// # assert!(app.test_client().get("/").wait().unwrap().text().contains("costrel"));
/// ```
///
/// Book: [Sync and async](../costrel_book/start/sync_and_async/index.html).
///
/// # Errors
/// The future fails if there is no app context, because it needs the app's workers.
#[doc(alias = "run_sync")]
pub fn sync_to_async<A, R>(
    f: impl Fn(A) -> R + Clone + Send + 'static,
) -> impl Fn(A) -> BoxFuture<'static, Result<R, Error>> + Clone
where
    A: Send + 'static,
    R: Send + 'static,
{
    move |input| {
        let f = f.clone();
        Box::pin(run_sync(move || f(input)))
    }
}

/// Makes a sync function from an async one: it blocks the caller until the result is there.
///
/// On a worker, the waiting call hands its slot to other jobs. On a thread outside any event loop, the future gets a
/// temporary event loop, which ends, with any task left on it, when the call returns.
///
/// ```
/// let double = costrel::async_to_sync(|n: i32| async move { n * 2 });
/// assert_eq!(double(21)?, 42);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Sync and async](../costrel_book/start/sync_and_async/index.html).
///
/// # Errors
/// [`OnEventLoop`](crate::ErrorKind::OnEventLoop), at once, if waiting would stop the event loop: use `.await` there.
/// [`Cancelled`](crate::ErrorKind::Cancelled) if the request was cancelled meanwhile; the async function has then been
/// dropped at its `.await`.
pub fn async_to_sync<A, F: Future>(f: impl Fn(A) -> F) -> impl Fn(A) -> Result<F::Output, Error> {
    move |input| {
        note_wait();
        block_on_recorded(f(input))
    }
}

/// A result that async code awaits and sync code waits for.
///
/// ```
/// use costrel::{App, Error, Json, request};
///
/// async fn a(/* async view */) -> Result<Json<i32>, Error> {
///     Ok(Json(request().get_json().await?))
/// }
/// fn b(/* sync view */) -> Result<Json<i32>, Error> {
///     Ok(Json(request().get_json().wait()?))
/// }
/// let mut app = App::new("docs");
/// # app.post("/a", a);
/// # app.post("/b", b);
/// let client = app.test_client();
/// # assert_eq!(client.post("/a").json(&1).wait().unwrap().text(), "1\n");
/// # assert_eq!(client.post("/b").json(&2).wait().unwrap().text(), "2\n");
/// ```
#[must_use = "nothing happens until it is awaited (async) or waited for (sync)"]
pub struct Waiting<T> {
    future: BoxFuture<'static, Result<T, Error>>,
    /// Whether the future is sync code, for which a request moves to a worker.
    is_sync: bool,
}

impl<T> Waiting<T> {
    /// Wraps a future so that code of either colour can use it.
    pub fn new(future: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        Self::boxed(Box::pin(future))
    }

    /// Wraps sync code that may block: it runs on a worker, with the caller's context; on this thread if it is one.
    pub fn from_sync(f: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Self
    where
        T: Send + 'static,
    {
        Self::new(async move { run_sync(f).await? }).marked_sync()
    }

    /// Wraps a result that is there already.
    pub fn ready(result: Result<T, Error>) -> Self
    where
        T: Send + 'static,
    {
        Self::new(std::future::ready(result))
    }

    pub(super) fn boxed(future: BoxFuture<'static, Result<T, Error>>) -> Self {
        Self { future, is_sync: false }
    }

    /// Notes this as a step of the request, if its timeline is recorded.
    pub(crate) fn recorded_as(self, kind: StepKind) -> Self
    where
        T: 'static,
    {
        let colour = if self.is_sync { Colour::Sync } else { Colour::Async };
        match RecordedStep::begin(kind, || (colour, kind.to_string())) {
            None => self,
            Some(step) => self.recorded(step),
        }
    }

    /// Notes the future as `step`.
    pub(super) fn recorded(self, step: RecordedStep) -> Self
    where
        T: 'static,
    {
        Self { future: Box::pin(RecordedFuture::new(self.future, step, !self.is_sync)), ..self }
    }

    /// Calls `f` with the result as soon as it is there.
    pub(crate) fn inspected(self, f: impl FnOnce(&Result<T, Error>) + Send + 'static) -> Self
    where
        T: 'static,
    {
        Self { future: Box::pin(self.future.inspect(f)), ..self }
    }

    /// Notes that the future is sync code, and nothing else that waits.
    pub(crate) fn marked_sync(self) -> Self {
        Self { is_sync: true, ..self }
    }

    /// Blocks until the result is there; the sync twin of `.await`.
    ///
    /// # Errors
    /// The errors of the work itself, and those of [`async_to_sync`].
    pub fn wait(self) -> Result<T, Error> {
        block_on_recorded(self.future)?
    }
}

impl<T> Future for Waiting<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_sync || Place::here() == Place::Elsewhere {
            return self.future.as_mut().poll(context);
        }
        ready!(poll_for_async());
        // Sync code that async code calls crosses alone, because the async code stays on the event loop.
        Place::Elsewhere.enter(|| self.future.as_mut().poll(context)).0
    }
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

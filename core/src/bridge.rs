//! The crossing between the event loop and the workers, both ways.
//!
//! Everything here follows from four rules: sync code may block, so it runs on a worker; once on a worker,
//! everything beneath stays there; a worker that waits hands its slot on; blocking on the loop is refused.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::local::{self, Carried};
use crate::workers::Pool;

/// Makes an async function of a sync one: it runs on a worker, with the caller's context and tracing span.
///
/// On a worker already, it runs in place. Dropping the future before its turn has come means that `f` never
/// runs; dropping it later cannot stop `f`, which finishes on its own.
///
/// ```
/// # use costrel::{App, Error, sync_to_async};
/// async fn report() -> Result<String, Error> {
///     let read = sync_to_async(|name: &str| std::fs::read_to_string(name));
///     Ok(read("Cargo.toml").await??)
/// }
/// # let mut app = App::new("docs");
/// # app.route("/", report);
/// # assert!(app.test_client().get("/").wait().unwrap().text().contains("costrel"));
/// ```
///
/// # Errors
/// The future fails where there is no app context, whose workers it needs.
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

/// Makes a sync function of an async one: it blocks the caller until the result is there.
///
/// On a worker the waiting one gives its place to others. On a thread that belongs to no event loop the
/// future gets a small event loop of its own, which ends, with any task left on it, when the call returns.
///
/// ```
/// let double = costrel::async_to_sync(|n: i32| async move { n * 2 });
/// assert_eq!(double(21)?, 42);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// [`OnEventLoop`](crate::ErrorKind::OnEventLoop), at once, where waiting would stop the event loop: use
/// `.await` there. [`Cancelled`](crate::ErrorKind::Cancelled) if the request was given up meanwhile; the
/// async function has then been dropped at its `.await`.
pub fn async_to_sync<A, F: Future>(f: impl Fn(A) -> F) -> impl Fn(A) -> Result<F::Output, Error> {
    move |input| block_on(f(input))
}

/// A result that async code awaits and sync code waits for.
///
/// ```
/// # use costrel::{App, Error, Json, request};
/// async fn a(/* async view */) -> Result<Json<i32>, Error> {
///     Ok(Json(request().get_json().await?))
/// }
/// fn b(/* sync view */) -> Result<Json<i32>, Error> {
///     Ok(Json(request().get_json().wait()?))
/// }
/// # let mut app = App::new("docs");
/// # app.post("/a", a);
/// # app.post("/b", b);
/// # let client = app.test_client();
/// # assert_eq!(client.post("/a").json(&1).wait().unwrap().text(), "1\n");
/// # assert_eq!(client.post("/b").json(&2).wait().unwrap().text(), "2\n");
/// ```
#[must_use = "nothing happens until it is awaited (async) or waited for (sync)"]
pub struct Waiting<T> {
    future: BoxFuture<'static, Result<T, Error>>,
}

impl<T> Waiting<T> {
    /// Wraps a future so that code of either colour can use it.
    pub fn new(future: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        Self { future: Box::pin(future) }
    }

    /// A result that is there already.
    pub fn ready(result: Result<T, Error>) -> Self
    where
        T: Send + 'static,
    {
        Self { future: Box::pin(std::future::ready(result)) }
    }

    pub(crate) fn boxed(future: BoxFuture<'static, Result<T, Error>>) -> Self {
        Self { future }
    }

    /// Blocks until the result is there; the sync twin of `.await`.
    ///
    /// # Errors
    /// Those of the work itself, and those of [`async_to_sync`].
    pub fn wait(self) -> Result<T, Error> {
        block_on(self.future)?
    }
}

impl<T> IntoFuture for Waiting<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Result<T, Error>>;

    fn into_future(self) -> Self::IntoFuture {
        self.future
    }
}

impl<T> std::fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

/// Whether this thread is a worker, where code may block and everything beneath stays.
pub(crate) fn on_worker() -> bool {
    WORKER.with_borrow(Option::is_some)
}

/// Runs `f` where it may block: here if this is a worker, else on one.
pub(crate) async fn run_sync<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
    if on_worker() {
        return Ok(f());
    }
    let carried = local::current().ok_or_else(|| Error::outside_context("application"))?;
    match Crossing::begin(carried, f)?.await {
        Ok(value) => Ok(value),
        Err(panicked) => panic::resume_unwind(panicked),
    }
}

/// Blocks this thread until `future` is ready, if it is one that may block.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Error> {
    if let Some(worker) = WORKER.with_borrow(Clone::clone) {
        return worker.wait_for(future);
    }
    if Handle::try_current().is_ok() {
        return Err(Error::on_event_loop());
    }
    // A thread of its own turns this loop, so that it goes on while frames beneath wait on this thread.
    let own_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = {
        let _reactor = own_loop.enter();
        let worker = Worker::default();
        let _here = Here::enter(worker.clone());
        worker.wait_for(future)
    };
    own_loop.shutdown_background();
    outcome
}

thread_local! {
    /// What this thread may block as, if it may.
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// A thread that may block: one of the pool in the middle of a job, or a plain thread that waits.
#[derive(Clone, Default)]
struct Worker {
    /// Whose slot it has; a plain thread has none.
    pool: Option<Arc<Pool>>,
    signal: Arc<CancelSignal>,
}

/// Marks this thread as a worker while it lives.
struct Here;

impl Here {
    fn enter(worker: Worker) -> Self {
        WORKER.set(Some(worker));
        Self
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        WORKER.set(None);
    }
}

/// Tells a job that nobody waits for it any more.
#[derive(Default)]
struct CancelSignal {
    cancelled: AtomicBool,
    thread: parking_lot::Mutex<Option<Thread>>,
}

impl CancelSignal {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

impl Worker {
    /// Polls `future` on this thread; while it is pending, the slot belongs to others.
    fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        let alarm = Arc::new(Alarm { rung: AtomicBool::new(false), thread: thread::current() });
        let waker = Waker::from(Arc::clone(&alarm));
        let mut context = Context::from_waker(&waker);
        loop {
            if self.signal.is_cancelled() {
                return Err(Error::cancelled());
            }
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            if !alarm.has_rung() {
                self.pause(|| alarm.sleep_until(|| self.signal.is_cancelled()));
            }
        }
    }

    fn pause(&self, wait: impl FnOnce()) {
        match &self.pool {
            Some(pool) => pool.pause(wait),
            None => wait(),
        }
    }
}

/// Wakes one waiting frame. Each has its own, as frames nest on a thread and share its park token.
struct Alarm {
    rung: AtomicBool,
    thread: Thread,
}

impl Alarm {
    fn has_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    fn sleep_until(&self, cancelled: impl Fn() -> bool) {
        while !self.has_rung() && !cancelled() {
            thread::park();
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// A job on its way to a worker and its result on the way back.
///
/// Dropped early, it cancels the job: one still queued never runs, one that waits for a future gives up.
struct Crossing<R> {
    result: oneshot::Receiver<thread::Result<R>>,
    signal: Arc<CancelSignal>,
}

impl<R: Send + 'static> Crossing<R> {
    fn begin(carried: Arc<dyn Carried>, f: impl FnOnce() -> R + Send + 'static) -> Result<Self, Error> {
        let pool = Arc::clone(carried.pool());
        let signal = Arc::new(CancelSignal::default());
        let (sender, result) = oneshot::channel();
        let job = Passage::new(carried, Worker { pool: Some(Arc::clone(&pool)), signal: Arc::clone(&signal) });
        let job = Box::new(move || {
            if !sender.is_closed() {
                let outcome = job.run(f);
                // The job is over before its result is known, so that teardown need not wait for it.
                drop(job);
                // Nobody may be left to tell, which is fine.
                let _ = sender.send(outcome);
            }
        });
        match pool.submit(job) {
            Ok(()) => Ok(Self { result, signal }),
            Err(_) => Err(Error::status(503).with_message("no thread could be started for sync work")),
        }
    }
}

impl<R> Future for Crossing<R> {
    type Output = thread::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result)
            .poll(context)
            .map(|received| received.unwrap_or_else(|lost| Err(Box::new(lost.to_string()))))
    }
}

impl<R> Drop for Crossing<R> {
    fn drop(&mut self) {
        self.signal.cancel();
    }
}

/// What a job takes along to the worker: the context, the tracing span, the reactor.
struct Passage {
    carried: Arc<dyn Carried>,
    worker: Worker,
    span: tracing::Span,
    reactor: Option<Handle>,
}

impl Passage {
    fn new(carried: Arc<dyn Carried>, worker: Worker) -> Self {
        carried.jobs().begin();
        Self { carried, worker, span: tracing::Span::current(), reactor: Handle::try_current().ok() }
    }

    fn run<R>(&self, f: impl FnOnce() -> R) -> thread::Result<R> {
        let _reactor = self.reactor.as_ref().map(Handle::enter);
        *self.worker.signal.thread.lock() = Some(thread::current());
        let _here = Here::enter(self.worker.clone());
        let carried = Arc::clone(&self.carried);
        panic::catch_unwind(AssertUnwindSafe(|| local::sync_scope(carried, || self.span.in_scope(f))))
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.carried.jobs().end();
    }
}

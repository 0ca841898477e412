//! Functions with their colour: the one place that distinguishes sync from async, by type.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::colour::Colour;
use super::function_name::readable_name;
use super::pace::{Pace, note_wait};
use super::place::Place;
use super::recorded_step::{RecordedStep, block_on_recorded};
use super::run_on_worker::run_paced;
use super::timeline::StepKind;
use super::waiting::Waiting;
use crate::error::Error;

/// A function of either colour from `I` to `Result<O, Error>`, callable from code of either colour.
///
/// ```
/// use costrel::{Callable, Colour, Error};
///
/// let double = Callable::new_async(|n: i32| async move { Ok::<_, Error>(n * 2) });
/// assert_eq!(double.colour(), Colour::Async);
/// assert_eq!(double.call_sync(21)?, 42);
/// # Ok::<(), Error>(())
/// ```
pub struct Callable<I, O> {
    function: Function<I, O>,
    /// The path of the user's function; empty if it is not known.
    path: &'static str,
}

type SyncFunction<I, O> = dyn Fn(I) -> Result<O, Error> + Send + Sync;
type AsyncFunction<I, O> = dyn Fn(I) -> BoxFuture<'static, Result<O, Error>> + Send + Sync;

type AnyFunction<I, O> = dyn Fn(I) -> Waiting<O> + Send + Sync;

enum Function<I, O> {
    Sync(Arc<SyncFunction<I, O>>, Arc<Pace>),
    Async(Arc<AsyncFunction<I, O>>),
    InPlace { colour: Colour, call: Arc<AnyFunction<I, O>>, call_sync: Arc<SyncFunction<I, O>> },
}

impl<I: Send + 'static, O: Send + 'static> Callable<I, O> {
    /// Builds a callable from a sync function, which may block.
    pub fn new_sync(f: impl Fn(I) -> Result<O, Error> + Send + Sync + 'static) -> Self {
        Self { function: Function::Sync(Arc::new(f), Arc::default()), path: "" }
    }

    /// Builds a callable from an async function.
    pub fn new_async<F>(f: impl Fn(I) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<O, Error>> + Send + 'static,
    {
        Self { function: Function::Async(Arc::new(move |input| Box::pin(f(input)))), path: "" }
    }

    /// Builds a callable that wraps another one of this colour and itself neither blocks nor waits. It runs where it
    /// is called, and costs no crossing and no allocation of its own. `call` and `call_sync` must do the same work:
    /// `call` is for [`call`](Self::call), `call_sync` for [`call_sync`](Self::call_sync).
    pub fn new_in_place(
        colour: Colour,
        call: impl Fn(I) -> Waiting<O> + Send + Sync + 'static,
        call_sync: impl Fn(I) -> Result<O, Error> + Send + Sync + 'static,
    ) -> Self {
        let function = Function::InPlace { colour, call: Arc::new(call), call_sync: Arc::new(call_sync) };
        Self { function, path: "" }
    }

    /// The colour of the function.
    pub fn colour(&self) -> Colour {
        match self.function {
            Function::Sync(..) => Colour::Sync,
            Function::Async(_) => Colour::Async,
            Function::InPlace { colour, .. } => colour,
        }
    }

    /// Whether a call from the event loop runs the whole function on a worker.
    pub(crate) fn crosses(&self) -> bool {
        matches!(self.function, Function::Sync(..))
    }

    /// Calls the function from code of either colour: `.await` the result, or `.wait()` for it.
    ///
    /// An async function runs where it is awaited. A sync function runs on a worker: on this thread if it is one.
    pub fn call(&self, input: I) -> Waiting<O> {
        if self.colour() == Colour::Async && Place::here().is_for_sync() {
            let callable = self.clone();
            return Waiting::new(async move { callable.call(input).await });
        }
        match &self.function {
            Function::Async(f) => Waiting::boxed(f(input)),
            Function::InPlace { colour: Colour::Async, call, .. } => call(input),
            Function::InPlace { colour: Colour::Sync, call, .. } => call(input).marked_sync(),
            Function::Sync(f, pace) => {
                let (f, pace) = (Arc::clone(f), Arc::clone(pace));
                Waiting::new(async move { run_paced(pace, move || f(input)).await? }).marked_sync()
            }
        }
    }

    /// Calls the function as a step of the request.
    #[inline]
    pub(crate) fn call_as(&self, kind: StepKind, input: I) -> Waiting<O> {
        match RecordedStep::begin(kind, || (self.colour(), readable_name(self.path))) {
            None => self.call(input),
            Some(step) => self.call_recorded(step, input),
        }
    }

    /// Calls the function as a step whose timeline is recorded. Apart from [`call`](Self::call), so that other calls have
    /// no room for the step.
    #[cold]
    pub(crate) fn call_recorded(&self, step: RecordedStep, input: I) -> Waiting<O> {
        match &self.function {
            Function::Sync(f, pace) => {
                let f = Arc::clone(f);
                let run = move |input| step.clone().run(|| f(input));
                Self { function: Function::Sync(Arc::new(run), Arc::clone(pace)), ..*self }.call(input)
            }
            _ => step.enter(|| self.call(input)).recorded(step),
        }
    }

    /// Returns this callable with its output passed through `f`, for an extension that keeps another type than the
    /// user's function returns. The colour stays; `f` must not block.
    ///
    /// ```
    /// use costrel::Callable;
    ///
    /// let length = Callable::new_sync(|text: &str| Ok(text.to_owned())).map(|text| text.len());
    /// assert_eq!(length.call_sync("four")?, 4);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn map<P: Send + 'static>(self, f: impl Fn(O) -> P + Clone + Send + Sync + 'static) -> Callable<I, P> {
        match self.colour() {
            Colour::Sync => Callable::new_sync(move |input| self.call_sync(input).map(&f)),
            Colour::Async => Callable::new_async(move |input| {
                let (output, f) = (self.call(input), f.clone());
                async move { output.await.map(f) }
            }),
        }
    }

    /// Calls the function from sync code: a sync function as a plain call, an async one by waiting for it.
    ///
    /// # Errors
    /// The errors of the function, and those of [`async_to_sync`](crate::async_to_sync).
    pub fn call_sync(&self, input: I) -> Result<O, Error> {
        match &self.function {
            Function::Sync(f, _) => f(input),
            Function::Async(f) => {
                note_wait();
                block_on_recorded(f(input))?
            }
            Function::InPlace { call_sync, .. } => call_sync(input),
        }
    }

    fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// A value that has a colour and can be called from code of either colour: a [`View`](crate::View), a [`Callable`].
pub trait Coloured {
    /// The type of the argument.
    type Input;
    /// The type of the result.
    type Output;

    /// Calls the function: `.await` the result in async code, `.wait()` for it in sync code.
    fn call(&self, input: Self::Input) -> Waiting<Self::Output>;

    /// Calls the function from sync code.
    ///
    /// # Errors
    /// The errors of the function, and those of [`async_to_sync`](crate::async_to_sync).
    fn call_sync(&self, input: Self::Input) -> Result<Self::Output, Error>;
}

impl<I: Send + 'static, O: Send + 'static> Coloured for Callable<I, O> {
    type Input = I;
    type Output = O;

    fn call(&self, input: I) -> Waiting<O> {
        Self::call(self, input)
    }

    fn call_sync(&self, input: I) -> Result<O, Error> {
        Self::call_sync(self, input)
    }
}

impl<I, O> Clone for Callable<I, O> {
    fn clone(&self) -> Self {
        let function = match &self.function {
            Function::Sync(f, pace) => Function::Sync(Arc::clone(f), Arc::clone(pace)),
            Function::Async(f) => Function::Async(Arc::clone(f)),
            Function::InPlace { colour, call, call_sync } => {
                Function::InPlace { colour: *colour, call: Arc::clone(call), call_sync: Arc::clone(call_sync) }
            }
        };
        Self { function, path: self.path }
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for Callable<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callable({})", self.colour())
    }
}

/// A plain function or closure that can become a [`Callable`], whatever its colour.
///
/// The compiler infers `M`, which distinguishes `fn` from `async fn`, so no attribute is needed. The trait is
/// implemented for functions that take `I` and for functions that take nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a callback here",
    label = "not a `fn` or `async fn` of the right argument and result",
    note = "it takes `{I}` or nothing; what it may return: before_request nothing or `Some(response)`, after_request \
            the response, teardown_request nothing, an error handler a response; or a `Result` of these",
    note = "it must be Send + Sync + 'static, and a future it returns Send: move clones of what it needs into it"
)]
pub trait IntoCallable<M, I, O> {
    /// Returns the function as a callable, with its colour.
    fn into_callable(self) -> Callable<I, O>;
}

/// A type that a user's function may return where `Result<O, Error>` is wanted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned here",
    note = "return a response (`&str`, `String`, `Json`, a tuple with status and headers, a `Result` of these), \
            or what the method's documentation names"
)]
pub trait IntoOutcome<O> {
    /// Converts the value to the form that the framework works with.
    ///
    /// # Errors
    /// The error that the function returned.
    fn into_outcome(self) -> Result<O, Error>;
}

/// Marks a sync function of these arguments.
#[derive(Debug)]
pub struct SyncFn<A>(PhantomData<A>);

/// Marks an async function of these arguments.
#[derive(Debug)]
pub struct AsyncFn<A>(PhantomData<A>);

impl<F, I, O, R> IntoCallable<SyncFn<()>, I, O> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    I: Send + 'static,
    R: IntoOutcome<O>,
    O: Send + 'static,
{
    fn into_callable(self) -> Callable<I, O> {
        Callable::new_sync(move |_| self().into_outcome()).at(type_name::<F>())
    }
}

impl<F, I, O, R> IntoCallable<AsyncFn<()>, I, O> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    I: Send + 'static,
    R: Future<Output: IntoOutcome<O>> + Send + 'static,
    O: Send + 'static,
{
    fn into_callable(self) -> Callable<I, O> {
        Callable::new_async(move |_| {
            let running = self();
            async move { running.await.into_outcome() }
        })
        .at(type_name::<F>())
    }
}

impl<F, I, O, R> IntoCallable<SyncFn<(I,)>, I, O> for F
where
    F: Fn(I) -> R + Send + Sync + 'static,
    I: Send + 'static,
    R: IntoOutcome<O>,
    O: Send + 'static,
{
    fn into_callable(self) -> Callable<I, O> {
        Callable::new_sync(move |input| self(input).into_outcome()).at(type_name::<F>())
    }
}

impl<F, I, O, R> IntoCallable<AsyncFn<(I,)>, I, O> for F
where
    F: Fn(I) -> R + Send + Sync + 'static,
    I: Send + 'static,
    R: Future<Output: IntoOutcome<O>> + Send + 'static,
    O: Send + 'static,
{
    fn into_callable(self) -> Callable<I, O> {
        Callable::new_async(move |input| {
            let running = self(input);
            async move { running.await.into_outcome() }
        })
        .at(type_name::<F>())
    }
}

/// For functions that return nothing.
impl IntoOutcome<()> for () {
    fn into_outcome(self) -> Result<(), Error> {
        Ok(())
    }
}

impl<E: Into<Error>> IntoOutcome<()> for Result<(), E> {
    fn into_outcome(self) -> Result<(), Error> {
        self.map_err(Into::into)
    }
}

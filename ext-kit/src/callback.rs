//! A function that an extension takes from its user: sync or async, fallible or not.

use std::fmt;
use std::marker::PhantomData;

use costrel::{AsyncFn, Callable, Colour, Error, SyncFn, Waiting};

/// A user's function from `I` to `V`, of either colour.
///
/// In Flask an async callback goes wrong in silence: the coroutine it returns is truthy, so an
/// `exempt_when` switches the limiter off. Here the colour is known by type and the value is always awaited.
///
/// ```
/// use costrel_ext_kit::Callback;
///
/// async fn is_weekend(day: u8) -> bool {
///     day > 5
/// }
///
/// let callback: Callback<u8, bool> = Callback::new(is_weekend);
/// assert!(callback.call(6).wait()?);
/// # Ok::<(), costrel::Error>(())
/// ```
pub struct Callback<I, V> {
    callable: Callable<I, V>,
}

impl<I: Send + 'static, V: Send + 'static> Callback<I, V> {
    /// Takes any `fn` or `async fn` from `I` (or from nothing, where `I` is `()`) to `V` or `Result<V, E>`.
    pub fn new<M>(f: impl IntoCallback<M, I, V>) -> Self {
        f.into_callback()
    }

    /// Calls it: `.await` the value in async code, `.wait()` for it in sync code. A sync one called from
    /// the event loop runs on a worker.
    ///
    /// # Errors
    /// Those of the function.
    pub fn call(&self, input: I) -> Waiting<V> {
        self.callable.call(input)
    }

    /// Its colour.
    pub fn colour(&self) -> Colour {
        self.callable.colour()
    }

    /// The same callback with its value passed through `f`, for an extension that keeps another type than
    /// its user returns. The colour stays.
    ///
    /// ```
    /// # use costrel_ext_kit::Callback;
    /// let length: Callback<&str, usize> = Callback::new(|text: &str| text.to_owned()).map(|text| text.len());
    /// assert_eq!(length.call("four").wait()?, 4);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn map<W: Send + 'static>(self, f: impl Fn(V) -> W + Clone + Send + Sync + 'static) -> Callback<I, W> {
        let callable = self.callable;
        let callable = match callable.colour() {
            Colour::Sync => Callable::new_sync(move |input| callable.call_sync(input).map(&f)),
            Colour::Async => Callable::new_async(move |input| {
                let (value, f) = (callable.call(input), f.clone());
                async move { value.await.map(f) }
            }),
        };
        Callback { callable }
    }
}

impl<I, V> Clone for Callback<I, V> {
    fn clone(&self) -> Self {
        Self { callable: self.callable.clone() }
    }
}

impl<I: Send + 'static, V: Send + 'static> fmt::Debug for Callback<I, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({})", self.colour())
    }
}

/// A function that can be a [`Callback`]. `M` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a callback from `{I}` to `{V}`",
    label = "wrong argument or result",
    note = "pass a `fn` or `async fn` that takes `{I}` (nothing, where that is `()`) and returns `{V}` or \
            `Result<{V}, E>`; a future it returns must be Send"
)]
pub trait IntoCallback<M, I, V> {
    /// Makes the callback.
    fn into_callback(self) -> Callback<I, V>;
}

/// Marks a callback that cannot fail.
#[derive(Debug)]
pub struct Plain<C>(PhantomData<C>);

/// Marks a callback that returns a `Result`.
#[derive(Debug)]
pub struct Fallible<C, E>(PhantomData<(C, E)>);

/// Marks what is a [`Callback`] already.
#[derive(Debug)]
pub struct Ready;

impl<I, V> IntoCallback<Ready, I, V> for Callback<I, V> {
    fn into_callback(self) -> Self {
        self
    }
}

macro_rules! callbacks {
    ($input:ty, ($($arg:ident: $kind:ident)?)) => {
        impl<F, $($kind,)? V> IntoCallback<Plain<SyncFn<($($kind,)?)>>, $input, V> for F
        where
            F: Fn($($kind)?) -> V + Send + Sync + 'static,
            $($kind: Send + 'static,)?
            V: Send + 'static,
        {
            fn into_callback(self) -> Callback<$input, V> {
                Callback { callable: Callable::new_sync(move |_input: $input| { $(let $arg = _input;)? Ok(self($($arg)?)) }) }
            }
        }

        impl<F, $($kind,)? V, E> IntoCallback<Fallible<SyncFn<($($kind,)?)>, E>, $input, V> for F
        where
            F: Fn($($kind)?) -> Result<V, E> + Send + Sync + 'static,
            $($kind: Send + 'static,)?
            V: Send + 'static,
            E: Into<Error>,
        {
            fn into_callback(self) -> Callback<$input, V> {
                Callback { callable: Callable::new_sync(move |_input: $input| { $(let $arg = _input;)? self($($arg)?).map_err(Into::into) }) }
            }
        }

        impl<F, $($kind,)? V, W> IntoCallback<Plain<AsyncFn<($($kind,)?)>>, $input, V> for F
        where
            F: Fn($($kind)?) -> W + Send + Sync + 'static,
            $($kind: Send + 'static,)?
            W: Future<Output = V> + Send + 'static,
            V: Send + 'static,
        {
            fn into_callback(self) -> Callback<$input, V> {
                Callback { callable: Callable::new_async(move |_input: $input| {
                    $(let $arg = _input;)?
                    let running = self($($arg)?);
                    async move { Ok(running.await) }
                }) }
            }
        }

        impl<F, $($kind,)? V, W, E> IntoCallback<Fallible<AsyncFn<($($kind,)?)>, E>, $input, V> for F
        where
            F: Fn($($kind)?) -> W + Send + Sync + 'static,
            $($kind: Send + 'static,)?
            W: Future<Output = Result<V, E>> + Send + 'static,
            V: Send + 'static,
            E: Into<Error>,
        {
            fn into_callback(self) -> Callback<$input, V> {
                Callback { callable: Callable::new_async(move |_input: $input| {
                    $(let $arg = _input;)?
                    let running = self($($arg)?);
                    async move { running.await.map_err(Into::into) }
                }) }
            }
        }
    };
}

callbacks!((), ());
callbacks!(I, (input: I));

//! Functions that an extension takes from its users: sync or async, fallible or not.

use std::marker::PhantomData;
use std::time::Duration;

use costrel::marker::{AsyncFn, SyncFn};
use costrel::{Callable, Error};

/// A function that a user may pass to an extension: any `fn` or `async fn` from `I`, or from nothing, to `V` or
/// `Result<V, E>`. The extension keeps it as a [`Callable`]. The compiler infers `M`.
///
/// One of two or three arguments is a callback from their tuple: a `verify_password(username, password)` is one from
/// `(String, String)`.
///
/// A `bool`, `u64`, `f64`, `Duration` or text is a callback that returns it for any argument, so that an option may be `cost(2)`
/// or `cost(|request| ..)`.
///
/// In Flask an async callback fails silently: the coroutine that it returns is truthy, so an async `exempt_when`
/// switches the limiter off. Here the type tells the colour, and the value is always awaited.
///
/// ```
/// use costrel::Callable;
/// use costrel_ext_kit::IntoCallback;
///
/// async fn is_weekend(day: u8) -> bool {
///     day > 5
/// }
///
/// let callback: Callable<u8, bool> = is_weekend.into_callback();
/// assert!(callback.call(6).wait()?);
///
/// let always: Callable<u8, bool> = true.into_callback();
/// assert!(always.call(1).wait()?);
///
/// let joined: Callable<(String, u8), String> = (|name: String, day: u8| format!("{name} {day}")).into_callback();
/// assert_eq!(joined.call(("day".into(), 6)).wait()?, "day 6");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Write your own](../costrel_book/guide/write/index.html).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a callback from `{I}` to `{V}`",
    label = "wrong argument or result",
    note = "pass a `fn` or `async fn` that takes `{I}` (a tuple as arguments, one by one) or nothing, and returns `{V}` or `Result<{V}, E>`; a future it \
            returns must be Send"
)]
pub trait IntoCallback<M, I, V> {
    /// Converts the function to a [`Callable`] of its colour.
    fn into_callback(self) -> Callable<I, V>;
}

/// Marks a callback that cannot fail.
#[derive(Debug)]
pub struct Plain<C>(PhantomData<C>);

/// Marks a callback that returns a `Result`.
#[derive(Debug)]
pub struct Fallible<C, E>(PhantomData<(C, E)>);

/// Marks a value that is already a [`Callable`].
#[derive(Debug)]
pub struct Ready;

impl<I, V> IntoCallback<Ready, I, V> for Callable<I, V> {
    fn into_callback(self) -> Self {
        self
    }
}

/// Marks a value that a callback always returns.
#[derive(Debug)]
pub struct Constant;

macro_rules! constants {
    ($($value:ty),*) => {
        $(
            impl<I: Send + 'static> IntoCallback<Constant, I, $value> for $value {
                fn into_callback(self) -> Callable<I, $value> {
                    constant(self)
                }
            }
        )*
    };
}

fn constant<I: Send + 'static, V: Clone + Send + Sync + 'static>(value: V) -> Callable<I, V> {
    Callable::new_async(move |_| std::future::ready(Ok(value.clone())))
}

// Not every type, because a function is a value too, and the compiler would not know which of the two is meant.
constants!(bool, u64, f64, Duration, String);

impl<I: Send + 'static> IntoCallback<Constant, I, String> for &str {
    fn into_callback(self) -> Callable<I, String> {
        self.to_owned().into_callback()
    }
}

macro_rules! callbacks {
    ($input:pat => $whole:ty, <$($generic:ident),*>: $($arg:ident: $kind:ident),*) => {
        impl<F, $($generic,)* V> IntoCallback<Plain<SyncFn<($($kind,)*)>>, $whole, V> for F
        where
            F: Fn($($kind),*) -> V + Send + Sync + 'static,
            $($generic: Send + 'static,)*
            V: Send + 'static,
        {
            fn into_callback(self) -> Callable<$whole, V> {
                Callable::new_sync(move |$input: $whole| Ok(self($($arg),*)))
            }
        }

        impl<F, $($generic,)* V, E> IntoCallback<Fallible<SyncFn<($($kind,)*)>, E>, $whole, V> for F
        where
            F: Fn($($kind),*) -> Result<V, E> + Send + Sync + 'static,
            $($generic: Send + 'static,)*
            V: Send + 'static,
            E: Into<Error>,
        {
            fn into_callback(self) -> Callable<$whole, V> {
                Callable::new_sync(move |$input: $whole| self($($arg),*).map_err(Into::into))
            }
        }

        impl<F, $($generic,)* V, W> IntoCallback<Plain<AsyncFn<($($kind,)*)>>, $whole, V> for F
        where
            F: Fn($($kind),*) -> W + Send + Sync + 'static,
            $($generic: Send + 'static,)*
            W: Future<Output = V> + Send + 'static,
            V: Send + 'static,
        {
            fn into_callback(self) -> Callable<$whole, V> {
                Callable::new_async(move |$input: $whole| {
                    let running = self($($arg),*);
                    async move { Ok(running.await) }
                })
            }
        }

        impl<F, $($generic,)* V, W, E> IntoCallback<Fallible<AsyncFn<($($kind,)*)>, E>, $whole, V> for F
        where
            F: Fn($($kind),*) -> W + Send + Sync + 'static,
            $($generic: Send + 'static,)*
            W: Future<Output = Result<V, E>> + Send + 'static,
            V: Send + 'static,
            E: Into<Error>,
        {
            fn into_callback(self) -> Callable<$whole, V> {
                Callable::new_async(move |$input: $whole| {
                    let running = self($($arg),*);
                    async move { running.await.map_err(Into::into) }
                })
            }
        }
    };
}

callbacks!(_ => I, <I>:);
callbacks!(input => I, <I>: input: I);
callbacks!((first, second) => (A, B), <A, B>: first: A, second: B);
callbacks!((first, second, third) => (A, B, C), <A, B, C>: first: A, second: B, third: C);

//! The conversion of a plain function into a view, with its colour and its arguments found by type.

use std::sync::Arc;

use super::View;
use crate::error::Error;
use crate::execution::{AsyncFn, Callable, IntoOutcome, SyncFn, decorator_name, is_closure};
use crate::http_types::{IntoResponse, Request, Response};
use crate::routing::{ArgSpec, FromArg};
use crate::websocket::ended;

/// A function that can be a view: `fn` or `async fn`, of up to six arguments, returning a response.
///
/// `M` is found by the compiler; it distinguishes `fn` from `async fn`.
///
/// A view with state, a database pool say, is a closure that clones it for each request. (State that the whole
/// app shares can also go into [`App::set_extension`](crate::App::set_extension).)
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use costrel::App;
///
/// let visits = Arc::new(Mutex::new(0));
/// let mut app = App::new("docs");
/// app.route("/", move || {
///     let visits = visits.clone();
///     async move {
///         let mut visits = visits.lock().map_err(|_| costrel::Error::status(500))?;
///         *visits += 1;
///         Ok::<_, costrel::Error>(format!("visit {visits}"))
///     }
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "visit 1");
/// # Ok::<(), costrel::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view",
    label = "not a view",
    note = "a view is a `fn` or `async fn` of up to six arguments, which come from the rule, owned: `String` (not `&str`) \
            for <name>, an integer for <int:name>; the request is not among them: call `request()`",
    note = "it returns a response: `&'static str`, `String`, `Json(value)` with `value: Serialize`, a tuple with a status \
            (a `u16`) or headers, or a `Result` of these whose error is `costrel::Error` or a standard error \
            (for a `Box<dyn Error + Send + Sync>`: `.map_err(Error::from_boxed)?`)",
    note = "an async view's future must be Send: hold no `Rc` or `MutexGuard` across an `.await`; a closure with state \
            is written `move || {{ let state = state.clone(); async move {{ .. }} }}`",
    note = "a class view is registered as `Api::as_view(\"api\", || Api)`",
    note = "a decorator such as `login_required` is not a view: write `app.rule(\"/..\").decorate(login_required).view(f)`"
)]
pub trait IntoView<M> {
    /// Makes the view.
    fn into_view(self) -> View;
}

/// A marker for a value that is a [`View`] already.
#[derive(Debug)]
pub struct Ready;

#[diagnostic::do_not_recommend]
impl IntoView<Ready> for View {
    fn into_view(self) -> View {
        self
    }
}

/// Returns the argument at `index`, or a 404 if its value does not fit the view's type.
pub(super) fn argument<A: FromArg>(request: &Request, index: usize) -> Result<A, Error> {
    let value = request.unwatched_view_args().get(index).and_then(|(_, value)| A::from_arg(value));
    value.ok_or_else(|| Error::status(404))
}

/// A function that can talk over a WebSocket: `fn` or `async fn`, of up to six arguments, which returns nothing, a
/// `Result<(), E>`, or `Some(response)` before it has accepted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler for WebSockets",
    note = "a handler is a `fn` or `async fn` of up to six arguments, which come from the rule, owned; the connection is not \
            among them: call `websocket()`",
    note = "it returns nothing, a `Result<(), Error>`, or `Some(response)` to refuse; an async one's future must be Send"
)]
pub trait IntoWebSocketView<M> {
    /// Makes the view.
    fn into_websocket_view(self) -> View;
}

#[diagnostic::do_not_recommend]
impl IntoWebSocketView<Ready> for View {
    fn into_websocket_view(self) -> View {
        self
    }
}

/// A value that a handler for WebSockets may return.
#[doc(hidden)]
pub trait IntoEnding {
    /// Returns the response that the value stands for.
    #[doc(hidden)]
    fn into_ending(self) -> Result<Response, Error>;
}

impl<T: IntoOutcome<Option<Response>>> IntoEnding for T {
    fn into_ending(self) -> Result<Response, Error> {
        Ok(self.into_outcome()?.unwrap_or_else(ended))
    }
}

macro_rules! views {
    ($($arg:ident $index:literal),*) => {
        views! { @ IntoView into_view IntoResponse into_response View::from; $($arg $index),* }
        views! { @ IntoWebSocketView into_websocket_view IntoEnding into_ending View::for_websocket; $($arg $index),* }
    };
    (@ $into:ident $into_view:ident $outcome:ident $into_outcome:ident $finish:path; $($arg:ident $index:literal),*) => {
        impl<F, R, $($arg,)*> $into<SyncFn<(R, $($arg,)*)>> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: $outcome,
            $($arg: FromArg,)*
        {
            fn $into_view(self) -> View {
                $finish(View::of_function::<F>(function_name::<F>(), &[$(ArgSpec::of::<$arg>()),*], Callable::new_sync(move |_request: Request| {
                    self($(argument::<$arg>(&_request, $index)?),*).$into_outcome()
                })))
            }
        }

        impl<F, R, $($arg,)*> $into<AsyncFn<(R, $($arg,)*)>> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: Future<Output: $outcome> + Send + 'static,
            $($arg: FromArg,)*
        {
            fn $into_view(self) -> View {
                let view = Arc::new(self);
                $finish(View::of_function::<F>(function_name::<F>(), &[$(ArgSpec::of::<$arg>()),*], Callable::new_async(move |_request: Request| {
                    let view = Arc::clone(&view);
                    async move { view($(argument::<$arg>(&_request, $index)?),*).await.$into_outcome() }
                })))
            }
        }
    };
}

views!();
views!(A 0);
views!(A 0, B 1);
views!(A 0, B 1, C 2);
views!(A 0, B 1, C 2, D 3);
views!(A 0, B 1, C 2, D 3, E 4);
views!(A 0, B 1, C 2, D 3, E 4, G 5);

/// The name a function was written with: the last part of its path. `None` for a closure.
fn function_name<F>() -> Option<Arc<str>> {
    (!is_closure::<F>()).then(|| decorator_name::<F>().into())
}

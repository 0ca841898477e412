//! Flask's globals, as functions: `request()`, `session()`, `g()`, `current_app()` and what belongs to them.

use super::{ActiveRequest, AppHandle, Context, G, Inner};
use crate::error::Error;
use crate::execution::IntoCallable;
use crate::http_types::{Request, Response};
use crate::session::Session;
use crate::websocket::WebSocket;

/// The request being handled: Flask's `request`.
///
/// Book: [Contexts: request, session, g, app](../costrel_book/context/index.html).
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn request() -> Request {
    in_request(|context| context.request().map(|active| active.request.clone()))
}

/// The session of the client being served: Flask's `session`.
///
/// Book: [Contexts: request, session, g, app](../costrel_book/context/index.html).
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn session() -> Session {
    in_request(|context| context.request().map(|active| active.session.handed_out()))
}

/// The WebSocket of this conversation: Quart's `websocket`. [`request()`] is the request of its handshake.
///
/// # Panics
/// Outside a handler of [`App::websocket`](crate::App::websocket) and the hooks and decorators around it, with a
/// message that says so.
#[track_caller]
pub fn websocket() -> WebSocket {
    in_request(|context| context.request()?.websocket.clone().ok_or_else(Error::no_websocket))
}

/// A namespace for the length of one request, or one app context: Flask's `g`.
///
/// Book: [Contexts: request, session, g, app](../costrel_book/context/index.html).
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
#[track_caller]
pub fn g() -> G {
    in_app(|context| context.g().clone())
}

/// The app that handles the request or runs the command: Flask's `current_app`.
///
/// Book: [Contexts: request, session, g, app](../costrel_book/context/index.html).
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
#[track_caller]
pub fn current_app() -> AppHandle {
    in_app(|context| context.app.clone())
}

/// Whether a request is being handled here, so that [`request()`] and [`session()`] may be used.
///
/// ```
/// assert!(!costrel::has_request_context());
/// ```
pub fn has_request_context() -> bool {
    Context::with_current(|context| context.request.is_some()).unwrap_or_default()
}

/// Whether there is a current app, so that [`g()`] and [`current_app()`] may be used: in a request, in a command, or
/// in an app context of your own.
///
/// ```
/// assert!(!costrel::has_app_context());
/// ```
pub fn has_app_context() -> bool {
    Context::with_current(|_| ()).is_some()
}

/// Runs `future` with `request` in place of the current request; `g`, session and app stay the same. For a request
/// that a tower layer has changed.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn with_request<F: Future>(request: Request, future: F) -> impl Future<Output = F::Output> + use<F> {
    let context = in_request(|context| {
        let active = ActiveRequest { request, ..context.request()?.clone() };
        Ok(Context::from(Inner { request: Some(active), propagated: context.app.propagated(), ..context.shared() }))
    });
    context.run(future)
}

/// Runs `f` on the response of this request, before the `after_request` functions: Flask's
/// `after_this_request`. `f` is sync or async and returns the response, changed or new.
///
/// ```
/// use costrel::{App, Response, after_this_request};
///
/// fn index() -> &'static str {
///     after_this_request(|mut response: Response| {
///         response.headers_mut().insert("x-seen", "1".parse().unwrap());
///         response
///     });
///     "hello"
/// }
///
/// let mut app = App::new("docs");
/// # app.route("/", index);
/// assert_eq!(app.test_client().get("/").wait()?.header("x-seen"), Some("1"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy. So it does once the head of the response has left, as in a
/// streamed body or in a task that outlives its view, because `f` would never run.
#[track_caller]
pub fn after_this_request<M>(f: impl IntoCallable<M, Response, Response>) {
    let f = f.into_callable();
    in_request(|context| {
        context.request()?;
        context.request_progress().after_this_request.add(f)
    });
}

/// The number of functions that [`after_this_request`] has registered in this request so far: a cache compares two
/// readings to learn whether a view counts on a function that runs on its response alone.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn after_this_request_count() -> usize {
    in_request(|context| {
        context.request()?;
        Ok(context.request_progress().after_this_request.count())
    })
}

#[track_caller]
pub(super) fn in_app<R>(look: impl FnOnce(&Inner) -> R) -> R {
    match Context::with_current(look) {
        Some(found) => found,
        None => panic!("{}", Error::outside_context("application")),
    }
}

#[track_caller]
pub(super) fn in_request<R>(look: impl FnOnce(&Inner) -> Result<R, Error>) -> R {
    match Context::with_current(look) {
        Some(Ok(found)) => found,
        Some(Err(error)) => panic!("{error}"),
        None => panic!("{}", Error::outside_context("request")),
    }
}

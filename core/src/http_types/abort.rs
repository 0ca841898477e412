//! `abort`: the end of a view from deep inside of it, with an HTTP error or a response.

use std::fmt;

use http::StatusCode;
use parking_lot::Mutex;

use super::response::Response;
use crate::error::{Error, ErrorKind};

/// Ends the view with an HTTP error, as Flask's `abort` does: `return abort(404)`, or `abort(404)?` where the function's
/// result is of another type. `abort(redirect("/login"))` ends it with that very response, which passes no error handler.
///
/// ```
/// use costrel::{Error, abort};
///
/// fn profile(name: String) -> Result<String, Error> {
///     if name == "unknown" {
///         return abort(404);
///     }
///     Ok(name)
/// }
///
/// assert_eq!(profile("unknown".into()).unwrap_err().status_code(), 404);
/// ```
///
/// A function deep in a view may answer:
///
/// ```
/// use costrel::{App, Error, abort, redirect, session};
///
/// fn user() -> Result<String, Error> {
///     match session().get("user") {
///         Some(user) => Ok(user),
///         None => abort(redirect("/login")),
///     }
/// }
///
/// let mut app = App::new("docs");
/// app.route("/", || user());
/// let page = app.test_client().get("/").wait()?;
/// assert_eq!((page.status().as_u16(), page.header("location")), (302, Some("/login")));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Always, because the error ends the view.
#[track_caller]
pub fn abort<T>(with: impl IntoAbort) -> Result<T, Error> {
    Err(with.into_abort())
}

/// Ends the view with the HTTP error `status` and a message for the client: Flask's `abort(404, "..")`.
///
/// ```
/// let error = costrel::abort_with::<()>(404, "There is no such user.").unwrap_err();
/// assert_eq!((error.status_code().as_u16(), error.message()), (404, "There is no such user."));
/// ```
///
/// # Errors
/// Always, because the error ends the view.
#[track_caller]
pub fn abort_with<T>(status: u16, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::status(status).with_message(message))
}

/// The source of the error that carries a response.
struct Aborted {
    /// Taken by the one that sends it.
    response: Mutex<Option<Response>>,
}

/// A way to end a view by [`abort`]: the status of an HTTP error, or a response.
pub trait IntoAbort {
    /// Returns the error that ends the view.
    #[doc(hidden)]
    #[track_caller]
    fn into_abort(self) -> Error;
}

impl IntoAbort for u16 {
    #[track_caller]
    fn into_abort(self) -> Error {
        Error::status(self)
    }
}

impl IntoAbort for StatusCode {
    #[track_caller]
    fn into_abort(self) -> Error {
        Error::status(self.as_u16())
    }
}

impl IntoAbort for Response {
    fn into_abort(self) -> Error {
        let error = Error::new(ErrorKind::Status(self.status()), "a response ends the view");
        error.with_source(Aborted { response: Mutex::new(Some(self)) })
    }
}

impl IntoAbort for Result<Response, Error> {
    fn into_abort(self) -> Error {
        self.map_or_else(|error| error, IntoAbort::into_abort)
    }
}

/// Takes the response that `error` carries; `None` if it carries none, or it was taken before.
pub(crate) fn take_aborted(error: &Error) -> Option<Response> {
    error.downcast_ref::<Aborted>()?.response.lock().take()
}

impl std::error::Error for Aborted {}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a response that ends the view")
    }
}

impl fmt::Debug for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aborted").finish_non_exhaustive()
    }
}

//! Error handlers and the order in which they are tried.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;

use crate::error::Error;
use crate::execution::Callable;
use crate::http_types::Response;

/// The errors that a handler takes: those of a status (`404`), of a type ([`of_type`]), all HTTP errors
/// ([`HttpException`]), or all ([`Exception`]).
#[derive(Clone)]
pub struct ErrorKey {
    sort: Sort,
}

#[derive(Clone)]
enum Sort {
    Status(u16),
    Type { name: &'static str, is: fn(&Error) -> bool },
    Http,
    Any,
}

/// Every error that no handler for a status or a type takes: Flask's `errorhandler(Exception)`.
#[derive(Clone, Copy, Debug)]
pub struct Exception;

/// Every HTTP error that no handler for its status takes, such as those of `abort` and of a missing rule; also an
/// error that had no handler, as the 500 it becomes. Flask's `errorhandler(HTTPException)`.
///
/// ```
/// use costrel::{App, Error, HttpException, Json};
///
/// let mut app = App::new("docs");
/// app.errorhandler(HttpException, |error: Error| {
///     let status = error.status_code().as_u16();
///     (Json([status]), status)
/// });
/// assert_eq!(app.test_client().get("/nowhere").wait()?.text(), "[404]\n");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Errors](../costrel_book/errors/index.html).
#[derive(Clone, Copy, Debug)]
pub struct HttpException;

/// The errors that were made from an `E`, by `?` or `into()`.
///
/// ```
/// use costrel::{App, Error, of_type};
/// use std::num::ParseIntError;
///
/// let mut app = App::new("docs");
/// app.errorhandler(of_type::<ParseIntError>(), |error: Error| (format!("no number: {error}"), 400));
/// app.route("/", || -> Result<String, ParseIntError> { Ok("x".parse::<i32>()?.to_string()) });
///
/// assert_eq!(app.test_client().get("/").wait()?.status(), 400);
/// # Ok::<(), Error>(())
/// ```
pub fn of_type<E: StdError + 'static>() -> ErrorKey {
    let is = |error: &Error| error.downcast_ref::<E>().is_some();
    ErrorKey { sort: Sort::Type { name: std::any::type_name::<E>(), is } }
}

impl From<u16> for ErrorKey {
    fn from(status: u16) -> Self {
        Self { sort: Sort::Status(status) }
    }
}

impl From<StatusCode> for ErrorKey {
    fn from(status: StatusCode) -> Self {
        Self::from(status.as_u16())
    }
}

impl From<Exception> for ErrorKey {
    fn from(_: Exception) -> Self {
        Self { sort: Sort::Any }
    }
}

impl From<HttpException> for ErrorKey {
    fn from(_: HttpException) -> Self {
        Self { sort: Sort::Http }
    }
}

impl ErrorKey {
    /// Checks the key. A status that is no error can never reach a handler, so registering one is a set-up error.
    #[track_caller]
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.sort {
            Sort::Status(status) if !(400..600).contains(&status) => Err(Error::setup(format!(
                "errorhandler({status}): not an HTTP error status, use 400 to 599, `of_type::<MyError>()` or `Exception`"
            ))),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ErrorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sort {
            Sort::Status(status) => status.fmt(f),
            Sort::Type { name, .. } => f.write_str(name),
            Sort::Http => f.write_str("HttpException"),
            Sort::Any => f.write_str("Exception"),
        }
    }
}

/// The error handlers of an app or blueprint: those of extensions, then its own, each in the order registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorHandlers {
    handlers: Vec<(ErrorKey, Callable<Error, Response>)>,
    of_extensions: usize,
}

type Handler = Callable<Error, Response>;

impl ErrorHandlers {
    pub(crate) fn add(&mut self, key: ErrorKey, handler: Handler) {
        self.handlers.push((key, handler));
    }

    /// The number of handlers that are no extension's.
    pub(crate) fn own(&self) -> usize {
        self.handlers.len() - self.of_extensions
    }

    /// Makes the handlers that came after the first `own` ones those of an extension, which the app's own replace.
    pub(crate) fn yield_to(&mut self, own: usize) {
        let added = self.own() - own;
        self.handlers[self.of_extensions..].rotate_right(added);
        self.of_extensions += added;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.handlers.extend(other.handlers);
    }

    /// Finds the handler for `error` in `levels`, which begin with the innermost blueprint and end with the app: by
    /// status, then by type, then the one for all. Of several at one level the latest wins.
    pub(crate) fn find<'h>(levels: &[&'h Self], error: &Error) -> Option<&'h Handler> {
        let status = error.http_status().map(|status| status.as_u16());
        // An error with a status and a type is in Flask a class beneath that of its status, so its type counts first.
        let by_status = status.and_then(|status| {
            levels.iter().find_map(|level| {
                let by_type = level.last(|sort| matches!(sort, Sort::Type { is, .. } if is(error)));
                by_type.or_else(|| level.last(|sort| matches!(sort, Sort::Status(of) if *of == status)))
            })
        });
        // In Flask a type and `Exception` are both classes, so an inner handler for all beats an outer one for a type.
        by_status.or_else(|| {
            levels.iter().find_map(|level| {
                let by_type = level.last(|sort| matches!(sort, Sort::Type { is, .. } if is(error)));
                let by_type = by_type.or_else(|| status.and_then(|_| level.last(|sort| matches!(sort, Sort::Http))));
                by_type.or_else(|| level.last(|sort| matches!(sort, Sort::Any)))
            })
        })
    }

    /// Finds the handler for an unhandled error: the one for 500, else for HTTP errors, else for all.
    pub(crate) fn find_last<'h>(levels: &[&'h Self]) -> Option<&'h Handler> {
        let by_class = |level: &&'h Self| {
            level.last(|sort| matches!(sort, Sort::Http)).or_else(|| level.last(|sort| matches!(sort, Sort::Any)))
        };
        first(levels, |sort| matches!(sort, Sort::Status(500))).or_else(|| levels.iter().find_map(by_class))
    }

    fn last(&self, fits: impl Fn(&Sort) -> bool) -> Option<&Handler> {
        self.handlers.iter().rev().find(|(key, _)| fits(&key.sort)).map(|(_, handler)| handler)
    }
}

fn first<'h>(levels: &[&'h ErrorHandlers], fits: impl Fn(&Sort) -> bool) -> Option<&'h Handler> {
    levels.iter().find_map(|level| level.last(&fits))
}

//! The error type of the crate: what happened, where, and what to do about it.

// Named by its path, because tests and benchmarks take this file in alone.
#[path = "error/code_line.rs"]
mod code_line;

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use code_line::{CodeLine, take_last_panic};

/// An error: a kind, a message and, where there is one, a source.
///
/// Any standard error becomes an `Error` with `?`, so a view can use `?` on whatever it calls. An `Error` is cheap to
/// clone: every error handler and teardown function of a request gets the same one.
///
/// ```
/// use costrel::{Error, ErrorKind};
///
/// fn page_number(text: &str) -> Result<u32, Error> {
///     Ok(text.parse()?)
/// }
///
/// let error = page_number("x").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Other));
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// ```
///
/// Book: [Errors](../costrel_book/errors/index.html).
#[derive(Clone)]
pub struct Error {
    repr: Arc<Repr>,
}

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    message: String,
    headers: HeaderMap,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    location: Option<&'static Location<'static>>,
    /// The user's line that made this error, called what failed, or panicked: for the log and the page of debug mode.
    made_at: Option<CodeLine>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An HTTP error on purpose, as [`abort`](crate::abort) makes it.
    Status(StatusCode),
    /// A set-up error; reported at start-up, with the line that caused it.
    Setup,
    /// The server has no room for more work now; becomes a 503 with `Retry-After`.
    Busy,
    /// `request`, `g`, `session` or `current_app` was used where there is none.
    OutsideContext,
    /// Blocking code was about to stop the event loop.
    OnEventLoop,
    /// The client left, or the caller stopped waiting.
    Cancelled,
    /// A view, hook or decorator panicked.
    Panic,
    /// Anything else, usually an error of the app's own.
    Other,
}

impl Error {
    /// An error of the given kind.
    #[track_caller]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let error = Self::from_repr(kind, message.into(), None);
        // HTTP errors are no faults, and set-up errors have a line of their own.
        if matches!(kind, ErrorKind::Status(_) | ErrorKind::Setup) {
            error
        } else {
            error.called_at(Location::caller())
        }
    }

    /// Notes the line of each panic from now on, for the page of debug mode.
    pub(crate) fn note_panics() {
        code_line::note_panics();
    }

    /// Returns this error with the line of the user's code that called what failed, unless it has one.
    pub(crate) fn called_at(mut self, location: &'static Location<'static>) -> Self {
        if self.repr.made_at.is_none()
            && let Some(line) = CodeLine::of_user(location)
        {
            Arc::make_mut(&mut self.repr).made_at = Some(line);
        }
        self
    }

    /// The line of the user's code that made this error, called what failed, or panicked, where it is known.
    pub(crate) fn made_at(&self) -> Option<&CodeLine> {
        self.repr.made_at.as_ref()
    }

    /// The HTTP error `status`, for `ok_or_else` and the like; [`abort`](crate::abort) is the form to return.
    ///
    /// A number that is no error status (400 to 599) is a bug in the app; it becomes a 500 whose message says so.
    ///
    /// ```
    /// let user = None::<&str>.ok_or_else(|| costrel::Error::status(404));
    /// assert_eq!(user.unwrap_err().status_code(), 404);
    /// ```
    #[track_caller]
    pub fn status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(code) if code.is_client_error() || code.is_server_error() => {
                Self::new(ErrorKind::Status(code), describe(code))
            }
            _ => Self::new(
                ErrorKind::Other,
                format!("abort({status}) at {}: not an HTTP error status, use 400 to 599", Location::caller()),
            ),
        }
    }

    /// A set-up error, with the caller's line as its location.
    ///
    /// ```
    /// let error = costrel::Error::setup("the limit is missing");
    /// assert_eq!(error.kind(), costrel::ErrorKind::Setup);
    /// assert_eq!(error.location().map(|location| location.line()), Some(line!() - 2));
    /// ```
    #[track_caller]
    pub fn setup(message: impl Into<String>) -> Self {
        Self::setup_without_line(message).with_location(Location::caller())
    }

    /// A set-up error whose line is not known, or not known yet.
    pub(crate) fn setup_without_line(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setup, message)
    }

    /// Converts a boxed error, which `?` cannot take. If an `Error` is in the box, it comes out unchanged.
    ///
    /// ```
    /// use costrel::Error;
    ///
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = Error::status(404).into();
    /// assert_eq!(Error::from_boxed(boxed).status_code(), 404);
    /// assert_eq!(Error::from_boxed("any text".into()).message(), "any text");
    /// ```
    pub fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Self {
        match error.downcast::<Standard>() {
            Ok(standard) => standard.0,
            Err(error) => Self::from_repr(ErrorKind::Other, error.to_string(), Some(Arc::from(error))),
        }
    }

    pub(crate) fn outside_context(wanted: &str) -> Self {
        Self::new(
            ErrorKind::OutsideContext,
            format!(
                "Working outside of {wanted} context.\n\nThis needs an active {wanted}, and there is none here: a new \
                 thread or a spawned task does not inherit it. Call it from a view, a hook or a decorator, pass the \
                 value along, or carry the context with `copy_current_request_context`."
            ),
        )
    }

    pub(crate) fn no_request() -> Self {
        Self::new(
            ErrorKind::OutsideContext,
            "There is no request in this context.\n\nThis needs an active request, but there is only an app context here, as \
             in commands and jobs.",
        )
    }

    pub(crate) fn no_websocket() -> Self {
        Self::new(
            ErrorKind::OutsideContext,
            "There is no WebSocket in this request.\n\nThis needs a WebSocket, but it was called in an ordinary request: register \
             the handler with `app.websocket(rule, f)`.",
        )
    }

    pub(crate) fn busy() -> Self {
        let error = Self::new(ErrorKind::Busy, "The server is busy. Please try again in a moment.");
        error.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(crate) fn on_event_loop() -> Self {
        Self::new(
            ErrorKind::OnEventLoop,
            "blocking on a future here would stop the event loop: `.await` it instead of `.wait()`, \
             `ensure_sync` or `async_to_sync`, or move the sync code to a worker with `sync_to_async(f)(x).await`",
        )
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled: the client left or the caller stopped waiting")
    }

    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        let mut error = Self::new(ErrorKind::Panic, format!("panicked: {}", text.unwrap_or("(no message)")));
        if let Some(line) = take_last_panic() {
            Arc::make_mut(&mut error.repr).made_at = Some(line);
        }
        error
    }

    /// Returns the internal error that this one is to the client: an HTTP error that was raised where no page can be made
    /// of it, as in an `after_request` function, is a 500. The server being busy stays what it is.
    pub(crate) fn unhandled(&self) -> Self {
        match self.repr.kind {
            ErrorKind::Status(status) => {
                let message = format!("{status}: {}", self.message());
                Self::from_repr(ErrorKind::Other, message, Some(Arc::new(Standard(self.clone()))))
            }
            _ => self.clone(),
        }
    }

    /// Returns the error for a panic that has been caught, and drops its payload.
    pub(crate) fn from_caught(payload: Box<dyn Any + Send>) -> Self {
        let error = Self::from_panic(&*payload);
        drop_logging_panics(payload);
        error
    }

    fn from_repr(kind: ErrorKind, message: String, source: Option<Arc<dyn StdError + Send + Sync>>) -> Self {
        Self {
            repr: Arc::new(Repr { kind, message, headers: HeaderMap::new(), source, location: None, made_at: None }),
        }
    }

    /// Returns this error with another message; for an HTTP error it is the text of the default page.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.repr).message = message.into();
        self
    }

    /// Returns this error with one more header for the response it becomes.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        Arc::make_mut(&mut self.repr).headers.append(name, value);
        self
    }

    /// Returns this error with `source` as the error from which it was made, so that a handler for
    /// [`of_type`](crate::of_type) takes it, before one for its status. This is how an extension gives its errors a status
    /// and a type, as Flask's extensions do with a class beneath `HTTPException`.
    ///
    /// ```
    /// use costrel::{App, Error, of_type};
    ///
    /// #[derive(Debug)]
    /// struct CsrfError;
    ///
    /// impl std::fmt::Display for CsrfError {
    ///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    ///         f.write_str("the token is missing")
    ///     }
    /// }
    ///
    /// impl std::error::Error for CsrfError {}
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", || Err::<&str, _>(Error::status(400).with_source(CsrfError)));
    /// assert_eq!(app.test_client().post("/").wait()?.status(), 400);
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", || Err::<&str, _>(Error::status(400).with_source(CsrfError)));
    /// app.errorhandler(of_type::<CsrfError>(), |_: Error| ("send the form again", 403));
    /// app.errorhandler(400, |_: Error| "for other errors");
    /// assert_eq!(app.test_client().post("/").wait()?.status(), 403);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.repr).source = Some(Arc::new(source));
        self
    }

    /// Returns this error with `location` as the line that made it.
    #[must_use]
    pub fn with_location(mut self, location: &'static Location<'static>) -> Self {
        Arc::make_mut(&mut self.repr).location = Some(location);
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.repr.kind
    }

    /// The status of the response that the error becomes if no error handler takes it: 500 unless it is an HTTP error.
    pub fn status_code(&self) -> StatusCode {
        self.http_status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The status of an HTTP error; `None` for an internal error.
    pub(crate) fn http_status(&self) -> Option<StatusCode> {
        match self.repr.kind {
            ErrorKind::Status(status) => Some(status),
            ErrorKind::Busy => Some(StatusCode::SERVICE_UNAVAILABLE),
            _ => None,
        }
    }

    /// The message of the error, without the source and the line.
    pub fn message(&self) -> &str {
        &self.repr.message
    }

    /// The headers for the response that the error becomes, such as `Allow` or `Retry-After`.
    pub fn headers(&self) -> &HeaderMap {
        &self.repr.headers
    }

    /// The line of a set-up error.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.repr.location
    }

    /// The internal error that a handler for 500 was called for: this error, or `None` if it is an HTTP error, as
    /// `abort(500)` makes it. Flask's `error.original_exception`.
    ///
    /// ```
    /// use costrel::{Error, ErrorKind};
    ///
    /// assert!(Error::status(500).original_exception().is_none());
    /// assert!(Error::new(ErrorKind::Other, "the disk is full").original_exception().is_some());
    /// ```
    pub fn original_exception(&self) -> Option<&Self> {
        self.http_status().is_none().then_some(self)
    }

    /// The error from which this one was made.
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.repr.source.as_deref()
    }

    /// The error from which this one was made, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.source()?.downcast_ref()
    }
}

/// The sentence below the heading of a default error page.
fn describe(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The server could not understand this request.",
        401 => "You have to sign in to see this.",
        403 => "You are not allowed to see this.",
        404 => "There is nothing at this address.",
        405 => "This address does not take this method.",
        408 => "The request took too long to arrive.",
        413 => "The request is larger than the server accepts.",
        415 => "The server does not read this kind of content here.",
        429 => "Too many requests; please wait a little.",
        503 => "The server is busy; please try again soon.",
        504 => "The server took too long to answer.",
        500..=599 => "The server met an error and could not answer.",
        _ => "The server refused this request.",
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        let made = Self::from_repr(ErrorKind::Other, error.to_string(), Some(Arc::new(error)));
        made.called_at(Location::caller())
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        Box::new(Standard(error))
    }
}

/// An [`Error`] as a standard error. `Error` itself is not one, because then `?` could not convert all others to it.
#[derive(Debug)]
struct Standard(Error);

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Standard {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr.location {
            Some(location) => write!(f, "{location}: {}", self.repr.message),
            None => f.write_str(&self.repr.message),
        }
    }
}

/// The form for the log: the message, the chain of sources, and the line of the `?`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A set-up error is the author's text and may have lines; others may have a client's text, which must not begin one.
        let is_setup = matches!(self.kind(), ErrorKind::Setup);
        let on_one_line = |text: String| if is_setup { text } else { on_one_line(&text).into_owned() };
        f.write_str(&on_one_line(self.to_string()))?;
        // The message of an error made by `?` is that of its source, so the chain starts with the source's own source.
        let mut cause = self.source().and_then(|source| source.source());
        while let Some(error) = cause {
            write!(f, "\n  caused by: {}", on_one_line(error.to_string()))?;
            cause = error.source();
        }
        match &self.repr.made_at {
            Some(line) => write!(f, "\n  at {line}"),
            None => Ok(()),
        }
    }
}

/// Returns `text` with its control characters and line ends escaped, so that a client's text forges no line in the log.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    let ends_line = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if !text.contains(ends_line) {
        return text.into();
    }
    let shown = |letter: char| if ends_line(letter) { letter.escape_default().to_string() } else { letter.to_string() };
    text.chars().map(shown).collect::<String>().into()
}

/// Drops `value`. A panic of its destructor is logged, because the caller's own result must not be lost with it.
pub(crate) fn drop_logging_panics<T>(value: T) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
        tracing::error!("Exception in a destructor: {}", on_one_line(Error::from_panic(&*payload).message()));
        // Forgotten, because dropping the payload might panic again.
        std::mem::forget(payload);
    }
}

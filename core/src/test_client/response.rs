//! The response that the test client received.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::request_context::RequestContext;
use crate::error::Error;
use crate::execution::Trace;

/// A response with its whole body.
///
/// Book: [Testing](../../costrel_book/testing/index.html).
#[derive(Clone, Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error: Option<Error>,
    context: Option<RequestContext>,
    /// Whether the test has asked for the timeline; the lint has one of each request.
    is_traced: bool,
    pub(super) history: Vec<Self>,
}

impl TestResponse {
    pub(crate) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        error: Option<Error>,
        context: Option<RequestContext>,
        is_traced: bool,
    ) -> Self {
        Self { status, headers, body, error, context, is_traced, history: Vec::new() }
    }

    /// The responses that redirected to this one, in order; see
    /// [`follow_redirects`](super::TestRequest::follow_redirects).
    pub fn history(&self) -> &[Self] {
        &self.history
    }

    /// The context the request was handled in, for a test to inspect: Flask's `with client:`.
    ///
    /// ```
    /// use costrel::{App, g};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || {
    ///     g().set("user", "ada".to_owned());
    ///     ""
    /// });
    /// let response = app.test_client().get("/").wait()?;
    /// assert_eq!(response.context().run_sync(|| g().get::<String>("user")).as_deref(), Some("ada"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// Never: every response of a test client has its context.
    pub fn context(&self) -> &RequestContext {
        self.context.as_ref().unwrap_or_else(|| unreachable!("the app answered, so there was a context"))
    }

    /// The timeline of the request, if [`traced`](super::TestRequest::traced) asked for it.
    pub fn trace(&self) -> Option<Trace> {
        self.context.as_ref().filter(|_| self.is_traced)?.trace()
    }

    /// The status; it compares with numbers.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let page = App::new("docs").test_client().get("/nowhere").wait()?;
    /// assert_eq!(page.status(), 404);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of a header, if it is there and readable text.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || ("hello", [("x-shop", "ink")]));
    /// assert_eq!(app.test_client().get("/").wait()?.header("x-shop"), Some("ink"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error that had no handler and became a 500, which is not shown to clients.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || session().set("n", 1).map(|()| "written"));
    /// let response = app.test_client().get("/").wait()?;
    /// assert!(response.error().unwrap().message().contains("no secret key was set"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The body's bytes.
    #[doc(alias = "get_data")]
    pub fn data(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; bytes that are no text become the replacement character.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias = "get_data")]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// ```
    /// use costrel::{App, Json};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || Json([1, 2, 3]));
    /// assert_eq!(app.test_client().get("/").wait()?.json::<Vec<u8>>()?, [1, 2, 3]);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the body is not the JSON expected.
    #[doc(alias = "get_json")]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

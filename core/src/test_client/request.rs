//! The request that the test client sends.

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;

use super::TestClient;
use super::redirect::{failure, resolve};
use super::request_context::RequestContext;
use super::response::TestResponse;
use crate::error::Error;
use crate::http_types::Body;
use crate::lifecycle::{InspectRequested, Inspection};

/// A request being made; sent by `.await` or [`wait`](Self::wait).
///
/// Book: [Testing](../../costrel_book/testing/index.html).
#[must_use = "nothing is sent until it is awaited (async) or waited for (sync)"]
pub struct TestRequest {
    client: TestClient,
    request: http::Request<Body>,
    form: Vec<(String, String)>,
    files: Vec<(String, String, String, Bytes)>,
    follow_redirects: bool,
    location: &'static Location<'static>,
}

/// The boundary between the parts of a form with files: any text that occurs in none of them.
const BOUNDARY: &str = "----costrel-test-client-boundary";

/// The most redirects that are followed; more than this are a loop.
const MOST_REDIRECTS: usize = 20;

impl TestRequest {
    pub(crate) fn new(
        client: TestClient,
        mut request: http::Request<Body>,
        location: &'static Location<'static>,
    ) -> Self {
        request.extensions_mut().insert(InspectRequested { with_trace: false });
        Self { client, request, form: Vec::new(), files: Vec::new(), follow_redirects: false, location }
    }

    /// Adds a header.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().header("x-key").unwrap_or_default().to_owned());
    /// assert_eq!(app.test_client().get("/").header("x-key", "7").wait()?.text(), "7");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If name or value are not valid.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) if name == header::HOST => drop(self.request.headers_mut().insert(name, value)),
            (Ok(name), Ok(value)) => drop(self.request.headers_mut().append(name, value)),
            _ => panic!("{}: {name:?}: {value:?} is not a header", self.location),
        }
        self
    }

    /// Sets the query to these arguments.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().args().get("q").unwrap_or_default().to_owned());
    /// assert_eq!(app.test_client().get("/").query(&[("q", "ink & paper")]).wait()?.text(), "ink & paper");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the path has a query already.
    pub fn query(mut self, arguments: &[(&str, &str)]) -> Self {
        let path = self.request.uri().path_and_query().map_or("/", |path| path.as_str());
        assert!(
            !path.contains('?'),
            "{}: {path:?} has a query already: put the whole query into the path or into `query`",
            self.location
        );
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(arguments).finish();
        let full = format!("{path}?{query}");
        *self.request.uri_mut() = full.parse().unwrap_or_else(|error| panic!("{}: {full:?}: {error}", self.location));
        self
    }

    /// Adds the name and password of HTTP's basic authentication.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().authorization().and_then(|login| login.username().map(str::to_owned)).unwrap_or_default());
    /// assert_eq!(app.test_client().get("/").auth("ada", "secret").wait()?.text(), "ada");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn auth(self, username: &str, password: &str) -> Self {
        self.header("authorization", &format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    /// Sets the body to this value as JSON.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", async || request().get_json::<u32>().await.map(|n| (n * 2).to_string()));
    /// assert_eq!(app.test_client().post("/").json(&21).wait()?.text(), "42");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the value cannot be written as JSON, or there is a form already.
    pub fn json(self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.header("content-type", "application/json").body(json),
            Err(error) => panic!("{}: no JSON: {error}", self.location),
        }
    }

    /// Adds fields of an HTML form; of a multipart form if there are files.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", || request().form().wait().map(|form| form.get("name").unwrap_or_default().to_owned()));
    /// assert_eq!(app.test_client().post("/").form(&[("name", "Ada")]).wait()?.text(), "Ada");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there is a body already.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.check_one_body();
        if self.form.is_empty() { self.header("content-type", "application/x-www-form-urlencoded") } else { self }
    }

    /// Adds a file, as a browser sends it with a form.
    ///
    /// # Panics
    /// If there is a body already.
    pub fn file(mut self, field: &str, filename: &str, content_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        self.files.push((field.to_owned(), filename.to_owned(), content_type.to_owned(), bytes));
        self.check_one_body();
        self
    }

    /// Sets the body.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", || request().get_data().wait().map(|bytes| bytes.len().to_string()));
    /// assert_eq!(app.test_client().post("/").body("12345").wait()?.text(), "5");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there is a form already.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self.check_one_body();
        if let Some(bytes) = self.request.body().as_bytes() {
            let length = bytes.len().into();
            self.request.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        self
    }

    /// Sets the address that the request comes from, instead of 127.0.0.1.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().remote_addr().map(|address| address.ip().to_string()).unwrap_or_default());
    /// let page = app.test_client().get("/").remote_addr(([192, 0, 2, 7], 1).into()).wait()?;
    /// assert_eq!(page.text(), "192.0.2.7");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn remote_addr(mut self, address: SocketAddr) -> Self {
        self.request.extensions_mut().insert(address);
        self
    }

    /// Adds an extension that the server or a tower layer would attach to the request.
    #[cfg(feature = "websocket")]
    pub(super) fn extension(mut self, extension: impl Clone + Send + Sync + 'static) -> Self {
        self.request.extensions_mut().insert(extension);
        self
    }

    /// Records the timeline of the request, which [`TestResponse::trace`] returns.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", async || "async");
    /// let response = app.test_client().get("/").traced().wait()?;
    /// assert_eq!(response.trace().unwrap().crossings.len(), 0);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn traced(mut self) -> Self {
        self.request.extensions_mut().insert(InspectRequested { with_trace: true });
        self
    }

    /// Follows redirects; the response has those on the way there as its history.
    ///
    /// ```
    /// use costrel::{App, redirect};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/old", || redirect("/new"));
    /// app.route("/new", || "here");
    /// let response = app.test_client().get("/old").follow_redirects().wait()?;
    /// assert_eq!((response.text().as_str(), response.history().len()), ("here", 1));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn follow_redirects(mut self) -> Self {
        self.follow_redirects = true;
        self
    }

    /// Enters the context of the request without handling it: rule and session are there, hooks have not run; Flask's
    /// `app.test_request_context`. Teardown runs when the context is dropped.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/users/<int:id>").endpoint("user").view(|_id: i64| "user");
    /// let context = app.test_client().get("/users/7?tab=posts").test_request_context();
    /// assert_eq!(context.run_sync(|| request().args().get("tab").map(str::to_owned)).as_deref(), Some("posts"));
    /// assert_eq!(context.run_sync(|| request().endpoint().map(str::to_owned)).as_deref(), Some("user"));
    /// ```
    pub fn test_request_context(mut self) -> RequestContext {
        self.finish();
        RequestContext::new(self.client.application(), self.request)
    }

    /// Sends the request and blocks until the response is there; the sync form of `.await`.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", async || "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the response's body broke off; if an error had no handler and `config.testing` is on; if redirects lead in a
    /// circle or to another host; or in async code, where `.await` is the form to use.
    pub fn wait(self) -> Result<TestResponse, Error> {
        let client = self.client.clone();
        client.block_on(self.send())
    }

    /// Adds the client's cookies.
    pub(super) fn bring_cookies(&mut self) {
        let host = self.host();
        if let Some(cookies) = self.client.cookie_header(&self.request, &host) {
            self.request.headers_mut().append(header::COOKIE, cookies);
        }
    }

    pub(super) fn into_http(self) -> http::Request<Body> {
        self.request
    }

    fn host(&self) -> String {
        let host = self.request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        host.unwrap_or_default().to_owned()
    }

    async fn send(mut self) -> Result<TestResponse, Error> {
        self.finish();
        let mut history = Vec::new();
        loop {
            let again = self.again();
            let mut response = self.send_once().await?;
            let Some(next) = again.filter(|again| again.follow_redirects) else { return Ok(response) };
            match next.redirected(&response)? {
                Some(next) if history.len() < MOST_REDIRECTS => {
                    history.push(response);
                    self = next;
                }
                Some(_) => return Err(failure("the redirects form a loop")),
                None => {
                    response.history = history;
                    return Ok(response);
                }
            }
        }
    }

    async fn send_once(mut self) -> Result<TestResponse, Error> {
        let (host, path, client) = (self.host(), self.request.uri().path().to_owned(), self.client.clone());
        // A `Cookie` header that the test sets replaces the cookies of the client.
        if !self.request.headers().contains_key(header::COOKIE) {
            self.bring_cookies();
        }
        let inspected = self.request.extensions().get::<InspectRequested>();
        let is_traced = inspected.is_some_and(|inspected| inspected.with_trace);
        let response = client.application().call(self.request).await;
        client.keep_cookies(response.headers(), &host, &path);
        let (mut head, body) = response.into_parts();
        let inside = head.extensions.remove::<Inspection>();
        let error = inside.as_ref().and_then(|inside| inside.unhandled.clone());
        if let Some(error) = error.clone().filter(|_| client.application().handle().config().propagates()) {
            return Err(error);
        }
        let context = inside.map(|inside| RequestContext::past(inside.context));
        Ok(TestResponse::new(head.status, head.headers, body.collect().await?, error, context, is_traced))
    }

    /// Returns a copy of the request; `None` if its body is a stream.
    fn again(&self) -> Option<Self> {
        let mut request = http::Request::new(Body::from(self.request.body().as_bytes()?.clone()));
        *request.method_mut() = self.request.method().clone();
        *request.uri_mut() = self.request.uri().clone();
        *request.headers_mut() = self.request.headers().clone();
        *request.extensions_mut() = self.request.extensions().clone();
        let follow_redirects = self.follow_redirects;
        let (client, location) = (self.client.clone(), self.location);
        Some(Self { client, request, form: Vec::new(), files: Vec::new(), follow_redirects, location })
    }

    /// Returns this request for the place that `response` redirects to; `None` if it does not redirect.
    fn redirected(mut self, response: &TestResponse) -> Result<Option<Self>, Error> {
        let Some(location) = response.header("location").filter(|_| response.status().is_redirection()) else {
            return Ok(None);
        };
        let keeps_method = matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        // Other redirects become GET, as in browsers, although the RFC once asked to keep the method.
        if !keeps_method && self.request.method() != Method::HEAD {
            *self.request.method_mut() = Method::GET;
            *self.request.body_mut() = Body::empty();
            self.request.headers_mut().remove(header::CONTENT_LENGTH);
            self.request.headers_mut().remove(header::CONTENT_TYPE);
        }
        *self.request.uri_mut() = resolve(self.request.uri(), &self.host(), location)?;
        Ok(Some(self))
    }

    /// Makes the body from form and files.
    fn finish(&mut self) {
        if self.form.is_empty() && self.files.is_empty() {
            return;
        }
        let (content_type, body) = if self.files.is_empty() {
            let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
            ("application/x-www-form-urlencoded".to_owned(), encoded.into_bytes())
        } else {
            (format!("multipart/form-data; boundary={BOUNDARY}"), self.multipart())
        };
        if let Ok(content_type) = HeaderValue::try_from(content_type) {
            self.request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        self.request.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
        *self.request.body_mut() = body.into();
    }

    fn multipart(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.form {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
        }
        for (name, filename, content_type, bytes) in &self.files {
            let disposition = format!("form-data; name=\"{name}\"; filename=\"{filename}\"");
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n");
            body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
        }
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    }

    fn check_one_body(&self) {
        let has_body = self.request.headers().contains_key(header::CONTENT_LENGTH)
            || self.request.body().as_bytes().is_none_or(|bytes| !bytes.is_empty());
        let has_form = !self.form.is_empty() || !self.files.is_empty();
        assert!(!(has_body && has_form), "{}: a form and another body: a request has one", self.location);
    }
}

impl IntoFuture for TestRequest {
    type Output = Result<TestResponse, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestRequest({} {})", self.request.method(), self.request.uri())
    }
}

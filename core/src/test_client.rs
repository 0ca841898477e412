//! A client for tests: the whole app, no socket, from sync and async tests alike.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cookie::Cookie;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::app::App;
use crate::application::Application;
use crate::body::Body;
use crate::crossing;
use crate::dispatch::Unhandled;
use crate::error::Error;

/// Sends requests straight into an app and keeps the cookies it gets.
///
/// A request is sent by `.await` in an async test and by `.wait()` in a sync one. Clones share their cookies.
///
/// ```
/// # use costrel::App;
/// let mut app = App::new("docs");
/// app.route("/", || "hello");
/// let client = app.test_client();
///
/// let response = client.get("/").wait()?;
/// assert_eq!(response.text(), "hello");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct TestClient {
    shared: Arc<Shared>,
}

struct Shared {
    application: Application,
    cookies: Mutex<BTreeMap<String, String>>,
    event_loop: OnceLock<Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Waiting for it to end would block, which an async test must not.
        if let Some(event_loop) = self.event_loop.take() {
            event_loop.shutdown_background();
        }
    }
}

impl App {
    /// Builds the app and makes a client for it.
    ///
    /// # Panics
    /// If the app has mistakes, with what [`build`](App::build) reports.
    #[track_caller]
    pub fn test_client(self) -> TestClient {
        match self.build() {
            Ok(application) => application.test_client(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Application {
    /// A client for tests.
    pub fn test_client(&self) -> TestClient {
        let shared = Shared { application: self.clone(), cookies: Mutex::default(), event_loop: OnceLock::new() };
        TestClient { shared: Arc::new(shared) }
    }
}

impl TestClient {
    /// A GET request.
    #[track_caller]
    pub fn get(&self, path: &str) -> TestRequest {
        self.open(Method::GET, path)
    }

    /// A POST request.
    #[track_caller]
    pub fn post(&self, path: &str) -> TestRequest {
        self.open(Method::POST, path)
    }

    /// A PUT request.
    #[track_caller]
    pub fn put(&self, path: &str) -> TestRequest {
        self.open(Method::PUT, path)
    }

    /// A PATCH request.
    #[track_caller]
    pub fn patch(&self, path: &str) -> TestRequest {
        self.open(Method::PATCH, path)
    }

    /// A DELETE request.
    #[track_caller]
    pub fn delete(&self, path: &str) -> TestRequest {
        self.open(Method::DELETE, path)
    }

    /// A request of any method.
    ///
    /// # Panics
    /// If `path` is no valid path.
    #[track_caller]
    pub fn open(&self, method: Method, path: &str) -> TestRequest {
        assert!(path.starts_with('/'), "{path:?} is no path: write {:?}", format!("/{path}"));
        let request = http::Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let mut request = request.body(Body::empty()).unwrap_or_else(|error| panic!("{path:?} is no path: {error}"));
        request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 1)));
        TestRequest { client: self.clone(), request, location: Location::caller() }
    }

    /// The app.
    pub fn application(&self) -> &Application {
        &self.shared.application
    }

    /// The value of a cookie it has.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.shared.cookies.lock().get(name).cloned()
    }

    /// Sets a cookie, as it stands, for the requests to come.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.shared.cookies.lock().insert(name.into(), value.into());
    }

    fn cookie_header(&self) -> Option<HeaderValue> {
        let cookies = self.shared.cookies.lock();
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        HeaderValue::try_from(pairs.join("; ")).ok().filter(|header| !header.is_empty())
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let set = headers.get_all(header::SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        for cookie in set.filter_map(|text| Cookie::parse(text).ok()) {
            let mut cookies = self.shared.cookies.lock();
            if cookie.max_age().is_some_and(|age| !age.is_positive()) {
                cookies.remove(cookie.name());
            } else {
                cookies.insert(cookie.name().into(), cookie.value().into());
            }
        }
    }

    /// The loop for sync tests. It lives as long as the client, so what a request leaves running goes on.
    fn event_loop(&self) -> Result<&Runtime, Error> {
        if self.shared.event_loop.get().is_none() {
            let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            if let Err(spare) = self.shared.event_loop.set(event_loop) {
                spare.shutdown_background();
            }
        }
        self.shared.event_loop.get().ok_or_else(Error::on_event_loop)
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("cookies", &self.shared.cookies.lock().keys()).finish_non_exhaustive()
    }
}

/// A request being made; sent by `.await` or [`wait`](Self::wait).
#[must_use = "nothing is sent until it is awaited (async) or waited for (sync)"]
pub struct TestRequest {
    client: TestClient,
    request: http::Request<Body>,
    location: &'static Location<'static>,
}

impl TestRequest {
    /// With a header.
    ///
    /// # Panics
    /// If name or value are not valid.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => self.request.headers_mut().append(name, value),
            _ => panic!("{}: {name:?}: {value:?} is no header", self.location),
        };
        self
    }

    /// With this value as a JSON body.
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.header("content-type", "application/json").body(json),
            Err(error) => panic!("{}: no JSON: {error}", self.location),
        }
    }

    /// With these fields as an HTML form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(encoded)
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        if let Some(bytes) = self.request.body().as_bytes() {
            let length = bytes.len().into();
            self.request.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        self
    }

    /// As if sent from this address, instead of 127.0.0.1.
    pub fn remote_addr(mut self, address: SocketAddr) -> Self {
        self.request.extensions_mut().insert(address);
        self
    }

    /// Sends it and blocks until the response is there; the sync twin of `.await`.
    ///
    /// # Errors
    /// If the response's body broke off, or in async code, where `.await` is the form to use.
    pub fn wait(self) -> Result<TestResponse, Error> {
        if crossing::on_worker() || Handle::try_current().is_ok() {
            return crossing::block_on(self.send())?;
        }
        let client = self.client.clone();
        client.event_loop()?.block_on(self.send())
    }

    async fn send(mut self) -> Result<TestResponse, Error> {
        if let Some(cookies) = self.client.cookie_header() {
            self.request.headers_mut().append(header::COOKIE, cookies);
        }
        let response = self.client.shared.application.call(self.request).await;
        self.client.keep_cookies(response.headers());
        let (mut head, body) = response.into_parts();
        let error = head.extensions.remove::<Unhandled>().map(|unhandled| unhandled.0);
        Ok(TestResponse { status: head.status, headers: head.headers, body: body.collect().await?, error })
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

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error: Option<Error>,
}

impl TestResponse {
    /// The status; it compares with numbers.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's value, if it is there and readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Why it is a 500: the error that nobody handled, which the client is not told.
    ///
    /// ```
    /// # use costrel::{App, session};
    /// # let mut app = App::new("docs");
    /// app.route("/", || session().set("n", 1).map(|()| "written"));
    /// let response = app.test_client().get("/").wait()?;
    /// assert!(response.error().unwrap().message().contains("no secret key was set"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The body's bytes.
    pub fn data(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; bytes that are no text become the replacement character.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is not the JSON expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

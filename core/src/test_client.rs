//! A client for tests: the whole app, no socket, from sync and async tests alike.

mod test_app;
#[cfg(feature = "websocket")]
mod websocket;
mod call;
mod request;
mod response;
mod request_context;
mod redirect;
mod cookie_jar;

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::thread;

use cookie::Cookie;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Uri};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::app::App;
use crate::context::{ActiveRequest, Application, Context};
use crate::error::{Error, ErrorKind};
use crate::execution::{self, Waiting};
use crate::http_types::{Body, Response};
use crate::session::{Saving, Session};

use cookie_jar::Jar;

pub use call::TestCall;
pub use request::TestRequest;
pub use request_context::RequestContext;
pub use response::TestResponse;
pub use test_app::TestApp;
#[cfg(feature = "websocket")]
pub use websocket::{TestHandshake, TestWebSocket};

/// Sends requests straight into an app and keeps the cookies it gets.
///
/// A request is sent by `.await` in an async test and by `.wait()` in a sync one. Clones share their cookies.
///
/// ```
/// use costrel::App;
///
/// let mut app = App::new("docs");
/// app.route("/", || "hello");
/// let client = app.test_client();
///
/// let response = client.get("/").wait()?;
/// assert_eq!(response.text(), "hello");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Testing](../../costrel_book/testing/index.html).
#[doc(alias("FlaskClient", "QuartClient"))]
#[derive(Clone)]
pub struct TestClient {
    shared: Arc<Shared>,
}

struct Shared {
    application: Application,
    /// `None` for a client that keeps no cookies.
    cookies: Option<Mutex<Jar>>,
    event_loop: OnceLock<Runtime>,
}

/// Background tasks of the last requests still have the time that a server would give them.
impl Drop for Shared {
    fn drop(&mut self) {
        let Some(event_loop) = self.event_loop.take() else { return };
        let app = self.application.handle().clone();
        if app.run_state().background().is_empty() {
            return event_loop.shutdown_background();
        }
        // On a thread of its own, because waiting here would block, which an async test must not.
        thread::spawn(move || {
            event_loop.block_on(app.background_ends());
            event_loop.shutdown_background();
        });
    }
}

impl App {
    /// Builds the app and makes a client for it.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "hello");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.text(), "hello"); // in an async test: `.await?`
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the app has set-up errors, with what [`build`](App::build) reports.
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
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "hello");
    /// let app = app.build()?;
    /// let (ada, grace) = (app.test_client(), app.test_client()); // each has cookies of its own
    /// ada.set_cookie("lang", "de");
    /// assert_eq!((ada.cookie("lang").as_deref(), grace.cookie("lang")), (Some("de"), None));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn test_client(&self) -> TestClient {
        TestClient::new(self.clone(), Some(Mutex::default()))
    }

    /// A client for tests that keeps no cookies: Flask's `test_client(use_cookies=False)`.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let client = App::new("docs").build()?.test_client_without_cookies();
    /// client.set_cookie("lang", "de");
    /// assert_eq!(client.cookie("lang"), None);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn test_client_without_cookies(&self) -> TestClient {
        TestClient::new(self.clone(), None)
    }
}

impl TestClient {
    /// A GET request.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.get("/stock", || "7 left");
    /// assert_eq!(app.test_client().get("/stock").wait()?.text(), "7 left");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn get(&self, path: &str) -> TestRequest {
        self.open(Method::GET, path)
    }

    /// A POST request.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.post("/stock", || "noted");
    /// assert_eq!(app.test_client().post("/stock").wait()?.text(), "noted");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn post(&self, path: &str) -> TestRequest {
        self.open(Method::POST, path)
    }

    /// A PUT request.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.put("/stock", || "replaced");
    /// assert_eq!(app.test_client().put("/stock").wait()?.text(), "replaced");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn put(&self, path: &str) -> TestRequest {
        self.open(Method::PUT, path)
    }

    /// A PATCH request.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.patch("/stock", || "changed");
    /// assert_eq!(app.test_client().patch("/stock").wait()?.text(), "changed");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn patch(&self, path: &str) -> TestRequest {
        self.open(Method::PATCH, path)
    }

    /// A DELETE request.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.delete("/stock", || "gone");
    /// assert_eq!(app.test_client().delete("/stock").wait()?.text(), "gone");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn delete(&self, path: &str) -> TestRequest {
        self.open(Method::DELETE, path)
    }

    /// A request of any method. `path` may be a whole URL, which sets scheme and host.
    ///
    /// ```
    /// use costrel::{App, Method, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().root_url());
    /// let client = app.test_client();
    /// assert_eq!(client.open(Method::GET, "https://shop.example/").wait()?.text(), "https://shop.example/");
    /// assert_eq!(client.open(Method::HEAD, "/").wait()?.text(), "");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If `path` is no valid path.
    #[track_caller]
    pub fn open(&self, method: Method, path: &str) -> TestRequest {
        let whole = path.starts_with("http://") || path.starts_with("https://");
        assert!(whole || path.starts_with('/'), "{path:?} is not a path: write {:?}", format!("/{path}"));
        let uri: Uri = path.parse().unwrap_or_else(|error| panic!("{path:?} is not a path: {error}"));
        let host = uri.authority().map_or_else(|| self.host(), ToString::to_string);
        let request = http::Request::builder().method(method).uri(uri).header(header::HOST, host);
        let mut request = request.body(Body::empty()).unwrap_or_else(|error| panic!("{path:?} is not a path: {error}"));
        request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 1)));
        TestRequest::new(self.clone(), request, Location::caller())
    }

    /// The app that the client sends requests to.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", async || "hello");
    /// let client = app.test_client();
    /// client.get("/").wait()?;
    /// assert_eq!(client.application().handle().crossings(), 0);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn application(&self) -> &Application {
        &self.shared.application
    }

    /// The value of a cookie that the client has.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || ("hello", [("set-cookie", "lang=de")]));
    /// let client = app.test_client();
    /// client.get("/").wait()?;
    /// assert_eq!(client.cookie("lang").as_deref(), Some("de"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.shared.cookies.as_ref()?.lock().get(name).map(str::to_owned)
    }

    /// Sets a cookie, as it stands, for the requests to come.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().cookie("lang").unwrap_or_default());
    /// let client = app.test_client();
    /// client.set_cookie("lang", "de");
    /// assert_eq!(client.get("/").wait()?.text(), "de");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.set_cookie_of(&self.host(), name, value);
    }

    /// Sets a cookie for the requests to `host`, which name it in their URL: Flask's `set_cookie(domain=host)`.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || request().cookie("theme").unwrap_or_default());
    /// let client = app.test_client();
    /// client.set_cookie_of("shop.example", "theme", "dark");
    /// assert_eq!(client.get("http://shop.example/").wait()?.text(), "dark");
    /// assert_eq!(client.get("/").wait()?.text(), "");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn set_cookie_of(&self, host: &str, name: &str, value: &str) {
        let cookie = Cookie::build((name.to_owned(), value.to_owned())).path("/").build();
        self.with_jar(|jar| {
            jar.remove(name);
            jar.set(cookie, host);
        });
    }

    /// Forgets a cookie.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let client = App::new("docs").test_client();
    /// client.set_cookie("lang", "de");
    /// client.delete_cookie("lang");
    /// assert_eq!(client.cookie("lang"), None);
    /// ```
    pub fn delete_cookie(&self, name: &str) {
        self.with_jar(|jar| jar.remove(name));
    }

    /// Opens the session as the next request would see it, lets `change` work on it, and saves it: Flask's
    /// `session_transaction`. `.await` it in an async test, [`wait`](Waiting::wait) for it in a sync one.
    ///
    /// ```
    /// use costrel::{App, session};
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/", || session().get::<String>("user").unwrap_or_default());
    /// let client = app.test_client();
    /// client.session_transaction(|session| session.set("user", "ada")).wait()?;
    /// assert_eq!(client.get("/").wait()?.text(), "ada");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// The error of `change`, or if the client keeps no cookies.
    pub fn session_transaction<R: Send + 'static>(
        &self,
        change: impl FnOnce(&Session) -> Result<R, Error> + Send + 'static,
    ) -> Waiting<R> {
        let client = self.clone();
        Waiting::new(async move {
            if client.shared.cookies.is_none() {
                let message = "Cookies are disabled: make the client with `test_client()`.";
                return Err(Error::new(ErrorKind::Other, message));
            }
            let mut request = client.get("/");
            request.bring_cookies();
            let context = client.application().enter(request.into_http()).context;
            context.clone().run(async move { transact(&client, &context, change).await }).await
        })
    }

    /// The host of requests that do not set another.
    fn host(&self) -> String {
        self.application().handle().config().server_name.clone().unwrap_or_else(|| "localhost".into())
    }

    fn cookie_header(&self, request: &http::Request<Body>, host: &str) -> Option<HeaderValue> {
        let secure = request.uri().scheme_str() == Some("https");
        self.shared.cookies.as_ref()?.lock().header(host, request.uri().path(), secure)
    }

    fn keep_cookies(&self, headers: &HeaderMap, host: &str, path: &str) {
        self.with_jar(|jar| jar.keep(headers, host, path));
    }

    fn with_jar(&self, change: impl FnOnce(&mut Jar)) {
        if let Some(jar) = &self.shared.cookies {
            change(&mut jar.lock());
        }
    }

    fn new(application: Application, cookies: Option<Mutex<Jar>>) -> Self {
        Self { shared: Arc::new(Shared { application, cookies, event_loop: OnceLock::new() }) }
    }

    /// Blocks until `future` is ready, on the client's own event loop if there is no other here.
    fn block_on<R>(&self, future: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        if execution::on_worker() || Handle::try_current().is_ok() {
            return execution::block_on(future)?;
        }
        self.event_loop()?.block_on(future)
    }

    /// The event loop for sync tests. It lives as long as the client, so tasks that a request leaves running go on.
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
        f.debug_struct("TestClient")
            .field(
                "cookies",
                &self.shared.cookies.as_ref().map(|jar| jar.lock().names().map(str::to_owned).collect::<Vec<_>>()),
            )
            .finish_non_exhaustive()
    }
}

async fn transact<R>(
    client: &TestClient,
    context: &Context,
    change: impl FnOnce(&Session) -> Result<R, Error>,
) -> Result<R, Error> {
    let ActiveRequest { request, session, .. } = context.request()?;
    let (app, sessions) = (context.app(), context.app().sessions());
    match sessions.open(session, request) {
        Some(opening) => session.fill(opening.await?),
        None => session.load().await?,
    }
    let changed = change(session)?;
    let mut response = Response::default();
    if let Some(saving) = sessions.save(session, app.config(), &mut response, Saving::End)? {
        response = saving.await?;
    }
    client.keep_cookies(response.headers(), request.host(), "/");
    Ok(changed)
}

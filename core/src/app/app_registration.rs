//! The registration methods that only an app has: functions around contexts and serving, and signal subscribers.

use std::sync::Arc;

use super::App;
use crate::context::{Application, Signal};
use crate::error::Error;
use crate::execution::{IntoCallable, Propagation};
use crate::hooks::Serving;
use crate::http_types::{Request, Response};

impl App {
    /// The name the app was made with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `f`, sync or async, at the end of every context, of a request or without one, after the functions of
    /// `teardown_request`; the last registered first. Use it to release what `g` holds.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use costrel::App;
    ///
    /// static CLOSED: AtomicUsize = AtomicUsize::new(0);
    ///
    /// let mut app = App::new("docs");
    /// app.teardown_appcontext(async || {
    ///     CLOSED.fetch_add(1, Ordering::SeqCst);
    /// });
    /// let app = app.build()?;
    /// app.app_context_sync(|| ());
    /// app.test_client().get("/").wait()?;
    /// assert_eq!(CLOSED.load(Ordering::SeqCst), 2);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn teardown_appcontext<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.teardown_appcontext.push(f.into_callable());
        self
    }

    /// Calls `f` with each response that leaves the app, as the last step before it is sent, made by a view, a hook,
    /// an error handler or Costrel. The last registered is called first. Unlike a function of `after_request`, `f` also sees the
    /// 500 after such a function that failed, and the page for a request that found no thread or was one more than
    /// `config.server.max_concurrent_requests`; it cannot fail.
    ///
    /// `f` runs where the request is at its end, in its context, and must neither block nor wait, so it costs no crossing.
    /// A panic of `f` is logged. The response to a WebSocket's handshake passes `f` only if it is a refusal.
    /// [`View::on_response`](crate::View::on_response) is the form for the responses of one view.
    ///
    /// ```
    /// use costrel::{App, HeaderValue, Response, abort};
    ///
    /// let mut app = App::new("docs");
    /// app.on_response(|_request, response| {
    ///     response.headers_mut().insert("x-frame-options", HeaderValue::from_static("DENY"));
    /// });
    /// app.after_request(|_: Response| abort::<Response>(403)); // fails
    /// app.route("/", || "hello");
    /// let page = app.test_client().get("/").wait()?;
    /// assert_eq!((page.status().as_u16(), page.header("x-frame-options")), (500, Some("DENY")));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn on_response(&mut self, f: impl Fn(&Request, &mut Response) + Send + Sync + 'static) -> &mut Self {
        self.on_response.push(Arc::new(f));
        self
    }

    /// Takes a value along wherever the work of a request goes on, such as a task-local of a tower layer, or the current
    /// OpenTelemetry context: to the threads of sync code, to tasks and copied contexts, to streamed bodies in
    /// [`stream_with_context`](crate::stream_with_context), and to the thread that a request holds with `config.threads`.
    ///
    /// `capture` runs where the request, the task or the job begins, on every one of them, so it should be cheap. `enter` gets
    /// what it returned, wherever the work runs and as often as it is polled, and calls the function it gets where the value
    /// is there again. When either panics, that is logged, and the work goes on without the value.
    ///
    /// The current tracing span and its subscriber are taken along without this. What an async decorator sets around the
    /// view, such as `TASK_LOCAL.scope(..)`, is in a sync view beneath it too, which is polled inside of it.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// tokio::task_local! {
    ///     static TENANT: String;
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.propagate(
    ///     || TENANT.try_with(Clone::clone).ok(),
    ///     |tenant, run| match tenant {
    ///         Some(tenant) => TENANT.sync_scope(tenant.clone(), run),
    ///         None => run(),
    ///     },
    /// );
    /// app.route("/", || TENANT.get()); // runs on a worker
    ///
    /// let client = app.test_client();
    /// let page = TENANT.sync_scope("acme".to_owned(), || client.get("/").wait())?;
    /// assert_eq!(page.text(), "acme");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn propagate<C: Send + Sync + 'static>(
        &mut self,
        capture: impl Fn() -> C + Send + Sync + 'static,
        enter: impl Fn(&C, &mut dyn FnMut()) + Send + Sync + 'static,
    ) -> &mut Self {
        self.propagations.push(Propagation::new(capture, enter));
        self
    }

    /// Calls `f` with the app when it is built, after everything else was found right: an extension checks here what it
    /// was told, such as the name of an endpoint, against the rest of the app. An error of `f` is a set-up error, at the
    /// line of [`init`](Self::init) in an extension, else at this one.
    ///
    /// ```
    /// use costrel::{App, Application, Error};
    ///
    /// let mut app = App::new("docs");
    /// app.on_build(|app: &Application| match app.has_path("/login") {
    ///     true => Ok(()),
    ///     false => Err(Error::setup("there is no login page")),
    /// });
    /// assert!(app.build().unwrap_err().message().contains("there is no login page"));
    /// ```
    #[track_caller]
    pub fn on_build(&mut self, f: impl FnOnce(&Application) -> Result<(), Error> + Send + Sync + 'static) -> &mut Self {
        let location = self.initialising.unwrap_or(std::panic::Location::caller());
        self.on_build.push(Box::new(move |app| f(app).map_err(|error| error.with_location(location))));
        self
    }

    /// Runs `f`, sync or async, before the app serves its first request, in the order registered: Quart's
    /// `before_serving`. An error of `f` keeps the app from serving, and
    /// [`Application::serve`](crate::Application::serve) reports it.
    ///
    /// The functions of a start-up share a `g`, which requests do not see. Put state for views into an extension, or
    /// into a value that both have a clone of.
    ///
    /// ```
    /// use std::sync::OnceLock;
    /// use costrel::{App, Error};
    ///
    /// static DATABASE: OnceLock<String> = OnceLock::new();
    ///
    /// let mut app = App::new("docs");
    /// app.before_serving(async || {
    ///     DATABASE.set("connected".into()).map_err(|_| Error::setup("there is a database already"))
    /// });
    /// app.after_serving(|| println!("disconnected"));
    /// app.route("/", || DATABASE.get().cloned().unwrap_or_default());
    ///
    /// let test_app = app.test_app();
    /// test_app.startup().wait()?;
    /// assert_eq!(test_app.test_client().get("/").wait()?.text(), "connected");
    /// test_app.shutdown().wait()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn before_serving<M>(&mut self, f: impl IntoCallable<M, (), ()>) -> &mut Self {
        self.serving.before.push(f.into_callable());
        self
    }

    /// Runs `f`, sync or async, when the app has served its last request and the background tasks are over, in the
    /// order registered; after the second halves of `while_serving`.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use costrel::App;
    ///
    /// static CLOSED: AtomicBool = AtomicBool::new(false);
    ///
    /// let mut app = App::new("docs");
    /// app.after_serving(async || CLOSED.store(true, Ordering::SeqCst));
    /// let test_app = app.test_app();
    /// test_app.startup().wait()?;
    /// test_app.shutdown().wait()?;
    /// assert!(CLOSED.load(Ordering::SeqCst));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn after_serving<M>(&mut self, f: impl IntoCallable<M, (), ()>) -> &mut Self {
        self.serving.after.push(f.into_callable());
        self
    }

    /// Runs `f`, sync or async, around the time in which the app serves. The part up to
    /// [`serving.until_stopped()`](crate::Serving::until_stopped) runs after the functions of `before_serving`; the
    /// rest runs at shutdown, the last registered first. Quart's `while_serving`.
    ///
    /// ```
    /// use costrel::{App, Error, Serving};
    ///
    /// let mut app = App::new("docs");
    /// app.while_serving(async |serving: Serving| {
    ///     println!("opening"); // what fails here keeps the app from serving
    ///     serving.until_stopped().await?; // sync: `.wait()?`
    ///     println!("closing");
    ///     Ok::<(), Error>(())
    /// });
    /// # let test_app = app.test_app();
    /// # test_app.startup().wait().unwrap();
    /// # test_app.shutdown().wait().unwrap();
    /// ```
    pub fn while_serving<M>(&mut self, f: impl IntoCallable<M, Serving, ()>) -> &mut Self {
        self.serving.during.push(f.into_callable());
        self
    }

    /// Calls `f`, sync or async, whenever `signal` is sent in this app.
    ///
    /// ```
    /// use costrel::{App, http::response::Parts, signals::REQUEST_FINISHED};
    ///
    /// let mut app = App::new("docs");
    /// app.connect(&REQUEST_FINISHED, |response: Parts| println!("answered with {}", response.status));
    /// # assert!(app.build().is_ok());
    /// ```
    #[track_caller]
    pub fn connect<T: Clone + Send + Sync + 'static, M>(
        &mut self,
        signal: &Signal<T>,
        f: impl IntoCallable<M, T, ()>,
    ) -> &mut Self {
        let location = std::panic::Location::caller();
        let error = signal.connect(&mut self.subscribers, f).err();
        self.add_setup_errors(error.map(|error| error.with_location(location)));
        self
    }
}

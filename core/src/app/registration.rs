//! What runs around every request of an app.

use super::App;
use crate::context::Signal;
use crate::error::Error;
use crate::execution::IntoCallable;
use crate::hooks::{ErrorKey, Serving};
use crate::http_types::Response;
use crate::routing::UrlValues;

impl App {
    /// Takes the variables named here out of every URL: the view does not get them, `f` does, sync or async, before
    /// the functions of `before_request`. Also where no rule matches, then without values.
    ///
    /// ```
    /// use costrel::{App, UrlValues, g, url_for};
    ///
    /// let mut app = App::new("docs");
    /// app.url_value_preprocessor(["lang"], async |values: UrlValues| {
    ///     g().set("lang", values.get::<String>("lang").unwrap_or("en".into()));
    /// });
    /// app.url_defaults(|values| values.set_default("lang", g().get::<String>("lang")));
    /// app.rule("/<lang>/").endpoint("index").view(|| url_for("about").build());
    /// app.rule("/<lang>/about").endpoint("about").view(|| g().get::<String>("lang").unwrap_or_default());
    ///
    /// let client = app.test_client();
    /// assert_eq!(client.get("/de/").wait()?.text(), "/de/about");
    /// assert_eq!(client.get("/de/about").wait()?.text(), "de");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn url_value_preprocessor<'n, M>(
        &mut self,
        takes: impl IntoIterator<Item = &'n str>,
        f: impl IntoCallable<M, UrlValues, ()>,
    ) -> &mut Self {
        self.hooks.preprocess(takes, f);
        self
    }

    /// Adds values to every URL that `url_for` builds. `f` must not block, as it runs wherever that is called.
    pub fn url_defaults(&mut self, f: impl Fn(&mut UrlValues) + Send + Sync + 'static) -> &mut Self {
        self.hooks.url_defaults.push(std::sync::Arc::new(f));
        self
    }

    /// Runs `f`, sync or async, before every request, in the order registered, also where no rule matches.
    /// `f` returns nothing, or `None` to go on and `Some(("closed", 503))` to answer, or a `Result` of these.
    pub fn before_request<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
        self.hooks.request.before(f);
        self
    }

    /// Runs `f`, sync or async, on every response, the last registered first. `f` returns the response,
    /// changed or new.
    pub fn after_request<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
        self.hooks.request.after(f);
        self
    }

    /// Runs `f`, sync or async, when a request is over, the last registered first: always, once, whether it
    /// succeeded, failed, panicked or was given up. `f` gets the error that nobody handled.
    pub fn teardown_request<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.hooks.request.teardown(f);
        self
    }

    /// Answers errors of `key` with `f`, sync or async: a status (`404`), a type
    /// ([`of_type`](crate::of_type)) or all ([`Exception`](crate::Exception)). As in Flask, the answer has
    /// status 200 unless `f` sets another.
    ///
    /// ```
    /// # use costrel::{App, Error};
    /// # let mut app = App::new("docs");
    /// app.errorhandler(404, |error: Error| async move { (format!("sorry: {error}"), 404) });
    /// assert!(app.test_client().get("/nowhere").wait()?.text().starts_with("sorry"));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn errorhandler<M>(&mut self, key: impl Into<ErrorKey>, f: impl IntoCallable<M, Error, Response>) -> &mut Self {
        self.rules.setup_errors.extend(self.hooks.handle(key.into(), f));
        self
    }

    /// Runs `f`, sync or async, at the end of every context, of a request or without one, after the functions of
    /// `teardown_request`; the last registered first. The place to give back what `g` holds.
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicUsize, Ordering};
    /// # use costrel::App;
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

    /// Runs `f`, sync or async, before every conversation over a WebSocket, in the order registered; instead of the functions of
    /// `before_request`. What it returns is the answer, and there is no conversation. Quart's `before_websocket`.
    ///
    /// ```
    /// # use costrel::{App, request};
    /// # let mut app = App::new("docs");
    /// app.before_websocket(async || request().header("x-key").is_none().then_some(("not for you", 401)));
    /// app.websocket("/", async || costrel::websocket().send("hello").await);
    /// assert_eq!(app.test_client().websocket("/").wait()?.status(), 401);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn before_websocket<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
        self.hooks.websocket.before(f);
        self
    }

    /// Runs `f` after every conversation that came to its end by itself, the last registered first. It gets and returns the
    /// response: of status 101 where the conversation was accepted, and then nobody sees it any more.
    pub fn after_websocket<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
        self.hooks.websocket.after(f);
        self
    }

    /// Runs `f` at the end of every conversation, the client gone or not, with the error that nobody handled; the last
    /// registered first.
    pub fn teardown_websocket<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.hooks.websocket.teardown(f);
        self
    }

    /// Runs `f`, sync or async, before the app serves its first request, in the order registered. What it fails with
    /// keeps the app from serving: [`Application::serve`](crate::Application::serve) says so. Quart's `before_serving`.
    ///
    /// Its `g` is shared by the functions of a start-up, and by no request; state for views goes into an extension, or into
    /// a value that both have a clone of.
    ///
    /// ```
    /// # use std::sync::OnceLock;
    /// # use costrel::{App, Error};
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

    /// Runs `f`, sync or async, when the app has served its last request and what runs in the background is over, in the
    /// order registered; after the second halves of `while_serving`.
    pub fn after_serving<M>(&mut self, f: impl IntoCallable<M, (), ()>) -> &mut Self {
        self.serving.after.push(f.into_callable());
        self
    }

    /// Runs `f`, sync or async, around the time in which the app serves: up to
    /// [`serving.until_stopped()`](crate::Serving::until_stopped) after the functions of `before_serving`, the rest when the
    /// app stops, the last registered first. Quart's `while_serving`.
    ///
    /// ```
    /// # use costrel::{App, Error, Serving};
    /// # let mut app = App::new("docs");
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

    /// Adds to every template the values that `f`, sync or async, gives each time: a map, as
    /// [`context!`](crate::context) makes it. What the view gives goes first.
    #[cfg(feature = "templates")]
    pub fn context_processor<M>(&mut self, f: impl IntoCallable<M, (), minijinja::Value>) -> &mut Self {
        self.hooks.context_processors.push(f.into_callable());
        self
    }

    /// Tells `f`, sync or async, whenever `signal` is sent in this app.
    ///
    /// ```
    /// # use costrel::{App, REQUEST_FINISHED, http::response::Parts};
    /// # let mut app = App::new("docs");
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
        let fault = signal.connect(&mut self.subscribers, f).err();
        self.rules.setup_errors.extend(fault.map(|fault| fault.with_location(location)));
        self
    }
}

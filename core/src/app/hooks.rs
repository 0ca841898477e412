//! What runs around every request of an app.

use super::App;
use crate::callable::IntoCallable;
use crate::error::Error;
use crate::error_handlers::ErrorKey;
use crate::response::Response;
use crate::signals::Signal;
use crate::url_values::UrlValues;

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
        self.scope.preprocess(takes, f);
        self
    }

    /// Adds values to every URL that `url_for` builds. `f` must not block, as it runs wherever that is called.
    pub fn url_defaults(&mut self, f: impl Fn(&mut UrlValues) + Send + Sync + 'static) -> &mut Self {
        self.scope.url_defaults.push(std::sync::Arc::new(f));
        self
    }

    /// Runs `f`, sync or async, before every request, in the order registered, also where no rule matches.
    /// `f` returns nothing, or `None` to go on and `Some(("closed", 503))` to answer, or a `Result` of these.
    pub fn before_request<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
        self.scope.before(f);
        self
    }

    /// Runs `f`, sync or async, on every response, the last registered first. `f` returns the response,
    /// changed or new.
    pub fn after_request<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
        self.scope.after(f);
        self
    }

    /// Runs `f`, sync or async, when a request is over, the last registered first: always, once, whether it
    /// succeeded, failed, panicked or was given up. `f` gets the error that nobody handled.
    pub fn teardown_request<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.scope.teardown(f);
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
        self.rules.faults.extend(self.scope.handle(key.into(), f));
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

    /// Adds to every template the values that `f`, sync or async, gives each time: a map, as
    /// [`context!`](crate::context) makes it. What the view gives goes first.
    #[cfg(feature = "templates")]
    pub fn context_processor<M>(&mut self, f: impl IntoCallable<M, (), minijinja::Value>) -> &mut Self {
        self.scope.context_processors.push(f.into_callable());
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
        self.rules.faults.extend(fault.map(|fault| fault.with_location(location)));
        self
    }
}

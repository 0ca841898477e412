//! The registration methods that an app and a blueprint share: rules, hooks and error handlers. Flask's `Scaffold`.
//!
//! The macro names types as its callers import them.

/// The methods that [`App`](super::App) and [`Blueprint`](super::Blueprint) have in common, for the body of an `impl`.
macro_rules! registration_methods {
    () => {
        /// Registers `view` on `rule`: for GET, or a class view for the methods that it has functions for. A rule is text
        /// with variables such as `<name>`, `<int:name>` and `<path:name>`, which become the view's arguments in this order.
        ///
        /// The endpoint is the function's name; a closure's is its rule, after the methods if they are said. For other
        /// methods, decorators or another endpoint begin with [`rule`](Self::rule).
        ///
        /// ```
        /// use costrel::App;
        ///
        /// let mut app = App::new("docs");
        /// app.route("/hello/<name>", |name: String| format!("hello {name}"));
        /// assert_eq!(app.test_client().get("/hello/Ada").wait()?.text(), "hello Ada");
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[track_caller]
        pub fn route<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).view(view)
        }

        /// Registers `view` for GET on `rule`. Other than [`route`](Self::route), this takes GET alone also of a class view, and
        /// the endpoint of a closure is `GET /rule` instead of `/rule`.
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
        pub fn get<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).methods(["GET"]).view(view)
        }

        /// Registers `view` for POST on `rule`.
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
        pub fn post<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).methods(["POST"]).view(view)
        }

        /// Registers `view` for PUT on `rule`.
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
        pub fn put<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).methods(["PUT"]).view(view)
        }

        /// Registers `view` for PATCH on `rule`.
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
        pub fn patch<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).methods(["PATCH"]).view(view)
        }

        /// Registers `view` for DELETE on `rule`.
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
        pub fn delete<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
            self.rule(rule).methods(["DELETE"]).view(view)
        }

        /// Registers `handler` for WebSockets on `rule`: a `fn` or `async fn` with the rule's variables as its
        /// arguments, that talks over [`websocket()`](crate::websocket()). For decorators or another endpoint begin
        /// with [`rule`](Self::rule) and end it with [`websocket`](RuleBuilder::websocket). Quart's `websocket`.
        ///
        /// ```
        /// use costrel::{App, Error, websocket};
        ///
        /// fn greet(name: String) -> Result<(), Error> {
        ///     websocket().send(format!("hello {name}")).wait() // async: `.await`
        /// }
        ///
        /// let mut app = App::new("docs");
        /// app.websocket("/greet/<name>", greet);
        /// let socket = app.test_client().websocket("/greet/Ada").wait()?;
        /// assert_eq!(socket.receive().wait()?.text(), Some("hello Ada"));
        /// # Ok::<(), Error>(())
        /// ```
        #[track_caller]
        pub fn websocket<M>(&mut self, rule: &str, handler: impl IntoWebSocketView<M>) -> &mut Self {
            self.rule(rule).websocket(handler)
        }

        /// Begins a rule with methods, decorators or an endpoint of its own.
        ///
        /// ```
        /// use costrel::App;
        ///
        /// # fn login_required(view: costrel::View) -> costrel::View { view }
        /// # fn report() -> &'static str { "report" }
        /// let mut app = App::new("docs");
        /// app.rule("/report").methods(["GET", "POST"]).decorate(login_required).view(report);
        /// assert_eq!(app.test_client().post("/report").wait()?.status(), 200);
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[doc(alias = "add_url_rule")]
        #[track_caller]
        pub fn rule(&mut self, rule: &str) -> RuleBuilder<'_, Self> {
            RuleBuilder::new(self, rule)
        }

        /// Takes the variables in `takes` out of the URLs: `f`, sync or async, gets them instead of the view, before
        /// the functions of `before_request`. An app's function runs for every request, also where no rule matches
        /// (then without values); a blueprint's for the requests to its views.
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

        /// Adds values to the URLs that `url_for` builds: an app's function to every URL, a blueprint's to those of its
        /// views. `f` must not block, because it runs wherever `url_for` is called.
        ///
        /// ```
        /// use costrel::{App, url_for};
        ///
        /// let mut app = App::new("docs");
        /// app.url_defaults(|values| values.set_default("lang", Some("de")));
        /// app.rule("/<lang>/about").endpoint("about").view(|lang: String| lang);
        /// app.route("/", || url_for("about").build());
        /// assert_eq!(app.test_client().get("/").wait()?.text(), "/de/about");
        /// # Ok::<(), costrel::Error>(())
        /// ```
        pub fn url_defaults(&mut self, f: impl Fn(&mut UrlValues) + Send + Sync + 'static) -> &mut Self {
            self.hooks.url_defaults.push(Arc::new(f));
            self
        }

        /// Runs `f`, sync or async, before requests, in the order registered. An app's function runs before every
        /// request, also where no rule matches; a blueprint's before requests to its views, after those of the app and
        /// of the blueprint around it.
        ///
        /// `f` returns nothing, or `None` to go on and `Some(("closed", 503))` to answer, or a `Result` of these.
        ///
        /// ```
        /// use costrel::{App, request};
        ///
        /// let mut app = App::new("docs");
        /// app.before_request(|| request().header("x-key").is_none().then_some(("not for you", 403)));
        /// app.route("/", async || "welcome");
        /// let client = app.test_client();
        /// assert_eq!(client.get("/").wait()?.status(), 403);
        /// assert_eq!(client.get("/").header("x-key", "1").wait()?.text(), "welcome");
        /// # Ok::<(), costrel::Error>(())
        /// ```
        pub fn before_request<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
            self.hooks.request.before(f);
            self
        }

        /// Runs `f`, sync or async, on responses, the last registered first. An app's function gets every response; a
        /// blueprint's those of its views, before the app's own. `f` returns the response, changed or new.
        ///
        /// ```
        /// use costrel::{App, HeaderValue, Response};
        ///
        /// let mut app = App::new("docs");
        /// app.after_request(async |mut response: Response| {
        ///     response.headers_mut().insert("x-shop", HeaderValue::from_static("ink"));
        ///     response
        /// });
        /// app.route("/", || "hello");
        /// assert_eq!(app.test_client().get("/").wait()?.header("x-shop"), Some("ink"));
        /// # Ok::<(), costrel::Error>(())
        /// ```
        pub fn after_request<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
            self.hooks.request.after(f);
            self
        }

        /// Runs `f`, sync or async, when a request is over, the last registered first: always, once, whether the
        /// request succeeded, failed, panicked or was cancelled. `f` gets the error that had no handler.
        ///
        /// ```
        /// use std::sync::atomic::{AtomicUsize, Ordering};
        /// use costrel::App;
        ///
        /// static OVER: AtomicUsize = AtomicUsize::new(0);
        ///
        /// let mut app = App::new("docs");
        /// app.teardown_request(|| {
        ///     OVER.fetch_add(1, Ordering::SeqCst);
        /// });
        /// app.route("/", || "hello");
        /// app.test_client().get("/").wait()?;
        /// assert_eq!(OVER.load(Ordering::SeqCst), 1);
        /// # Ok::<(), costrel::Error>(())
        /// ```
        pub fn teardown_request<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
            self.hooks.request.teardown(f);
            self
        }

        /// Runs `f`, sync or async, before conversations over a WebSocket, in the order registered and in place of the
        /// functions of `before_request`. If `f` returns a response, it is sent and there is no conversation. Quart's
        /// `before_websocket`.
        ///
        /// ```
        /// use costrel::{App, request};
        ///
        /// let mut app = App::new("docs");
        /// app.before_websocket(async || request().header("x-key").is_none().then_some(("not for you", 401)));
        /// app.websocket("/", async || costrel::websocket().send("hello").await);
        /// assert_eq!(app.test_client().websocket("/").wait()?.status(), 401);
        /// # Ok::<(), costrel::Error>(())
        /// ```
        pub fn before_websocket<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
            self.hooks.websocket.before(f);
            self
        }

        /// Runs `f` after conversations whose handler ended without being cancelled, the last registered first. `f`
        /// gets and returns the response: one of status 101 if the handler accepted, which the client already has.
        pub fn after_websocket<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
            self.hooks.websocket.after(f);
            self
        }

        /// Runs `f` at the end of every conversation, even if the client has disconnected, with the error that had no
        /// handler; the last registered first.
        pub fn teardown_websocket<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
            self.hooks.websocket.teardown(f);
            self
        }

        /// Answers errors of `key` with `f`, sync or async: a status (`404`), a type ([`of_type`](crate::of_type)), all
        /// HTTP errors ([`HttpException`](crate::HttpException)) or all ([`Exception`](crate::Exception)). An app's handler
        /// answers errors anywhere, a blueprint's those of its views. As in Flask, the answer has status 200 unless `f` sets
        /// another.
        ///
        /// A handler for 500 answers an error that no other handler takes, but not where unhandled errors go to the caller
        /// (`config.debug`, `config.testing` or `config.propagate_exceptions`): there the browser gets the debug page, and the
        /// test client the error. `abort(500)` is handled always.
        ///
        /// ```
        /// use costrel::{App, Error};
        ///
        /// let mut app = App::new("docs");
        /// app.errorhandler(404, |error: Error| async move { (format!("sorry: {error}"), 404) });
        /// assert!(app.test_client().get("/nowhere").wait()?.text().starts_with("sorry"));
        /// # Ok::<(), Error>(())
        /// ```
        #[doc(alias = "register_error_handler")]
        #[track_caller]
        pub fn errorhandler<M>(
            &mut self,
            key: impl Into<ErrorKey>,
            f: impl IntoCallable<M, Error, Response>,
        ) -> &mut Self {
            let error = self.hooks.handle(key.into(), f);
            self.add_setup_errors(error);
            self
        }

        /// Adds values to the templates: `f`, sync or async, returns them each time as a map, as
        /// [`context!`](crate::context) makes it. An app's function is for all templates, a blueprint's for those that
        /// its views render. The values that the view gives take precedence.
        ///
        /// ```
        /// use costrel::{App, context, render_template_string};
        ///
        /// let mut app = App::new("docs");
        /// app.context_processor(|| context! { shop => "Ink" });
        /// app.route("/", || render_template_string("Welcome to {{ shop }}", context! {}).wait());
        /// assert_eq!(app.test_client().get("/").wait()?.text(), "Welcome to Ink");
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[cfg(feature = "templates")]
        pub fn context_processor<M>(&mut self, f: impl IntoCallable<M, (), minijinja::Value>) -> &mut Self {
            self.hooks.context_processors.push(f.into_callable());
            self
        }

        /// Adds the value `name` to the templates, which `f`, sync or async, makes when a template first uses it: for a
        /// value that costs something, such as a user from a database. An app's value is for all templates, a
        /// blueprint's for those that its views render. Values of context processors and of the view take precedence.
        ///
        /// Rendering begins anew once the value is there, so a filter or function of your own that the template calls
        /// before may be called twice.
        ///
        /// ```
        /// use costrel::{App, context, minijinja::Value, render_template_string};
        ///
        /// let mut app = App::new("docs");
        /// app.template_value("stock", async || Value::from(7)); // waits for a database
        /// app.route("/", async || render_template_string("{{ stock }} left", context! {}).await);
        /// assert_eq!(app.test_client().get("/").wait()?.text(), "7 left");
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[cfg(feature = "templates")]
        pub fn template_value<M>(&mut self, name: &str, f: impl IntoCallable<M, (), minijinja::Value>) -> &mut Self {
            self.hooks.template_values.push((name.to_owned(), f.into_callable()));
            self
        }
    };
}

pub(super) use registration_methods;

//! A rule while it is being registered, on an app or a blueprint.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;

use super::moved::Moved;
use crate::error::Error;
use crate::execution::Callable;
use crate::http_types::{Request, abort};
use crate::routing::ArgValue;
use crate::view::{IntoView, IntoWebSocketView, View};

/// A place to register rules on: an [`App`](crate::App) or a [`Blueprint`](crate::Blueprint).
pub trait Registrar {
    /// Takes a rule, or the set-up error in it.
    #[doc(hidden)]
    fn register(&mut self, rule: Result<RuleSpec, Error>);
}

/// A rule with its view, as it was written.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    pub(super) text: String,
    /// `None` if the rule lists none.
    pub(super) methods: Option<BTreeSet<String>>,
    pub(super) defaults: Vec<(String, ArgValue)>,
    pub(super) strict_slashes: bool,
    pub(super) automatic_options: Option<bool>,
    pub(super) host: Option<String>,
    pub(super) subdomain: Option<String>,
    pub(super) endpoint: String,
    /// The dotted name of the rule's blueprint, the outermost first.
    pub(super) blueprint: Option<String>,
    pub(super) view: View,
    pub(super) any_order: bool,
    pub(super) purpose: Purpose,
    /// The address to which the rule has moved.
    pub(super) moved: Option<Moved>,
    pub(super) location: &'static Location<'static>,
}

/// A rule being registered; nothing happens until [`view`](Self::view).
///
/// Book: [Routing and URLs](../costrel_book/routing/index.html).
#[must_use = "a rule without a view is not registered: end with `.view(f)`"]
pub struct RuleBuilder<'a, T: Registrar> {
    /// Taken when the view is registered; still there on drop if the rule got no view.
    registrar: Option<&'a mut T>,
    rule: String,
    methods: Option<BTreeSet<String>>,
    endpoint: Option<String>,
    defaults: Vec<(String, ArgValue)>,
    strict_slashes: bool,
    automatic_options: Option<bool>,
    host: Option<String>,
    subdomain: Option<String>,
    decorators: Vec<Box<dyn FnOnce(View) -> View + 'a>>,
    any_order: bool,
    moved: Option<Moved>,
    location: &'static Location<'static>,
}

impl<'a, T: Registrar> RuleBuilder<'a, T> {
    #[track_caller]
    pub(crate) fn new(registrar: &'a mut T, rule: &str) -> Self {
        Self {
            registrar: Some(registrar),
            rule: rule.to_owned(),
            methods: None,
            endpoint: None,
            defaults: Vec::new(),
            strict_slashes: true,
            automatic_options: None,
            host: None,
            subdomain: None,
            decorators: Vec::new(),
            any_order: false,
            moved: None,
            location: Location::caller(),
        }
    }

    /// Sets the methods the view takes, instead of GET. HEAD comes with GET, OPTIONS always.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/stock").methods(["GET", "PUT"]).view(|| request().method().to_string());
    /// let client = app.test_client();
    /// assert_eq!(client.put("/stock").wait()?.text(), "PUT");
    /// assert_eq!(client.post("/stock").wait()?.status(), 405);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn methods<'m>(mut self, methods: impl IntoIterator<Item = &'m str>) -> Self {
        self.methods = Some(methods.into_iter().map(str::to_ascii_uppercase).collect());
        self
    }

    /// Sets the endpoint, instead of the function's name.
    ///
    /// ```
    /// use costrel::{App, url_for};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/the-team").endpoint("about").view(|| url_for("about").build());
    /// assert_eq!(app.test_client().get("/the-team").wait()?.text(), "/the-team");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn endpoint(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// Sets values for variables that this rule does not have; the view gets them after the rule's own, in this
    /// order. A URL that spells out a default is redirected to the rule that has it:
    ///
    /// ```
    /// use costrel::App;
    ///
    /// fn page(number: i64) -> String {
    ///     format!("page {number}")
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/pages/").defaults([("number", 1)]).view(page);
    /// app.route("/pages/<int:number>", page);
    /// let client = app.test_client();
    /// assert_eq!(client.get("/pages/").wait()?.text(), "page 1");
    /// assert_eq!(client.get("/pages/1").wait()?.header("location"), Some("/pages/"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn defaults<'m, V: Into<ArgValue>>(mut self, defaults: impl IntoIterator<Item = (&'m str, V)>) -> Self {
        self.defaults.extend(defaults.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        self
    }

    /// Sets whether a slash at the end of the path must be there just as in the rule. Default: yes, and a missing
    /// slash is added by a redirect. If not, the path matches with and without it.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/stock/").view(|| "7 left").rule("/shop/").strict_slashes(false).view(|| "welcome");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/stock").wait()?.status(), 308);
    /// assert_eq!(client.get("/shop").wait()?.text(), "welcome");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn strict_slashes(mut self, strict: bool) -> Self {
        self.strict_slashes = strict;
        self
    }

    /// Sets whether Costrel answers OPTIONS for this rule. Default: as the view sets it; else yes, unless the rule
    /// lists OPTIONS or [`Config::provide_automatic_options`](crate::Config) is off.
    ///
    /// ```
    /// use costrel::{App, Method};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").provide_automatic_options(false).view(|| "hello");
    /// assert_eq!(app.test_client().open(Method::OPTIONS, "/").wait()?.status(), 405);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn provide_automatic_options(mut self, provide: bool) -> Self {
        self.automatic_options = Some(provide);
        self
    }

    /// Sets the host that the rule is for, with its port if that is not the scheme's own; it may have variables, which the
    /// view gets before those of the path. Needs `config.host_matching`. A rule without a host is for all, after those with
    /// one.
    ///
    /// ```
    /// use costrel::{App, url_for};
    ///
    /// let mut app = App::new("docs");
    /// app.config.host_matching = true;
    /// app.rule("/").host("<shop>.example.com").endpoint("shop").view(|shop: String| format!("the shop {shop}"));
    /// app.route("/", || url_for("shop").arg("shop", "ink").build());
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("host", "ink.example.com").wait()?.text(), "the shop ink");
    /// assert_eq!(client.get("/").wait()?.text(), "http://ink.example.com/");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Sets the subdomain of `config.server_name` that the rule is for; otherwise as [`host`](Self::host). Needs
    /// `config.subdomain_matching`. A rule without a subdomain is for `config.server_name` alone.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.config.server_name = Some("example.com".into());
    /// app.config.subdomain_matching = true;
    /// app.rule("/").subdomain("<user>").view(|user: String| format!("the page of {user}"));
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("host", "ada.example.com").wait()?.text(), "the page of ada");
    /// assert_eq!(client.get("/").header("host", "example.com").wait()?.status(), 404);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn subdomain(mut self, subdomain: &str) -> Self {
        self.subdomain = Some(subdomain.to_owned());
        self
    }

    /// Adds a decorator. They are written outermost first, in the order Flask stacks them.
    ///
    /// ```
    /// use costrel::{App, View, request};
    ///
    /// struct Staff;
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(|view: View| view.marked(Staff)).view(|| request().marker::<Staff>().is_some().to_string());
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "true");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias("layer", "route_layer"))]
    pub fn decorate(mut self, decorator: impl FnOnce(View) -> View + 'a) -> Self {
        self.decorators.push(Box::new(decorator));
        self
    }

    /// Allows the decorators to be in this order, although their [`Phase`](crate::Phase)s belong in another: for
    /// example a limit outside a login, to slow down clients that guess passwords.
    pub fn any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// Registers `view`, behind the decorators, under this rule.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/sum/<int:one>/<int:other>").view(async |one: i64, other: i64| (one + other).to_string());
    /// assert_eq!(app.test_client().get("/sum/20/22").wait()?.text(), "42");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// Never: a builder registers one view and is used up by it.
    pub fn view<M>(self, view: impl IntoView<M>) -> &'a mut T {
        self.register(view.into_view(), Purpose::View)
    }

    /// Registers a handler for WebSockets, behind the decorators, under this rule.
    ///
    /// ```
    /// use costrel::{App, websocket};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/greet/<name>").endpoint("greet").websocket(async |name: String| websocket().send(name).await);
    /// let socket = app.test_client().websocket("/greet/Ada").wait()?;
    /// assert_eq!(socket.receive().wait()?.text(), Some("Ada"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// Never: a builder registers one handler and is used up by it.
    pub fn websocket<M>(self, handler: impl IntoWebSocketView<M>) -> &'a mut T {
        self.register(handler.into_websocket_view().for_websocket(), Purpose::WebSocket)
    }

    /// Registers the rule for [`url_for`](crate::url_for) alone: no request matches it. For a second endpoint of an address,
    /// and for addresses that another server answers: Werkzeug's `build_only`, and what
    /// `add_url_rule("/", endpoint="index")` is in Flask's tutorial.
    ///
    /// ```
    /// use costrel::{App, Blueprint, url_for};
    ///
    /// let mut blog = Blueprint::new("blog");
    /// blog.rule("/").endpoint("index").view(|| url_for("index").build());
    /// let mut app = App::new("docs");
    /// app.register_blueprint(blog);
    /// app.rule("/").endpoint("index").build_only();
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn build_only(self) -> &'a mut T {
        let nothing = Callable::new_async(async |_: Request| abort(404));
        self.register(View::from_callable("build_only", nothing), Purpose::BuildOnly)
    }

    /// Registers the rule as another address of its endpoint, whose requests are redirected to the endpoint's own address
    /// with a 308; `url_for` builds the latter. Werkzeug's `alias`.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/users/<int:id>").endpoint("user").view(|id: u32| format!("user {id}"));
    /// app.rule("/u/<int:id>").endpoint("user").alias();
    /// let page = app.test_client().get("/u/7?tab=posts").wait()?;
    /// assert_eq!((page.status().as_u16(), page.header("location")), (308, Some("/users/7?tab=posts")));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn alias(self) -> &'a mut T {
        let nothing = Callable::new_async(async |_: Request| abort(404));
        self.register(View::from_callable("alias", nothing), Purpose::Alias)
    }

    /// Registers the rule as an address that has moved: its requests are redirected to `target` with a 308. A `<name>` in
    /// `target` is the value of the rule's variable. A `target` that begins with `/` is below the path where the app is
    /// mounted. Werkzeug's `redirect_to`.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/artikel/<int:id>/<title>").redirect_to("/articles/<id>#<title>");
    /// let moved = app.test_client().get("/artikel/7/a%20b").wait()?;
    /// assert_eq!((moved.status().as_u16(), moved.header("location")), (308, Some("/articles/7#a%20b")));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn redirect_to(mut self, target: &str) -> &'a mut T {
        let moved = Moved::to(target);
        let endpoint = self.endpoint.clone().unwrap_or_else(|| self.closure_endpoint());
        self.moved = Some(moved.clone());
        self.endpoint(&endpoint).register(moved.view(), Purpose::View)
    }

    fn register(mut self, view: View, purpose: Purpose) -> &'a mut T {
        let view = self.decorators.drain(..).rev().fold(view, |view, decorate| decorate(view));
        let endpoint =
            self.endpoint.take().or(view.name().map(str::to_owned)).unwrap_or_else(|| self.closure_endpoint());
        let new = RuleSpec {
            text: std::mem::take(&mut self.rule),
            methods: self.methods.take(),
            defaults: std::mem::take(&mut self.defaults),
            strict_slashes: self.strict_slashes,
            automatic_options: self.automatic_options,
            host: self.host.take(),
            subdomain: self.subdomain.take(),
            endpoint,
            blueprint: None,
            view,
            any_order: self.any_order,
            purpose,
            moved: self.moved.take(),
            location: self.location,
        };
        let registrar = self
            .registrar
            .take()
            .unwrap_or_else(|| unreachable!("`view` and `websocket` take the builder, so this runs once"));
        registrar.register(Ok(new));
        registrar
    }

    fn closure_endpoint(&self) -> String {
        match &self.methods {
            Some(methods) => {
                format!("{} {}", methods.iter().map(String::as_str).collect::<Vec<_>>().join(","), self.rule)
            }
            None => self.rule.clone(),
        }
    }
}

/// The purpose of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    View,
    WebSocket,
    /// `url_for` alone.
    BuildOnly,
    /// A redirect to the endpoint's own address.
    Alias,
}

impl<T: Registrar> Drop for RuleBuilder<'_, T> {
    fn drop(&mut self) {
        if let Some(registrar) = self.registrar.take() {
            let message = format!("the rule {:?} has no view: end it with `.view(f)`", self.rule);
            registrar.register(Err(Error::setup_without_line(message).with_location(self.location)));
        }
    }
}

impl<T: Registrar> fmt::Debug for RuleBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleBuilder({:?})", self.rule)
    }
}

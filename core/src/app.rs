//! The app while it is being put together.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::application::{Application, Endpoint, RuleInfo, Tables};
use crate::bridge::Bridge;
use crate::callable::{Callable, IntoCallable};
use crate::config::Config;
use crate::current_app::{CurrentApp, Extensions};
use crate::error::{Error, ErrorKind};
use crate::error_handlers::{ErrorHandlers, ErrorKey};
use crate::response::Response;
use crate::routing::rule::Rule;
use crate::routing::{Route, Router};
use crate::threads::Threads;
use crate::view::{IntoView, Need, View};
use crate::wiring::{all_in_one, check_args, check_methods, check_no_args, check_order, with_automatic};

/// An app being put together: rules, hooks, error handlers and extensions. [`build`](Self::build) freezes it.
///
/// Mistakes do not panic; they are collected, and `build` reports them all, each with the line that made it.
///
/// ```
/// use costrel::{App, Error, Json, abort};
///
/// fn index() -> &'static str {
///     "Hello"
/// }
///
/// async fn get_user(user_id: i64) -> Result<Json<String>, Error> {
///     if user_id > 1 {
///         return abort(404);
///     }
///     Ok(Json(format!("user {user_id}")))
/// }
///
/// let mut app = App::new("shop");
/// app.route("/", index);
/// app.route("/users/<int:user_id>", get_user);
///
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "Hello");
/// assert_eq!(client.get("/users/7").wait()?.status(), 404);
/// # Ok::<(), Error>(())
/// ```
pub struct App {
    /// The settings, free to change until the app is built.
    pub config: Config,
    name: String,
    router: Router<Endpoint>,
    rules: Vec<RuleInfo>,
    views: HashMap<Arc<str>, View>,
    before_request: Vec<Callable<(), Option<Response>>>,
    after_request: Vec<Callable<Response, Response>>,
    teardown_request: Vec<Callable<Option<Error>, ()>>,
    error_handlers: ErrorHandlers,
    fallback: Option<Endpoint>,
    extensions: Extensions,
    bridge: Option<Arc<dyn Bridge>>,
    needs: Vec<(Need, String, &'static Location<'static>)>,
    faults: Vec<Error>,
}

/// Something that plugs itself into an app: what `init_app` is in Flask.
///
/// Implement it for a reference (`impl Extension for &Limiter`) where the value is still needed for its decorators.
/// An extension never stores the app: what it must remember goes into [`App::set_extension`], one state per
/// app, so that several apps in one process do not see each other.
pub trait Extension {
    /// Registers hooks and rules, and keeps the extension's state on the app.
    ///
    /// # Errors
    /// Why the app cannot start with this extension.
    fn init_app(self, app: &mut App) -> Result<(), Error>;
}

impl App {
    /// An app without rules. The name is for people: logs and messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            config: Config::default(),
            name: name.into(),
            router: Router::new(),
            rules: Vec::new(),
            views: HashMap::new(),
            before_request: Vec::new(),
            after_request: Vec::new(),
            teardown_request: Vec::new(),
            error_handlers: ErrorHandlers::default(),
            fallback: None,
            extensions: Extensions::new(),
            bridge: None,
            needs: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Registers `view` for GET on `rule`: text with variables such as `<name>`, `<int:name>` and `<path:name>`,
    /// which become the view's arguments in this order.
    ///
    /// The endpoint is the function's name; a closure's is its rule. For other methods, decorators or another
    /// endpoint begin with [`rule`](Self::rule).
    #[track_caller]
    pub fn route<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).view(view)
    }

    /// Registers `view` for GET only; the same as [`route`](Self::route).
    #[track_caller]
    pub fn get<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).methods(["GET"]).view(view)
    }

    /// Registers `view` for POST.
    #[track_caller]
    pub fn post<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).methods(["POST"]).view(view)
    }

    /// Registers `view` for PUT.
    #[track_caller]
    pub fn put<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).methods(["PUT"]).view(view)
    }

    /// Registers `view` for PATCH.
    #[track_caller]
    pub fn patch<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).methods(["PATCH"]).view(view)
    }

    /// Registers `view` for DELETE.
    #[track_caller]
    pub fn delete<M>(&mut self, rule: &str, view: impl IntoView<M>) -> &mut Self {
        self.rule(rule).methods(["DELETE"]).view(view)
    }

    /// Begins a rule with methods, decorators or an endpoint of its own.
    ///
    /// ```
    /// # use costrel::{App, View};
    /// # fn login_required(view: View) -> View { view }
    /// # fn report() -> &'static str { "report" }
    /// # let mut app = App::new("docs");
    /// app.rule("/report").methods(["GET", "POST"]).decorate(login_required).view(report);
    /// assert_eq!(app.test_client().post("/report").wait()?.status(), 200);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn rule(&mut self, rule: &str) -> RuleBuilder<'_> {
        RuleBuilder {
            app: Some(self),
            rule: rule.to_owned(),
            methods: None,
            endpoint: None,
            decorators: Vec::new(),
            any_order: false,
            location: Location::caller(),
        }
    }

    /// Answers with `view` whatever no rule matches, for any method, instead of a 404. Such a request has the
    /// endpoint `fallback`.
    ///
    /// ```
    /// # use costrel::{App, request};
    /// # let mut app = App::new("docs");
    /// app.fallback(|| format!("the page for every path, {} too", request().path()));
    /// assert_eq!(app.test_client().get("/any/where").wait()?.text(), "the page for every path, /any/where too");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn fallback<M>(&mut self, view: impl IntoView<M>) -> &mut Self {
        let (view, location) = (view.into_view(), Location::caller());
        let faults = check_no_args(&view).err().into_iter().chain(view.faults().iter().cloned());
        self.faults.extend(faults.map(|fault| fault.with_location(location)));
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), "fallback".into(), location)));
        self.fallback = Some(Endpoint { name: "fallback".into(), view, handles_options: true });
        self
    }

    /// Runs `f`, sync or async, before every request, in the order registered, also where no rule matches.
    /// `f` returns nothing, or `None` to go on and `Some(("closed", 503))` to answer, or a `Result` of these.
    pub fn before_request<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
        self.before_request.push(f.into_callable());
        self
    }

    /// Runs `f`, sync or async, on every response, the last registered first. `f` returns the response,
    /// changed or new.
    pub fn after_request<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
        self.after_request.push(f.into_callable());
        self
    }

    /// Runs `f`, sync or async, when a request is over, the last registered first: always, once, whether it
    /// succeeded, failed, panicked or was given up. `f` gets the error that nobody handled.
    pub fn teardown_request<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.teardown_request.push(f.into_callable());
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
        let key = key.into();
        match key.check() {
            Ok(()) => self.error_handlers.add(key, f.into_callable()),
            Err(fault) => self.faults.push(fault),
        }
        self
    }

    /// Plugs an extension in.
    ///
    /// # Errors
    /// Why the extension cannot start on this app, with its type's name.
    #[track_caller]
    pub fn init<E: Extension>(&mut self, extension: E) -> Result<(), Error> {
        let location = Location::caller();
        extension.init_app(self).map_err(|error| {
            let name = crate::decorator_name::<E>();
            let message = format!("the extension {name} did not start: {}", error.message());
            error.with_message(message).with_location(location)
        })
    }

    /// Keeps `state` for an extension, one per type; views find it with
    /// [`current_app().extension`](CurrentApp::extension).
    pub fn set_extension<E: Send + Sync + 'static>(&mut self, state: E) {
        self.extensions.insert(TypeId::of::<E>(), Arc::new(state));
    }

    /// Replaces how this app crosses between event loop and sync code, for views, hooks, handlers and
    /// everything else. Default: [`Threads`](crate::Threads), as many as `config.workers` says.
    pub fn set_bridge(&mut self, bridge: impl Bridge) {
        self.bridge = Some(Arc::new(bridge));
    }

    /// Freezes the app: from here on nothing can be registered, and it can serve.
    ///
    /// # Errors
    /// Every mistake made in putting the app together, each with its line.
    pub fn build(mut self) -> Result<Application, Error> {
        for (need, view, location) in &self.needs {
            if !self.extensions.contains_key(&need.extension) {
                let (view, wanted) = (view, need.name);
                let message = format!(
                    "a decorator on the view `{view}` needs the extension `{wanted}`, which was not initialised: \
                     call `app.init(..)` with it"
                );
                self.faults.push(Error::new(ErrorKind::Setup, message).with_location(location));
            }
        }
        match self.faults.len() {
            0 => Ok(Application::new(self.into_tables())),
            1 => Err(self.faults.remove(0)),
            _ => Err(all_in_one(&self.name, &self.faults)),
        }
    }

    fn into_tables(self) -> Tables {
        let tasks = TaskTracker::new();
        tasks.close();
        let bridge = self.bridge.unwrap_or_else(|| Arc::new(Threads::new(self.config.workers)));
        Tables {
            current: CurrentApp::new(self.name, self.config, self.extensions, bridge),
            router: self.router,
            before_request: self.before_request,
            after_request: self.after_request,
            teardown_request: self.teardown_request,
            error_handlers: self.error_handlers,
            fallback: self.fallback,
            rules: self.rules,
            tasks,
        }
    }

    fn add(&mut self, rule: Rule, wanted: Wanted, view: View) -> Result<(), Error> {
        let Wanted { methods, endpoint, any_order, location } = wanted;
        check_methods(&rule, &methods)?;
        check_args(&rule, &view)?;
        if !any_order {
            check_order(&view)?;
        }
        if let Some(fault) = view.faults().first() {
            return Err(fault.clone());
        }
        let endpoint: Arc<str> = endpoint.into();
        if self.views.get(&endpoint).is_some_and(|taken| !taken.is_same(&view)) {
            return Err(Error::new(
                ErrorKind::Setup,
                format!(
                    "the endpoint `{endpoint}` is taken by another view: give this one its own with `.endpoint(\"..\")`"
                ),
            ));
        }
        self.views.insert(endpoint.clone(), view.clone());
        let handles_options = methods.contains("OPTIONS");
        let methods = with_automatic(methods);
        self.rules.push(RuleInfo {
            rule: rule.text().to_owned(),
            endpoint: endpoint.to_string(),
            methods: methods.clone(),
            function_colour: view.function_colour(),
            colour: view.colour(),
            decorators: view.decorators().cloned().collect(),
        });
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), endpoint.to_string(), location)));
        let target = Arc::new(Endpoint { name: endpoint, view, handles_options });
        self.router.add(Route { rule, methods, target }).map_err(|(route, other)| {
            Error::new(
                ErrorKind::Setup,
                format!(
                    "the rule {:?} takes the same paths and methods as {other:?}: change the path or the methods of one",
                    route.rule.text()
                ),
            )
        })
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

/// A rule being registered; nothing happens until [`view`](Self::view).
#[must_use = "a rule without a view is not registered: end with `.view(f)`"]
pub struct RuleBuilder<'a> {
    /// Taken by the view; still there when the rule was given none.
    app: Option<&'a mut App>,
    rule: String,
    methods: Option<BTreeSet<String>>,
    endpoint: Option<String>,
    decorators: Vec<Box<dyn FnOnce(View) -> View + 'a>>,
    any_order: bool,
    location: &'static Location<'static>,
}

/// What a rule was asked to be, beside its text.
struct Wanted {
    methods: BTreeSet<String>,
    endpoint: String,
    any_order: bool,
    location: &'static Location<'static>,
}

impl<'a> RuleBuilder<'a> {
    /// The methods the view takes, instead of GET. HEAD comes with GET, OPTIONS always.
    pub fn methods<'m>(mut self, methods: impl IntoIterator<Item = &'m str>) -> Self {
        self.methods = Some(methods.into_iter().map(str::to_ascii_uppercase).collect());
        self
    }

    /// The endpoint, instead of the function's name.
    pub fn endpoint(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// Adds a decorator. They are written outermost first, in the order Flask stacks them.
    pub fn decorate(mut self, decorator: impl FnOnce(View) -> View + 'a) -> Self {
        self.decorators.push(Box::new(decorator));
        self
    }

    /// Says that the decorators are meant to be in this order, though their [`Phase`](crate::Phase)s speak
    /// against it: a limit outside a login, for one, to slow down those who guess passwords.
    pub fn any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// Registers `view`, behind the decorators, under this rule.
    ///
    /// # Panics
    /// Never: a rule has an app until it has a view.
    pub fn view<M>(mut self, view: impl IntoView<M>) -> &'a mut App {
        let view = self.decorators.drain(..).rev().fold(view.into_view(), |view, decorate| decorate(view));
        let endpoint =
            self.endpoint.take().or(view.name().map(str::to_owned)).unwrap_or_else(|| self.closure_endpoint());
        let methods = self.methods.take().unwrap_or_else(|| BTreeSet::from(["GET".to_owned()]));
        let wanted = Wanted { methods, endpoint, any_order: self.any_order, location: self.location };
        let app = self.app.take().unwrap_or_else(|| unreachable!("only `view` takes the app, and takes the builder"));
        if let Err(fault) = Rule::parse(&self.rule).and_then(|rule| app.add(rule, wanted, view)) {
            // A decorator's mistake was made at a line of its own.
            let line = fault.location().unwrap_or(self.location);
            app.faults.push(fault.with_location(line));
        }
        app
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

impl Drop for RuleBuilder<'_> {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            let message = format!("the rule {:?} was given no view: end it with `.view(f)`", self.rule);
            app.faults.push(Error::new(ErrorKind::Setup, message).with_location(self.location));
        }
    }
}

impl fmt::Debug for RuleBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleBuilder({:?})", self.rule)
    }
}

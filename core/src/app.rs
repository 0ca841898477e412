//! The app while it is being put together.

use std::any::TypeId;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::application::{Application, Tables};
use crate::blueprint::{Blueprint, Blueprints, Registration, Surroundings};
use crate::bridge::Bridge;
use crate::callable::IntoCallable;
use crate::config::Config;
use crate::current_app::{CurrentApp, Extensions};
use crate::error::Error;
use crate::error_handlers::ErrorKey;
use crate::response::Response;
use crate::rule_builder::{NewRule, Registrar, RuleBuilder};
use crate::rules::Rules;
use crate::scope::Scope;
use crate::threads::Threads;
use crate::view::IntoView;
use crate::wiring::all_in_one;

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
    rules: Rules,
    scope: Scope,
    /// The names of blueprints, and which blueprints have been seen.
    blueprints: Blueprints,
    extensions: Extensions,
    bridge: Option<Arc<dyn Bridge>>,
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
            rules: Rules::new(),
            scope: Scope::default(),
            blueprints: Blueprints::default(),
            extensions: Extensions::new(),
            bridge: None,
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
    pub fn rule(&mut self, rule: &str) -> RuleBuilder<'_, Self> {
        RuleBuilder::new(self, rule)
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
        self.rules.set_fallback(view.into_view(), Location::caller());
        self
    }

    /// Adds all that a blueprint has, under its prefix and its name.
    ///
    /// # Panics
    /// Never; a name that is taken is reported by [`build`](Self::build), at this line.
    #[track_caller]
    pub fn register_blueprint(&mut self, blueprint: Blueprint) -> &mut Self {
        let location = Location::caller();
        let Self { rules, scope, blueprints, .. } = self;
        blueprint.enter(&mut Registration { rules, scope, blueprints, location }, &Surroundings::default());
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
        self.rules.check_needs(&self.extensions);
        let faults = &mut self.rules.faults;
        match faults.len() {
            0 => Ok(Application::new(self.into_tables())),
            1 => Err(faults.remove(0)),
            _ => Err(all_in_one(&self.name, faults)),
        }
    }

    fn into_tables(self) -> Tables {
        let tasks = TaskTracker::new();
        tasks.close();
        let bridge = self.bridge.unwrap_or_else(|| Arc::new(Threads::new(self.config.workers)));
        Tables {
            current: CurrentApp::new(self.name, self.config, self.extensions, bridge),
            router: self.rules.router,
            scope: Arc::new(self.scope),
            fallback: self.rules.fallback,
            rules: self.rules.list,
            tasks,
        }
    }
}

impl Registrar for App {
    fn register(&mut self, rule: Result<NewRule, Error>) {
        match rule {
            Ok(rule) => self.rules.add(rule, &[]),
            Err(fault) => self.rules.faults.push(fault),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("rules", &self.rules.list.len()).finish_non_exhaustive()
    }
}

//! The app while it is being put together.

mod app_registration;
mod app_files;
mod blueprint;
mod commands;
mod registration;
mod rule_set;
mod rule_builder;
mod moved;
mod checks;

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Config, threads_of_environment};
use crate::context::{AppHandle, Application, Command, Parts, Subscribers, Tables};
use crate::error::Error;
use crate::execution::{Bridge, Bridges, Callable, IntoCallable, Propagation, ThreadPerRequest, decorator_name};
#[cfg(feature = "templates")]
use crate::helpers::Folder;
use crate::hooks::{ErrorKey, HookSet, ResponseHook, ServingHooks};
use crate::http_types::Response;
use crate::routing::{UrlConverter, UrlValues};
use crate::session::{SessionInterface, Sessions, check_session_cookie};
use crate::type_map::{ExtensionMap, Instance, type_label};
use crate::view::{IntoView, IntoWebSocketView};
use crate::websocket::check_origins;

use blueprint::{Blueprints, ParentBlueprint, Registration};
use checks::none_or_error;
use registration::registration_methods;
use rule_set::{BuiltRules, RuleSet};

pub use blueprint::Blueprint;
pub use commands::CommandGroup;
pub use rule_builder::{Registrar, RuleBuilder, RuleSpec};

/// An app being put together: rules, hooks, error handlers and extensions. [`build`](Self::build) freezes it.
///
/// Set-up errors do not panic; they are collected, and `build` reports them all, each with its line.
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
///
/// Book: [An app, page by page](../costrel_book/guide/app/index.html).
#[doc(alias("Flask", "Quart", "Router"))]
pub struct App {
    /// The settings, free to change until the app is built.
    pub config: Config,
    name: String,
    rules: RuleSet,
    hooks: HookSet,
    /// The names of blueprints, and which blueprints have been seen.
    blueprints: Blueprints,
    extensions: ExtensionMap,
    /// The line at which an extension is being initialised.
    initialising: Option<&'static Location<'static>>,
    bridge: Option<Arc<dyn Bridge>>,
    session_interface: Option<Arc<dyn SessionInterface>>,
    subscribers: Subscribers,
    serving: ServingHooks,
    on_response: Vec<ResponseHook>,
    on_build: Vec<BuildCheck>,
    teardown_appcontext: Vec<Callable<Option<Error>, ()>>,
    propagations: Vec<Propagation>,
    commands: Vec<Command>,
    /// The folder for what this installation of the app keeps.
    instance_path: PathBuf,
    #[cfg(feature = "templates")]
    templates: minijinja::Environment<'static>,
    #[cfg(feature = "templates")]
    template_folder: Option<Folder>,
}

/// A function of `on_build`.
type BuildCheck = Box<dyn FnOnce(&Application) -> Result<(), Error> + Send + Sync>;

/// An extension that sets itself up on an app: Flask's `init_app`.
///
/// Implement it for a reference (`impl Extension for &Limiter`) if the value is still needed for its decorators.
/// An extension never stores the app: it keeps its state with [`App::set_extension`], one state per app, so that
/// several apps in one process do not see each other. An extension of which one app may have several keeps a state for each
/// with [`App::set_extension_of`].
///
/// Book: [Use extensions](../costrel_book/ext/using/index.html).
#[doc(alias = "init_app")]
pub trait Extension {
    /// Registers hooks and rules, and keeps the extension's state on the app.
    ///
    /// # Errors
    /// If the app cannot start with this extension.
    fn init_app(self, app: &mut App) -> Result<(), Error>;
}

impl App {
    /// An app without rules. The name appears in logs and messages.
    ///
    /// ```
    /// use costrel::App;
    ///
    /// assert_eq!(App::new("shop").name(), "shop");
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            config: Config::default(),
            name: name.into(),
            rules: RuleSet::default(),
            hooks: HookSet::default(),
            blueprints: Blueprints::default(),
            extensions: ExtensionMap::default(),
            initialising: None,
            bridge: None,
            session_interface: None,
            subscribers: Subscribers::default(),
            serving: ServingHooks::default(),
            on_response: Vec::new(),
            on_build: Vec::new(),
            teardown_appcontext: Vec::new(),
            propagations: Vec::new(),
            commands: Vec::new(),
            instance_path: app_files::default_instance_path(),
            #[cfg(feature = "templates")]
            templates: crate::helpers::environment(),
            #[cfg(feature = "templates")]
            template_folder: None,
        }
    }

    registration_methods!();

    /// Answers every request that no rule matches with `view`, for any method, instead of a 404. Such a request has
    /// the endpoint `fallback`. A second fallback is a set-up error.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.fallback(|| format!("the page for every path, {} too", request().path()));
    /// assert_eq!(app.test_client().get("/any/where").wait()?.text(), "the page for every path, /any/where too");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn fallback<M>(&mut self, view: impl IntoView<M>) -> &mut Self {
        let is_second = self.rules.set_fallback(view.into_view(), Location::caller());
        self.check_set_once("fallback", is_second, Location::caller());
        self
    }

    /// Adds the rules, hooks and error handlers of a blueprint, under its prefix and its name.
    ///
    /// A name that is taken is reported by [`build`](Self::build), at this line.
    ///
    /// ```
    /// use costrel::{App, Blueprint};
    ///
    /// let mut blog = Blueprint::new("blog").url_prefix("/blog");
    /// blog.route("/", || "posts");
    /// let mut app = App::new("docs");
    /// app.register_blueprint(blog);
    /// assert_eq!(app.test_client().get("/blog/").wait()?.text(), "posts");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias = "nest")]
    #[track_caller]
    pub fn register_blueprint(&mut self, blueprint: Blueprint) -> &mut Self {
        let location = Location::caller();
        let Self { rules, hooks, blueprints, commands, .. } = self;
        blueprint
            .enter(&mut Registration { rules, hooks, blueprints, commands, location }, &ParentBlueprint::default());
        self
    }

    /// Initialises an extension on this app. Error handlers of the app's own replace those of extensions, whichever came first.
    ///
    /// ```
    /// use costrel::{App, Error, Extension, current_app};
    ///
    /// struct Greeter(&'static str);
    ///
    /// impl Extension for Greeter {
    ///     fn init_app(self, app: &mut App) -> Result<(), Error> {
    ///         app.set_extension(self);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.init(Greeter("hello"))?;
    /// app.route("/", || current_app().extension::<Greeter>().map(|greeter| greeter.0));
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the extension cannot start on this app, or was initialised on it before; the message names its type.
    #[track_caller]
    pub fn init<E: Extension>(&mut self, extension: E) -> Result<(), Error> {
        let (location, known) = (Location::caller(), self.rules.setup_errors.len());
        let outer = self.initialising.replace(location);
        let own = self.hooks.error_handlers.own();
        let outcome = extension.init_app(self);
        self.hooks.error_handlers.yield_to(own);
        self.initialising = outer;
        let twice = self.rules.setup_errors.iter().skip(known).position(|error| error.location() == Some(location));
        let outcome = match twice {
            Some(at) => outcome.and(Err(self.rules.setup_errors.remove(known + at))),
            None => outcome,
        };
        outcome.map_err(|error| {
            let name = decorator_name::<E>();
            let message = format!("the extension {name} did not start: {}", error.message());
            error.with_message(message).with_location(location)
        })
    }

    /// Keeps `state` for an extension, one per type; views get it with
    /// [`current_app().extension`](AppHandle::extension).
    ///
    /// A second state of the same type is a set-up error, at the line of [`init`](Self::init), because it would take the
    /// place of the first without a word. An extension of which an app may have several uses
    /// [`set_extension_of`](Self::set_extension_of).
    ///
    /// ```
    /// # let mut app = costrel::App::new("docs");
    /// app.set_extension(7_u32);
    /// app.set_extension(8_u32);
    /// assert!(app.build().unwrap_err().message().contains("initialised twice"));
    /// ```
    #[doc(alias("extensions", "with_state"))]
    #[track_caller]
    pub fn set_extension<E: Send + Sync + 'static>(&mut self, state: E) {
        self.keep_extension(None, state, Location::caller());
    }

    /// Keeps `state` for one instance of an extension; views get it with
    /// [`current_app().extension_of`](AppHandle::extension_of), and [`Instance`] has an example.
    ///
    /// A second state of the same type for the same instance is a set-up error, at the line of [`init`](Self::init).
    #[track_caller]
    pub fn set_extension_of<E: Send + Sync + 'static>(&mut self, instance: Instance, state: E) {
        self.keep_extension(Some(instance), state, Location::caller());
    }

    fn keep_extension<E: Send + Sync + 'static>(
        &mut self,
        instance: Option<Instance>,
        state: E,
        caller: &'static Location<'static>,
    ) {
        if !self.extensions.insert(instance, state) {
            let message = format!(
                "the extension `{}` is initialised twice on the app `{}`: leave the second out, or give it an app of its own",
                type_label::<E>(),
                self.name
            );
            let error = Error::setup_without_line(message).with_location(self.initialising.unwrap_or(caller));
            self.rules.setup_errors.push(error);
        }
    }

    /// The state that an extension has kept so far, for extensions that build on one another: Flask's
    /// `app.extensions`.
    ///
    /// ```
    /// # let mut app = costrel::App::new("docs");
    /// assert_eq!(app.extension::<u32>(), None);
    /// app.set_extension(7_u32);
    /// assert_eq!(app.extension::<u32>().as_deref(), Some(&7));
    /// ```
    #[doc(alias = "extensions")]
    pub fn extension<E: Send + Sync + 'static>(&self) -> Option<Arc<E>> {
        self.extensions.get(None)
    }

    /// Replaces the bridge, by which this app crosses between event loop and sync code, for views, hooks, handlers and
    /// everything else. Default: [`Threads`](crate::Threads): `config.workers` for requests, and others for what lasts,
    /// `config.stream_workers` for streamed bodies and conversations, and `config.background_workers` for background tasks. A bridge of your
    /// own runs all of these jobs; [`Job::label`](crate::Job::label) tells them apart.
    ///
    /// A second bridge is a set-up error, because it would take the place of the first without a word.
    #[track_caller]
    pub fn set_bridge(&mut self, bridge: impl Bridge) {
        let earlier = self.bridge.replace(Arc::new(bridge));
        self.check_set_once("bridge", earlier.is_some(), Location::caller());
    }

    /// Replaces the signed cookie as the place where sessions are kept.
    ///
    /// A second one is a set-up error, because it would take the place of the first without a word.
    #[track_caller]
    pub fn set_session_interface(&mut self, interface: impl SessionInterface) {
        let earlier = self.session_interface.replace(Arc::new(interface));
        self.check_set_once("session interface", earlier.is_some(), Location::caller());
    }

    /// Notes a set-up error, if an app has had a value of which it has one.
    fn check_set_once(&mut self, what: &str, is_second: bool, caller: &'static Location<'static>) {
        if is_second {
            let message =
                format!("the app `{}` has a {what} already, which this one would replace: leave one out", self.name);
            let error = Error::setup_without_line(message).with_location(self.initialising.unwrap_or(caller));
            self.rules.setup_errors.push(error);
        }
    }

    /// Adds a converter, which reads parts of paths for rules with `<name:variable>`; it may replace a built-in one.
    pub fn add_converter(&mut self, name: &str, converter: impl UrlConverter) {
        self.rules.converters.insert(name.to_owned(), Arc::new(converter));
    }

    fn add_setup_errors(&mut self, errors: impl IntoIterator<Item = Error>) {
        self.rules.setup_errors.extend(errors);
    }

    /// Freezes the app: from here on nothing can be registered, and it can serve. Where Flask has an assertion, set-up
    /// after the first request does not compile:
    ///
    /// ```compile_fail
    /// use costrel::App;
    ///
    /// let mut app = App::new("docs");
    /// let client = app.test_client();
    /// app.route("/late", || "never");
    /// ```
    ///
    /// # Errors
    /// All set-up errors of the app, each with its line.
    pub fn build(#[allow(unused_mut, reason = "templates alone change it")] mut self) -> Result<Application, Error> {
        #[cfg(feature = "templates")]
        self.load_templates();
        if self.config.debug {
            Error::note_panics();
        }
        let Self { name, config, rules, hooks, extensions, bridge, .. } = self;
        let BuiltRules { router, websockets, url_builder, list, fallback, mut setup_errors } =
            rules.build(&hooks, &config, &extensions);
        setup_errors.extend(check_origins(&config.websocket_origins).err());
        setup_errors.extend(check_session_cookie(&config).err());
        setup_errors.extend(threads_of_environment().err());
        none_or_error(&name, setup_errors)?;
        let thread_per_request = config.threads.map(|threads| ThreadPerRequest::new(threads, config.max_queued));
        let handle = AppHandle::new(Parts {
            bridges: Bridges::new(bridge, &config),
            sessions: Sessions::new(self.session_interface, &config),
            subscribers: self.subscribers,
            hooks: Arc::new(hooks),
            on_response: self.on_response,
            serving: self.serving,
            teardown_appcontext: self.teardown_appcontext,
            propagations: self.propagations,
            #[cfg(feature = "templates")]
            templates: self.templates,
            name,
            config,
            instance_path: self.instance_path,
            extensions,
            url_builder,
            rules: list,
        });
        let fallback = fallback.map(Arc::new);
        let application = Application::new(Tables {
            handle,
            router,
            websockets,
            thread_per_request,
            fallback,
            commands: self.commands,
        });
        let failed = self.on_build.into_iter().filter_map(|check| check(&application).err());
        none_or_error(application.handle().name(), failed.collect())?;
        Ok(application)
    }
}

impl Registrar for App {
    fn register(&mut self, rule: Result<RuleSpec, Error>) {
        match rule {
            Ok(rule) => self.rules.add(rule, [].into()),
            Err(error) => self.rules.setup_errors.push(error),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("rules", &self.rules.count()).finish_non_exhaustive()
    }
}

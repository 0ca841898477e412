//! Blueprints: parts of an app under a name and a prefix.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::commands::command_methods;
use super::registration::registration_methods;
use super::rule_builder::{Registrar, RuleBuilder, RuleSpec};
use super::rule_set::RuleSet;
use crate::context::Command;
use crate::error::Error;
use crate::execution::IntoCallable;
use crate::hooks::{ErrorKey, HookSet};
use crate::http_types::Response;
use crate::routing::UrlValues;
use crate::view::{IntoView, IntoWebSocketView, View};

/// A part of an app, put together on its own: rules, hooks, error handlers and decorators that hold for its
/// views alone, and other blueprints. [`App::register_blueprint`](crate::App::register_blueprint) adds it.
///
/// Endpoints get the blueprint's name in front: `admin.index`. A clone under another [`name`](Self::name) can
/// be registered beside it.
///
/// ```
/// use costrel::{App, Blueprint, request};
///
/// let mut admin = Blueprint::new("admin").url_prefix("/admin");
/// admin.before_request(async || request().header("x-admin").is_none().then_some(("not for you", 403)));
/// admin.rule("/").endpoint("index").view(|| request().endpoint().unwrap_or_default().to_owned());
///
/// let mut app = App::new("shop");
/// app.route("/", || "welcome");
/// app.register_blueprint(admin);
///
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "welcome");
/// assert_eq!(client.get("/admin/").wait()?.status(), 403);
/// assert_eq!(client.get("/admin/").header("x-admin", "1").wait()?.text(), "admin.index");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Blueprints and hosts](../costrel_book/blueprints/index.html).
#[derive(Clone)]
pub struct Blueprint {
    name: String,
    url_prefix: String,
    host: Option<String>,
    subdomain: Option<String>,
    rules: Vec<RuleSpec>,
    decorators: Vec<Arc<dyn Fn(View) -> View + Send + Sync>>,
    hooks: HookSet,
    /// The hooks that the blueprint registers for the whole app.
    app_hooks: HookSet,
    /// The blueprints in this one, each with the line that puts it there.
    children: Vec<(Self, &'static Location<'static>)>,
    commands: Vec<(Command, &'static Location<'static>)>,
    cli_group: CliGroup,
    setup_errors: Vec<Error>,
    /// Shared by all clones, so that hooks for the whole app are added once.
    identity: Arc<()>,
}

/// The group that a blueprint's commands are in.
#[derive(Clone, Debug)]
enum CliGroup {
    OwnName,
    Named(String),
    /// The app's own commands.
    None,
}

/// The blueprints of an app: their names, and those registered so far.
#[derive(Default)]
pub(super) struct Blueprints {
    names: BTreeSet<String>,
    seen: Vec<Arc<()>>,
}

/// The parts of the app that a blueprint is added to, and the line that does so.
pub(crate) struct Registration<'a> {
    pub(super) rules: &'a mut RuleSet,
    pub(super) hooks: &'a mut HookSet,
    pub(super) blueprints: &'a mut Blueprints,
    pub(super) commands: &'a mut Vec<Command>,
    pub(super) location: &'static Location<'static>,
}

/// The blueprint around a nested one, with all that is around it in turn: prefix, name, hooks and decorators.
#[derive(Default)]
pub(crate) struct ParentBlueprint {
    url_prefix: String,
    host: Option<String>,
    subdomain: Option<String>,
    name: Option<String>,
    hooks: Vec<Arc<HookSet>>,
    decorators: Vec<Arc<dyn Fn(View) -> View + Send + Sync>>,
}

impl Blueprint {
    /// An empty blueprint. Its name must not be empty or have a dot in it.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url_prefix: String::new(),
            host: None,
            subdomain: None,
            rules: Vec::new(),
            decorators: Vec::new(),
            hooks: HookSet::default(),
            app_hooks: HookSet::default(),
            children: Vec::new(),
            commands: Vec::new(),
            cli_group: CliGroup::OwnName,
            setup_errors: Vec::new(),
            identity: Arc::new(()),
        }
    }

    /// Sets the prefix of the rules' paths.
    ///
    /// ```
    /// use costrel::{App, Blueprint};
    ///
    /// let mut blog = Blueprint::new("blog").url_prefix("/blog");
    /// blog.route("/new", || "a new post");
    /// let mut app = App::new("docs");
    /// app.register_blueprint(blog);
    /// assert_eq!(app.test_client().get("/blog/new").wait()?.text(), "a new post");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn url_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.url_prefix = prefix.into();
        self
    }

    /// Sets the host of the rules that set none; see [`RuleBuilder::host`].
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the subdomain of the rules that set none; see [`RuleBuilder::subdomain`]. That of a blueprint in another one is
    /// below the outer one's.
    #[must_use]
    pub fn subdomain(mut self, subdomain: impl Into<String>) -> Self {
        self.subdomain = Some(subdomain.into());
        self
    }

    /// Sets another name, for a clone that is registered beside the original.
    ///
    /// ```
    /// use costrel::{App, Blueprint, url_for};
    ///
    /// let mut blog = Blueprint::new("blog").url_prefix("/blog");
    /// blog.rule("/").endpoint("index").view(|| url_for(".index").build());
    /// let mut app = App::new("docs");
    /// app.register_blueprint(blog.clone().name("news").url_prefix("/news")).register_blueprint(blog);
    /// assert_eq!(app.test_client().get("/news/").wait()?.text(), "/news/");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the name of the group that the blueprint's commands are in; `None` puts them beside the app's own. Default: the
    /// blueprint's name. Flask's `cli_group`.
    ///
    /// ```
    /// use costrel::{App, Blueprint};
    ///
    /// let mut users = Blueprint::new("users").cli_group(Some("user"));
    /// users.command("add", "Add a user.", || ());
    /// let mut app = App::new("docs");
    /// app.register_blueprint(users);
    /// assert!(app.build()?.invoke("user", ["add"]).wait().is_ok());
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn cli_group(mut self, group: Option<&str>) -> Self {
        self.cli_group = group.map_or(CliGroup::None, |name| CliGroup::Named(name.to_owned()));
        self
    }

    registration_methods!();

    command_methods!();

    /// Puts a decorator on every view of this blueprint and of the blueprints in it, outside the views' own
    /// decorators. Several are written outermost first.
    ///
    /// ```
    /// use costrel::{App, Blueprint, View, request};
    ///
    /// struct Staff;
    ///
    /// let mut admin = Blueprint::new("admin");
    /// admin.decorate(|view: View| view.marked(Staff));
    /// admin.route("/", || request().marker::<Staff>().is_some().to_string());
    /// let mut app = App::new("docs");
    /// app.register_blueprint(admin);
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "true");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn decorate(&mut self, decorator: impl Fn(View) -> View + Send + Sync + 'static) -> &mut Self {
        self.decorators.push(Arc::new(decorator));
        self
    }

    /// Takes values out of every URL of the app this is registered on.
    pub fn app_url_value_preprocessor<'n, M>(
        &mut self,
        takes: impl IntoIterator<Item = &'n str>,
        f: impl IntoCallable<M, UrlValues, ()>,
    ) -> &mut Self {
        self.app_hooks.preprocess(takes, f);
        self
    }

    /// Adds values to every URL that the app this is registered on builds.
    pub fn app_url_defaults(&mut self, f: impl Fn(&mut UrlValues) + Send + Sync + 'static) -> &mut Self {
        self.app_hooks.url_defaults.push(Arc::new(f));
        self
    }

    /// Runs `f` before every request of the app this is registered on.
    ///
    /// ```
    /// use costrel::{App, Blueprint, request};
    ///
    /// let mut closing = Blueprint::new("closing");
    /// closing.before_app_request(async || (request().path() != "/login").then_some(("closed", 503)));
    /// let mut app = App::new("docs");
    /// app.register_blueprint(closing).route("/", || "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.status(), 503);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn before_app_request<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) -> &mut Self {
        self.app_hooks.request.before(f);
        self
    }

    /// Runs `f` on every response of the app this is registered on.
    ///
    /// ```
    /// use costrel::{App, Blueprint, HeaderValue, Response};
    ///
    /// let mut naming = Blueprint::new("naming");
    /// naming.after_app_request(|mut response: Response| {
    ///     response.headers_mut().insert("x-shop", HeaderValue::from_static("ink"));
    ///     response
    /// });
    /// let mut app = App::new("docs");
    /// app.register_blueprint(naming).route("/", || "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.header("x-shop"), Some("ink"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn after_app_request<M>(&mut self, f: impl IntoCallable<M, Response, Response>) -> &mut Self {
        self.app_hooks.request.after(f);
        self
    }

    /// Runs `f` when any request of the app this is registered on is over.
    pub fn teardown_app_request<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) -> &mut Self {
        self.app_hooks.request.teardown(f);
        self
    }

    /// Answers errors anywhere in the app this is registered on.
    ///
    /// ```
    /// use costrel::{App, Blueprint};
    ///
    /// let mut pages = Blueprint::new("pages");
    /// pages.app_errorhandler(404, || ("There is no such page.", 404));
    /// let mut app = App::new("docs");
    /// app.register_blueprint(pages);
    /// assert_eq!(app.test_client().get("/nowhere").wait()?.text(), "There is no such page.");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn app_errorhandler<M>(
        &mut self,
        key: impl Into<ErrorKey>,
        f: impl IntoCallable<M, Error, Response>,
    ) -> &mut Self {
        let error = self.app_hooks.handle(key.into(), f);
        self.add_setup_errors(error);
        self
    }

    /// Adds values to every template of the app this is registered on.
    #[cfg(feature = "templates")]
    pub fn app_context_processor<M>(&mut self, f: impl IntoCallable<M, (), minijinja::Value>) -> &mut Self {
        self.app_hooks.context_processors.push(f.into_callable());
        self
    }

    /// Puts another blueprint into this one: prefixes and names are joined, hooks and error handlers nest.
    ///
    /// ```
    /// use costrel::{App, Blueprint, request};
    ///
    /// let mut users = Blueprint::new("users").url_prefix("/users");
    /// users.route("/", || request().blueprint().unwrap_or_default().to_owned());
    /// let mut admin = Blueprint::new("admin").url_prefix("/admin");
    /// admin.register_blueprint(users);
    /// let mut app = App::new("docs");
    /// app.register_blueprint(admin);
    /// assert_eq!(app.test_client().get("/admin/users/").wait()?.text(), "admin.users");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[track_caller]
    pub fn register_blueprint(&mut self, blueprint: Self) -> &mut Self {
        self.children.push((blueprint, Location::caller()));
        self
    }

    #[track_caller]
    fn add_command(&mut self, command: Command) -> &mut Self {
        self.commands.push((command, Location::caller()));
        self
    }

    fn add_setup_errors(&mut self, errors: impl IntoIterator<Item = Error>) {
        self.setup_errors.extend(errors);
    }

    /// Adds the blueprint, and those in it, to the app.
    pub(crate) fn enter(self, app: &mut Registration<'_>, around: &ParentBlueprint) {
        let name = match self.check_name(app.blueprints, around) {
            Ok(name) => name,
            Err(error) => return app.rules.setup_errors.push(error.with_location(app.location)),
        };
        app.rules.setup_errors.extend(self.setup_errors);
        if !app.blueprints.seen.iter().any(|seen| Arc::ptr_eq(seen, &self.identity)) {
            app.blueprints.seen.push(self.identity);
            app.hooks.merge(self.app_hooks);
        }
        let group = match &self.cli_group {
            CliGroup::OwnName => Some(name.as_str()),
            CliGroup::Named(group) => Some(group.as_str()),
            CliGroup::None => None,
        };
        for (command, location) in self.commands {
            let about = format!("The commands of `{name}`.");
            let added = Command::add_to(app.commands, group.map(|group| (group, about.as_str())), command);
            app.rules.setup_errors.extend(added.err().map(|error| error.with_location(location)));
        }
        let within = ParentBlueprint {
            url_prefix: join(&around.url_prefix, &self.url_prefix),
            host: self.host.or(around.host.clone()),
            subdomain: match (self.subdomain, &around.subdomain) {
                (Some(inner), Some(outer)) => Some(format!("{inner}.{outer}")),
                (inner, outer) => inner.or(outer.clone()),
            },
            hooks: around.hooks.iter().cloned().chain([Arc::new(self.hooks)]).collect(),
            decorators: around.decorators.iter().cloned().chain(self.decorators).collect(),
            name: Some(name.clone()),
        };
        for rule in self.rules {
            app.rules.add(within.place(rule, &name), within.hooks.clone().into());
        }
        for (child, location) in self.children {
            app.location = location;
            child.enter(app, &within);
        }
    }

    fn check_name(&self, taken: &mut Blueprints, around: &ParentBlueprint) -> Result<String, Error> {
        let refused = |message| Err(Error::setup_without_line(message));
        if self.name.is_empty() || self.name.contains('.') {
            return refused(format!("a blueprint cannot be called {:?}: use a name without dots", self.name));
        }
        let name = around.name.iter().map(String::as_str).chain([&*self.name]).collect::<Vec<_>>().join(".");
        if !taken.names.insert(name.clone()) {
            return refused(format!(
                "the name {name:?} is already registered for a blueprint: give this one another with `.name(\"..\")`"
            ));
        }
        Ok(name)
    }
}

impl ParentBlueprint {
    /// Returns a rule as the app gets it: with prefix, name and decorators.
    fn place(&self, mut rule: RuleSpec, name: &str) -> RuleSpec {
        rule.text = if rule.text.is_empty() { self.url_prefix.clone() } else { join(&self.url_prefix, &rule.text) };
        rule.endpoint = format!("{name}.{}", rule.endpoint);
        rule.host = rule.host.or(self.host.clone());
        rule.subdomain = rule.subdomain.or(self.subdomain.clone());
        rule.blueprint = Some(name.to_owned());
        rule.view = self.decorators.iter().rev().fold(rule.view, |view, decorate| decorate(view));
        rule
    }
}

/// Joins a prefix and what comes after it, with one slash between them.
fn join(prefix: &str, rest: &str) -> String {
    if prefix.is_empty() || rest.is_empty() {
        return format!("{prefix}{rest}");
    }
    format!("{}/{}", prefix.trim_end_matches('/'), rest.trim_start_matches('/'))
}

impl Registrar for Blueprint {
    fn register(&mut self, rule: Result<RuleSpec, Error>) {
        match rule {
            Ok(rule) if rule.endpoint.contains('.') && rule.view.name().is_some() => self.setup_errors.push(
                Error::setup_without_line(format!(
                    "the endpoint {:?} may not have a dot: the blueprint's name comes before it",
                    rule.endpoint
                ))
                .with_location(rule.location),
            ),
            Ok(rule) => self.rules.push(rule),
            Err(error) => self.setup_errors.push(error),
        }
    }
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blueprint").field("name", &self.name).field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

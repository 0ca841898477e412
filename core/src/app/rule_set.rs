//! The rules of an app while they are being collected.

use std::collections::{BTreeSet, HashMap};
use std::panic::Location;
use std::sync::Arc;

use super::checks::{
    check_args, check_methods, check_no_args, check_order, check_websocket, missing, rule_domain, with_automatic,
};
use super::rule_builder::{Purpose, RuleSpec};
use crate::config::Config;
use crate::context::{Endpoint, RuleInfo};
use crate::error::Error;
use crate::hooks::HookSet;
use crate::routing::{Converters, Domains, Route, Rule, UrlBuilder};
use crate::session::Early;
use crate::type_map::{ExtensionMap, RequiredExtension};
use crate::view::View;

/// The rules as they were written, and the set-up errors found so far.
#[derive(Default)]
pub(super) struct RuleSet {
    pub(super) converters: Converters,
    pub(super) setup_errors: Vec<Error>,
    new: Vec<(RuleSpec, Arc<[Arc<HookSet>]>)>,
    fallback: Option<(View, &'static Location<'static>)>,
}

/// Rules ready to be served.
pub(super) struct BuiltRules {
    pub(super) router: Domains<Endpoint>,
    pub(super) websockets: Domains<Endpoint>,
    pub(super) url_builder: UrlBuilder<HookSet>,
    pub(super) list: Vec<RuleInfo>,
    pub(super) fallback: Option<Endpoint>,
    pub(super) setup_errors: Vec<Error>,
}

impl RuleSet {
    /// Adds a rule; `blueprint_hooks` are the hooks of its blueprints, the outermost first.
    pub(crate) fn add(&mut self, rule: RuleSpec, blueprint_hooks: Arc<[Arc<HookSet>]>) {
        self.new.push((rule, blueprint_hooks));
    }

    pub(super) fn count(&self) -> usize {
        self.new.len()
    }

    /// The hooks of all blueprints with rules; some more than once.
    #[cfg(feature = "templates")]
    pub(super) fn blueprint_hooks(&self) -> impl Iterator<Item = &HookSet> {
        self.new.iter().flat_map(|(_, hooks)| hooks.iter().map(|hooks| &**hooks))
    }

    /// Sets the fallback. Returns whether there was one.
    pub(super) fn set_fallback(&mut self, view: View, location: &'static Location<'static>) -> bool {
        self.fallback.replace((view, location)).is_some()
    }

    /// Checks the rules and builds the tables from them.
    pub(super) fn build(self, app: &HookSet, config: &Config, extensions: &ExtensionMap) -> BuiltRules {
        let mut builder = RuleCompiler {
            converters: self.converters,
            app,
            config,
            views: HashMap::new(),
            needs: Vec::new(),
            aliases: Vec::new(),
            built: BuiltRules {
                router: Domains::new(),
                websockets: Domains::new(),
                url_builder: UrlBuilder::default(),
                list: Vec::new(),
                fallback: None,
                setup_errors: self.setup_errors,
            },
        };
        for (rule, blueprint_hooks) in self.new {
            builder.add(rule, &blueprint_hooks);
        }
        if let Some((view, location)) = self.fallback {
            builder.set_fallback(view, location);
        }
        builder.check_aliases();
        let missing = builder.needs.iter().filter(|(need, _, _)| !extensions.has(need)).map(missing);
        builder.built.setup_errors.extend(missing);
        builder.built
    }
}

/// The state needed while rules are checked and built.
struct RuleCompiler<'a> {
    converters: Converters,
    app: &'a HookSet,
    config: &'a Config,
    views: HashMap<Arc<str>, View>,
    needs: Vec<(RequiredExtension, String, &'static Location<'static>)>,
    /// The rules that are aliases, each with its endpoint and its line.
    aliases: Vec<(Arc<Rule>, String, &'static Location<'static>)>,
    built: BuiltRules,
}

impl RuleCompiler<'_> {
    /// Adds a rule, or the set-up error in it.
    fn add(&mut self, rule: RuleSpec, blueprint_hooks: &Arc<[Arc<HookSet>]>) {
        let location = rule.location;
        if let Err(error) = self.try_add(rule, blueprint_hooks) {
            // A set-up error in a decorator has a line of its own.
            let line = error.location().unwrap_or(location);
            self.built.setup_errors.push(error.with_location(line));
        }
    }

    fn try_add(&mut self, new: RuleSpec, blueprint_hooks: &Arc<[Arc<HookSet>]>) -> Result<(), Error> {
        let own =
            new.methods.clone().or_else(|| new.view.methods()).unwrap_or_else(|| BTreeSet::from(["GET".to_owned()]));
        let rule = Rule::parse(&new.text, new.defaults.clone(), &self.converters)?;
        let domain = rule_domain(&new.text, (new.host.as_deref(), new.subdomain.as_deref()), self.config)?;
        let rule = Arc::new(match &domain {
            Some(domain) => rule.on_domain(domain, &self.converters)?,
            None => rule,
        });
        if new.purpose == Purpose::BuildOnly {
            self.built.url_builder.add(&new.endpoint.as_str().into(), rule, own, blueprint_hooks.clone(), false);
            return Ok(());
        }
        let is_alias = new.purpose == Purpose::Alias;
        if is_alias {
            check_methods(&rule, &own)?;
            self.aliases.push((rule.clone(), new.endpoint.clone(), new.location));
        } else {
            self.check(&new, &rule, &own, blueprint_hooks)?;
        }
        let is_websocket = new.purpose == Purpose::WebSocket;
        let answers_options = !is_websocket && self.answers_options(&new, &own);
        let handles_options = own.contains("OPTIONS") && !answers_options;
        let RuleSpec { text, endpoint, blueprint, view, location, strict_slashes, .. } = new;
        let name = if is_alias { endpoint.as_str().into() } else { self.take_endpoint(&endpoint, &view)? };
        let methods = if is_websocket { own } else { with_automatic(own, answers_options) };
        self.built.list.push(RuleInfo::new(
            (&text, &endpoint, domain),
            &methods,
            &view,
            is_websocket,
            self.config.runs_in_place,
        ));
        self.built.url_builder.add(&name, rule.clone(), methods.clone(), blueprint_hooks.clone(), is_alias);
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), endpoint.clone(), location)));
        let target = Arc::new(Endpoint {
            name,
            blueprint: blueprint.map(Into::into),
            options: view.options_view(),
            view,
            is_websocket,
            is_alias,
            handles_options,
            opens_session_early: Early::default(),
            blueprint_hooks: blueprint_hooks.clone(),
        });
        let router = if is_websocket { &mut self.built.websockets } else { &mut self.built.router };
        match router.add(Route { rule, methods, strict_slashes, target }) {
            // One view may have two endpoints on an address: requests go to the first, and `url_for` knows both.
            Err((route, other)) if !is_alias && other.target.view.is_same(&route.target.view) => Ok(()),
            Err((_, other)) => {
                let other = other.rule.text();
                let remedy = "change the path or the methods of one";
                Err(Error::setup_without_line(format!(
                    "the rule {text:?} takes the same paths and methods as {other:?}: {remedy}"
                )))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Checks that each alias has a rule to redirect to.
    fn check_aliases(&mut self) {
        for (rule, endpoint, location) in &self.aliases {
            if !self.built.url_builder.has_canonical(endpoint, rule) {
                let message = format!(
                    "the rule {:?} is an alias of the endpoint `{endpoint}`, which has no other rule with the same variables and \
                     on the same domain: add one with a view",
                    rule.text()
                );
                self.built.setup_errors.push(Error::setup_without_line(message).with_location(location));
            }
        }
    }

    /// Checks that a rule and its view fit each other.
    fn check(
        &self,
        new: &RuleSpec,
        rule: &Arc<Rule>,
        own: &BTreeSet<String>,
        blueprint_hooks: &[Arc<HookSet>],
    ) -> Result<(), Error> {
        check_methods(rule, own)?;
        // A variable that a hook takes out of the URL does not go to the view.
        let taken = |name: &str| self.app.takes(name) || blueprint_hooks.iter().any(|set| set.takes(name));
        check_args(rule, &new.view, own, taken)?;
        if let Some(moved) = &new.moved {
            moved.settle(rule, taken)?;
        }
        if !new.any_order {
            check_order(&new.view)?;
        }
        let is_websocket = new.purpose == Purpose::WebSocket;
        if is_websocket {
            check_websocket(&new.text, &new.view)?;
        }
        if is_websocket && !cfg!(feature = "websocket") {
            return Err(Error::setup_without_line(format!(
                "the rule {:?} is for WebSockets, but Costrel was built without its feature `websocket`",
                new.text
            )));
        }
        match new.view.setup_errors().first() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Whether Costrel answers OPTIONS for a rule; in Flask's order of precedence.
    fn answers_options(&self, new: &RuleSpec, methods: &BTreeSet<String>) -> bool {
        // A rule that lists OPTIONS has a view that answers it. A decorator that claims it needs an answer to change.
        let by_default =
            !methods.contains("OPTIONS") && (self.config.provide_automatic_options || new.view.claims_options());
        new.automatic_options.or(new.view.automatic_options()).unwrap_or(by_default)
    }

    /// Reserves an endpoint for a view: two rules may share a view, two views may not share an endpoint.
    fn take_endpoint(&mut self, endpoint: &str, view: &View) -> Result<Arc<str>, Error> {
        let name: Arc<str> = endpoint.into();
        if self.views.get(&name).is_some_and(|taken| !taken.is_same(view)) {
            let remedy = "give this one its own with `.endpoint(\"..\")`";
            return Err(Error::setup_without_line(format!(
                "the endpoint `{endpoint}` is taken by another view: {remedy}"
            )));
        }
        self.views.insert(name.clone(), view.clone());
        Ok(name)
    }

    fn set_fallback(&mut self, view: View, location: &'static Location<'static>) {
        let setup_errors = check_no_args(&view).err().into_iter().chain(view.setup_errors().iter().cloned());
        self.built.setup_errors.extend(setup_errors.map(|error| error.with_location(location)));
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), "fallback".into(), location)));
        self.built.fallback = Some(Endpoint {
            name: "fallback".into(),
            blueprint: None,
            options: None,
            view,
            is_websocket: false,
            is_alias: false,
            handles_options: true,
            opens_session_early: Early::default(),
            blueprint_hooks: [].into(),
        });
    }
}

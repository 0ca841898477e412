//! The rules of an app while they are being collected.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use crate::application::{Endpoint, RuleInfo};
use crate::current_app::Extensions;
use crate::error::{Error, ErrorKind};
use crate::routing::rule::Rule;
use crate::routing::{Route, Router};
use crate::rule_builder::NewRule;
use crate::scope::Scope;
use crate::view::{Need, View};
use crate::wiring::{check_args, check_methods, check_no_args, check_order, missing, with_automatic};

/// Rules, the views they lead to, and the mistakes made on the way.
pub(crate) struct Rules {
    pub(crate) router: Router<Endpoint>,
    pub(crate) list: Vec<RuleInfo>,
    pub(crate) fallback: Option<Endpoint>,
    pub(crate) faults: Vec<Error>,
    views: HashMap<Arc<str>, View>,
    needs: Vec<(Need, String, &'static Location<'static>)>,
}

impl Rules {
    pub(crate) fn new() -> Self {
        Self {
            router: Router::new(),
            list: Vec::new(),
            fallback: None,
            faults: Vec::new(),
            views: HashMap::new(),
            needs: Vec::new(),
        }
    }

    /// Adds a rule, or the mistake it is; `scopes` are those of its blueprints, the outermost first.
    pub(crate) fn add(&mut self, rule: NewRule, scopes: &[Arc<Scope>]) {
        let location = rule.location;
        if let Err(fault) = self.try_add(rule, scopes) {
            // A decorator's mistake was made at a line of its own.
            let line = fault.location().unwrap_or(location);
            self.faults.push(fault.with_location(line));
        }
    }

    fn try_add(&mut self, new: NewRule, scopes: &[Arc<Scope>]) -> Result<(), Error> {
        let NewRule { text, methods, endpoint, view, any_order, location } = new;
        let rule = Rule::parse(&text)?;
        check_methods(&rule, &methods)?;
        check_args(&rule, &view)?;
        if !any_order {
            check_order(&view)?;
        }
        if let Some(fault) = view.faults().first() {
            return Err(fault.clone());
        }
        let name = self.take_endpoint(&endpoint, &view)?;
        let handles_options = methods.contains("OPTIONS");
        let methods = with_automatic(methods);
        self.list.push(RuleInfo::new(&text, &endpoint, &methods, &view));
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), endpoint.clone(), location)));
        let target = Arc::new(Endpoint { name, view, handles_options, scopes: scopes.into() });
        self.router.add(Route { rule, methods, target }).map_err(|(_, other)| {
            let remedy = "change the path or the methods of one";
            mistake(format!("the rule {text:?} takes the same paths and methods as {other:?}: {remedy}"))
        })
    }

    /// Two rules may share a view, two views may not share an endpoint.
    fn take_endpoint(&mut self, endpoint: &str, view: &View) -> Result<Arc<str>, Error> {
        let name: Arc<str> = endpoint.into();
        if self.views.get(&name).is_some_and(|taken| !taken.is_same(view)) {
            let remedy = "give this one its own with `.endpoint(\"..\")`";
            return Err(mistake(format!("the endpoint `{endpoint}` is taken by another view: {remedy}")));
        }
        self.views.insert(name.clone(), view.clone());
        Ok(name)
    }

    pub(crate) fn set_fallback(&mut self, view: View, location: &'static Location<'static>) {
        let faults = check_no_args(&view).err().into_iter().chain(view.faults().iter().cloned());
        self.faults.extend(faults.map(|fault| fault.with_location(location)));
        self.needs.extend(view.needs().iter().map(|need| (need.clone(), "fallback".into(), location)));
        self.fallback = Some(Endpoint { name: "fallback".into(), view, handles_options: true, scopes: [].into() });
    }

    /// Adds the mistakes that only show when everything is there.
    pub(crate) fn check_needs(&mut self, extensions: &Extensions) {
        let missing = self.needs.iter().filter(|(need, _, _)| !extensions.contains_key(&need.extension)).map(missing);
        self.faults.extend(missing);
    }
}

fn mistake(message: String) -> Error {
    Error::new(ErrorKind::Setup, message)
}

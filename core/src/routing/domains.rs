//! Rules by domain: each domain, a host or a subdomain, has a router of its own.

use std::collections::BTreeSet;

use http::Method;

use super::router::{Lookup, Route, Router};
use super::rule::Pattern;

/// All rules of an app: those for any domain, and those of each domain that rules name.
#[derive(Debug)]
pub(crate) struct Domains<R> {
    anywhere: Router<R>,
    /// The domains without variables first, then by weight.
    named: Vec<(Pattern, Router<R>)>,
}

/// The place that a request is for: a domain, if the app has rules for domains, and a path, percent-decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'r> {
    pub(crate) domain: Option<&'r str>,
    pub(crate) path: &'r str,
}

impl<R> Domains<R> {
    pub(crate) fn new() -> Self {
        Self { anywhere: Router::new(), named: Vec::new() }
    }

    /// Whether any rule names a domain.
    pub(crate) fn has_named(&self) -> bool {
        !self.named.is_empty()
    }

    /// Adds a route. Returns it, with the conflicting route, if another one takes the same places and methods.
    pub(crate) fn add(&mut self, route: Route<R>) -> Result<(), (Route<R>, &Route<R>)> {
        let Some(domain) = route.rule.domain() else { return self.anywhere.add(route) };
        let (key, order) = (domain.key(), |pattern: &Pattern| (pattern.has_variables(), pattern.weight()));
        let at = self.named.iter().position(|(known, _)| known.key() == key).unwrap_or_else(|| {
            let at = self.named.partition_point(|(known, _)| order(known) <= order(domain));
            self.named.insert(at, (domain.clone(), Router::new()));
            at
        });
        self.named[at].1.add(route)
    }

    /// Whether any route has this path, on any domain and for any method.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.anywhere.has(path) || self.named.iter().any(|(_, router)| router.has(path))
    }

    /// Whether any route has this place, for any method.
    pub(crate) fn has(&self, place: Place<'_>) -> bool {
        !matches!(self.find(&Method::CONNECT, place), Lookup::NotFound)
    }

    /// Looks up a method and a place: on the domains that fit, then among the rules for any domain.
    #[inline]
    pub(crate) fn find(&self, method: &Method, place: Place<'_>) -> Lookup<'_, R> {
        match place.domain {
            Some(domain) if self.has_named() => self.find_on(domain, method, place.path),
            _ => self.anywhere.find(method, place.path),
        }
    }

    fn find_on(&self, domain: &str, method: &Method, path: &str) -> Lookup<'_, R> {
        let mut allowed = BTreeSet::new();
        let named = self.named.iter().filter_map(|(pattern, router)| {
            let mut values = Vec::new();
            pattern.read(domain, &mut values).then_some((router, values))
        });
        for (router, mut values) in named.chain([(&self.anywhere, Vec::new())]) {
            match router.find(method, path) {
                Lookup::Route(route, of_path) => {
                    values.extend(of_path);
                    return Lookup::Route(route, values);
                }
                Lookup::Redirect(slashes) => return Lookup::Redirect(slashes),
                Lookup::MethodNotAllowed(methods) => allowed.extend(methods),
                Lookup::NotFound => {}
            }
        }
        if allowed.is_empty() { Lookup::NotFound } else { Lookup::MethodNotAllowed(allowed) }
    }
}

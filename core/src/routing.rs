//! From a path to a rule: the most exact rule wins, as in Werkzeug.

pub(crate) mod rule;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use http::Method;

use crate::arg::ArgValue;
use rule::{Converter, Part, Rule};

/// All rules of an app, as a tree of path segments; `R` is what a rule leads to.
#[derive(Debug)]
pub(crate) struct Router<R> {
    root: Node<R>,
}

#[derive(Debug)]
struct Node<R> {
    statics: HashMap<String, Node<R>>,
    /// By weight, then in the order registered.
    dynamics: Vec<(Converter, Node<R>)>,
    routes: Vec<Route<R>>,
}

/// A rule with its methods and what it leads to.
#[derive(Debug)]
pub(crate) struct Route<R> {
    pub(crate) rule: Rule,
    pub(crate) methods: BTreeSet<String>,
    pub(crate) target: Arc<R>,
}

/// What a path and a method lead to.
#[derive(Debug)]
pub(crate) enum Found<'r, R> {
    /// A route, with the values for its variables.
    Route(&'r Route<R>, Vec<ArgValue>),
    /// The path is right but for the slash at its end.
    Redirect,
    /// The path is right, the method is not: these are the methods it takes.
    WrongMethod(BTreeSet<String>),
    /// Nothing.
    Missing,
}

impl<R> Router<R> {
    pub(crate) fn new() -> Self {
        Self { root: Node::new() }
    }

    /// Adds a route. Gives it back with the rule in its way if one takes the same paths and methods.
    pub(crate) fn add(&mut self, route: Route<R>) -> Result<(), (Route<R>, String)> {
        let node = route.rule.parts().iter().fold(&mut self.root, |node, part| node.child(part));
        // HEAD and OPTIONS come with others and may be answered by any of them.
        let shared = |method: &&String| !matches!(method.as_str(), "HEAD" | "OPTIONS");
        let in_the_way =
            node.routes.iter().find(|other| other.methods.intersection(&route.methods).any(|m| shared(&m)));
        if let Some(other) = in_the_way {
            let text = other.rule.text().to_owned();
            return Err((route, text));
        }
        node.routes.push(route);
        Ok(())
    }

    /// What `path`, already percent-decoded, leads to for `method`.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found<'_, R> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let mut search = Search { method: method.as_str(), values: Vec::new(), allowed: BTreeSet::new() };
        if let Some(route) = search.walk(&self.root, &segments) {
            return Found::Route(route, search.values);
        }
        let slashed: Vec<&str> = segments.iter().copied().chain([""]).collect();
        if search.allowed.is_empty() && search.walk(&self.root, &slashed).is_some() {
            return Found::Redirect;
        }
        if search.allowed.is_empty() { Found::Missing } else { Found::WrongMethod(search.allowed) }
    }
}

impl<R> Node<R> {
    fn new() -> Self {
        Self { statics: HashMap::new(), dynamics: Vec::new(), routes: Vec::new() }
    }

    /// The node below this one for `part`, made if it is not there.
    fn child(&mut self, part: &Part) -> &mut Self {
        match part {
            Part::Static(text) => self.statics.entry(text.clone()).or_insert_with(Self::new),
            Part::Dynamic { converter, .. } => {
                let at = self.dynamics.iter().position(|(known, _)| known == converter).unwrap_or_else(|| {
                    let at = self.dynamics.partition_point(|(known, _)| known.weight() <= converter.weight());
                    self.dynamics.insert(at, (*converter, Self::new()));
                    at
                });
                &mut self.dynamics[at].1
            }
        }
    }
}

/// One walk through the tree, with what it has picked up on its way.
struct Search<'m> {
    method: &'m str,
    values: Vec<ArgValue>,
    allowed: BTreeSet<String>,
}

impl Search<'_> {
    fn walk<'r, R>(&mut self, node: &'r Node<R>, segments: &[&str]) -> Option<&'r Route<R>> {
        let Some((first, rest)) = segments.split_first() else { return self.arrive(node) };
        if let Some(route) = node.statics.get(*first).and_then(|child| self.walk(child, rest)) {
            return Some(route);
        }
        node.dynamics.iter().find_map(|(converter, child)| {
            // A path variable takes as many segments as it can; all others take one.
            let longest = if converter.takes_slashes() { segments.len() } else { 1 };
            (1..=longest).rev().find_map(|count| {
                let (taken, rest) = segments.split_at(count);
                self.values.push(converter.convert(&taken.join("/"))?);
                let route = self.walk(child, rest);
                if route.is_none() {
                    self.values.pop();
                }
                route
            })
        })
    }

    fn arrive<'r, R>(&mut self, node: &'r Node<R>) -> Option<&'r Route<R>> {
        let route = node.routes.iter().find(|route| route.methods.contains(self.method));
        if route.is_none() {
            self.allowed.extend(node.routes.iter().flat_map(|route| route.methods.iter().cloned()));
        }
        route
    }
}

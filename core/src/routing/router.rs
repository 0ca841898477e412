//! The router, from a path to a rule: the most exact rule wins, as in Werkzeug.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use http::Method;

use super::arg::ArgValue;
use super::rule::{Part, Pattern, Rule};

/// All rules of an app, as a tree of path segments; `R` is the target of a rule.
#[derive(Debug)]
pub(crate) struct Router<R> {
    root: Node<R>,
    /// The routes without variables, which are in the tree too, by their whole path.
    fixed: HashMap<String, Vec<Arc<Route<R>>>, FixedState>,
}

#[derive(Debug)]
struct Node<R> {
    /// By a fast hash without a secret, because only the app's own rules are in it.
    statics: HashMap<String, Node<R>, FixedState>,
    /// Sorted by weight, then in the order registered.
    dynamics: Vec<(Pattern, Node<R>)>,
    routes: Vec<Arc<Route<R>>>,
}

/// A rule with its methods and its target.
#[derive(Debug)]
pub(crate) struct Route<R> {
    pub(crate) rule: Arc<Rule>,
    pub(crate) methods: BTreeSet<String>,
    /// Whether the slash at the end of the path must be as in the rule.
    pub(crate) strict_slashes: bool,
    pub(crate) target: Arc<R>,
}

impl<R> Route<R> {
    fn takes(&self, method: &str) -> bool {
        self.methods.contains(method)
    }
}

/// The result of a look-up by path and method.
#[derive(Debug)]
pub(crate) enum Lookup<'r, R> {
    /// A route, with the values for its variables.
    Route(&'r Route<R>, Vec<ArgValue>),
    /// A redirect: the path matches except for its slashes.
    Redirect(Slashes),
    /// The path matches a rule, but none for this method; these are the methods of its rules.
    MethodNotAllowed(BTreeSet<String>),
    /// No rule matches the path.
    NotFound,
}

/// The corrections that a path's slashes need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slashes {
    /// Whether several slashes in a row become a single one.
    pub(crate) merge: bool,
    /// Whether a slash is added at the end.
    pub(crate) append: bool,
}

impl Slashes {
    pub(crate) fn mend(self, path: &str) -> String {
        let mut mended = if self.merge { merged(path) } else { path.to_owned() };
        mended.extend(self.append.then_some('/'));
        mended
    }
}

impl<R> Router<R> {
    pub(crate) fn new() -> Self {
        Self { root: Node::new(), fixed: HashMap::default() }
    }

    /// Whether any route has this path, for any method.
    pub(crate) fn has(&self, path: &str) -> bool {
        !matches!(self.find(&Method::CONNECT, path), Lookup::NotFound)
    }

    /// Adds a route. Returns it, with the conflicting route, if another one takes the same paths and methods.
    pub(crate) fn add(&mut self, route: Route<R>) -> Result<(), (Route<R>, &Route<R>)> {
        let Self { root, fixed } = self;
        let node = route.rule.parts().iter().fold(root, |node, part| node.child(part));
        // HEAD and OPTIONS do not conflict: they come with other methods, and any of the rules may answer them.
        let shared = |method: &&String| !matches!(method.as_str(), "HEAD" | "OPTIONS");
        let conflicts = |other: &Arc<Route<R>>| other.methods.intersection(&route.methods).any(|m| shared(&m));
        if let Some(at) = node.routes.iter().position(conflicts) {
            return Err((route, &node.routes[at]));
        }
        let route = Arc::new(route);
        node.routes.push(route.clone());
        if route.rule.variables().next().is_none() {
            fixed.entry(route.rule.text().to_owned()).or_default().push(route);
        }
        Ok(())
    }

    /// Looks up `method` and `path`, which is percent-decoded already.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Lookup<'_, R> {
        // The tree would find the same route, because it tries static segments first.
        let fixed = self.fixed.get(path).and_then(|routes| routes.iter().find(|route| route.takes(method.as_str())));
        if let Some(route) = fixed {
            return Lookup::Route(route, Vec::new());
        }
        let found = self.find_as_it_is(method, path);
        if !matches!(found, Lookup::NotFound) || !path.contains("//") {
            return found;
        }
        match self.find_as_it_is(method, &merged(path)) {
            Lookup::Route(..) => Lookup::Redirect(Slashes { merge: true, append: false }),
            Lookup::Redirect(slashes) => Lookup::Redirect(Slashes { merge: true, ..slashes }),
            _ => Lookup::NotFound,
        }
    }

    fn find_as_it_is(&self, method: &Method, path: &str) -> Lookup<'_, R> {
        let mut search = Search::new(method, path);
        if let Some(route) = search.walk(&self.root, 0) {
            return Lookup::Route(route, search.values);
        }
        // The path is known, but not for this method, so its form with or without the last slash would not help.
        if !search.allowed.is_empty() {
            return search.miss();
        }
        let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        let longer = other.len() > path.len();
        let mut search = Search { lenient: !longer, ..Search::new(method, &other) };
        match search.walk(&self.root, 0) {
            Some(route) if !route.strict_slashes => Lookup::Route(route, search.values),
            Some(_) if longer => Lookup::Redirect(Slashes { merge: false, append: true }),
            _ => search.miss(),
        }
    }
}

fn merged(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

impl<R> Node<R> {
    fn new() -> Self {
        Self { statics: HashMap::default(), dynamics: Vec::new(), routes: Vec::new() }
    }

    /// Returns the child node for `part`, and adds it if there is none.
    fn child(&mut self, part: &Part) -> &mut Self {
        match part {
            Part::Static(text) => self.statics.entry(text.clone()).or_insert_with(Self::new),
            Part::Dynamic(pattern) => {
                let key = pattern.key();
                let at = self.dynamics.iter().position(|(known, _)| known.key() == key).unwrap_or_else(|| {
                    let at = self.dynamics.partition_point(|(known, _)| known.weight() <= pattern.weight());
                    self.dynamics.insert(at, (pattern.clone(), Self::new()));
                    at
                });
                &mut self.dynamics[at].1
            }
        }
    }
}

/// The most segments of a path that is tried against rules that go on after a `<path:..>`. A longer path has too many
/// ways to be split.
const MOST_SPLIT: usize = 256;

/// A walk through the tree, with the values and methods it has found so far.
struct Search<'p> {
    method: &'p str,
    /// The path without its first slash.
    path: &'p str,
    /// Whether only rules without strict slashes count.
    lenient: bool,
    values: Vec<ArgValue>,
    allowed: BTreeSet<String>,
    /// Nodes, by address, with the place in the path from which the walk beneath them found no route. Noted beneath
    /// path variables, because those would try the same node and place again and again.
    dead_ends: HashSet<(usize, usize), FixedState>,
}

impl<'p> Search<'p> {
    fn new(method: &'p Method, path: &'p str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (lenient, values, allowed, dead_ends) = Default::default();
        Self { method: method.as_str(), path, lenient, values, allowed, dead_ends }
    }

    fn miss<'r, R>(self) -> Lookup<'r, R> {
        if self.allowed.is_empty() { Lookup::NotFound } else { Lookup::MethodNotAllowed(self.allowed) }
    }

    /// Finds the route for the segments from the byte `at` on, beneath `node`; `at` is one past the end if no segment
    /// is left.
    fn walk<'r, R>(&mut self, node: &'r Node<R>, at: usize) -> Option<&'r Route<R>> {
        let Some(rest) = self.path.get(at..) else { return self.arrive(node) };
        let end = at + rest.bytes().position(|byte| byte == b'/').unwrap_or(rest.len());
        // The static segment first, then the variables, with backtracking, as Werkzeug searches.
        let exact = node.statics.get(&self.path[at..end]);
        if let Some(route) = exact.and_then(|child| self.walk(child, end + 1)) {
            return Some(route);
        }
        node.dynamics.iter().find_map(|(pattern, child)| {
            if pattern.takes_slashes() {
                return self.walk_path(pattern, child, at);
            }
            self.take(pattern, at, end, |search| search.walk(child, end + 1))
        })
    }

    /// Finds the route beneath a path variable, which takes as many segments as it can.
    fn walk_path<'r, R>(&mut self, pattern: &Pattern, child: &'r Node<R>, at: usize) -> Option<&'r Route<R>> {
        let goes_on = !child.statics.is_empty() || !child.dynamics.is_empty();
        let splits = goes_on && self.path.bytes().filter(|byte| *byte == b'/').count() < MOST_SPLIT;
        let path = self.path;
        let slashes = path[at..].rmatch_indices('/').map(|(slash, _)| at + slash).filter(|_| splits);
        std::iter::once(path.len()).chain(slashes).find_map(|end| {
            let place = (std::ptr::from_ref(child).addr(), end);
            if self.dead_ends.contains(&place) {
                return None;
            }
            self.take(pattern, at, end, |search| {
                let route = search.walk(child, end + 1);
                if route.is_none() {
                    search.dead_ends.insert(place);
                }
                route
            })
        })
    }

    /// Calls `go_on` with the values of the bytes `from..to`, if the pattern matches them.
    fn take<T>(
        &mut self,
        pattern: &Pattern,
        from: usize,
        to: usize,
        go_on: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let before = self.values.len();
        if !pattern.read(&self.path[from..to], &mut self.values) {
            return None;
        }
        let found = go_on(self);
        if found.is_none() {
            self.values.truncate(before);
        }
        found
    }

    fn arrive<'r, R>(&mut self, node: &'r Node<R>) -> Option<&'r Route<R>> {
        let lenient = self.lenient;
        let mut routes = node.routes.iter().filter(|route| !(lenient && route.strict_slashes));
        let route = routes.clone().find(|route| route.takes(self.method));
        if route.is_none() {
            routes.by_ref().for_each(|route| self.allowed.extend(route.methods.iter().cloned()));
        }
        route.map(|route| &**route)
    }
}

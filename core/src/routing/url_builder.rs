//! The URL map, which builds URLs from endpoints.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::arg::ArgValue;
use super::rule::{Pattern, QUOTED, Rule};
use super::url_values::UrlValues;
use crate::error::{Error, ErrorKind};

/// All rules by endpoint, to build URLs from. Each rule has the hooks `S` of its blueprints, the outermost first.
#[derive(Default)]
pub(crate) struct UrlBuilder<S> {
    endpoints: HashMap<Arc<str>, Vec<Entry<S>>>,
    has_defaults: bool,
}

struct Entry<S> {
    rule: Arc<Rule>,
    methods: BTreeSet<String>,
    hooks: Arc<[Arc<S>]>,
    /// Whether the rule is another address of the endpoint, for which no URL is built while there is one without.
    is_alias: bool,
}

/// A URL without its scheme and host.
pub(crate) struct BuiltUrl {
    /// The domain of the rule; `None` if it is for any.
    pub(crate) domain: Option<String>,
    /// The path with the query.
    pub(crate) path: String,
}

const QUOTED_IN_QUERY: &AsciiSet = &QUOTED.remove(b'?').remove(b' ');

impl<S> UrlBuilder<S> {
    pub(crate) fn add(
        &mut self,
        endpoint: &Arc<str>,
        rule: Arc<Rule>,
        methods: BTreeSet<String>,
        hooks: Arc<[Arc<S>]>,
        is_alias: bool,
    ) {
        self.has_defaults |= !rule.defaults().is_empty();
        let entries = self.endpoints.entry(endpoint.clone()).or_default();
        entries.push(Entry { rule, methods, hooks, is_alias });
        // Werkzeug's order: aliases last, the rule with more arguments first, then the one with more defaults.
        let rank = |rule: &Rule| std::cmp::Reverse((rule.arguments().count(), rule.defaults().len()));
        entries.sort_by_key(|entry| (entry.is_alias, rank(&entry.rule)));
    }

    /// Whether any rule has defaults, so that a URL may redirect to a shorter one.
    pub(crate) fn has_defaults(&self) -> bool {
        self.has_defaults
    }

    /// The hooks of an endpoint's blueprints, the outermost first.
    pub(crate) fn hooks(&self, endpoint: &str) -> &[Arc<S>] {
        self.endpoints.get(endpoint).and_then(|entries| entries.first()).map_or(&[], |entry| &entry.hooks)
    }

    /// Whether a rule of `endpoint` that is no alias has the arguments of `rule`.
    pub(crate) fn has_canonical(&self, endpoint: &str, rule: &Rule) -> bool {
        let entries = self.endpoints.get(endpoint).map(Vec::as_slice).unwrap_or_default();
        let key = |rule: &Rule| rule.domain().map(Pattern::key);
        entries
            .iter()
            .any(|entry| !entry.is_alias && names(&entry.rule) == names(rule) && key(&entry.rule) == key(rule))
    }

    /// Builds domain, path and query for `endpoint` with these values: by a rule for `method` if one fits, else by any.
    pub(crate) fn build(&self, endpoint: &str, values: &UrlValues, method: Option<&str>) -> Result<BuiltUrl, Error> {
        let entries = self.endpoints.get(endpoint).map(Vec::as_slice).unwrap_or_default();
        let takes = |entry: &&Entry<S>| method.is_none_or(|method| entry.methods.contains(method));
        // An endpoint may have rules for several methods; one for the method of the current request goes first.
        let by_method = entries.iter().filter(takes).find_map(|entry| entry.build(values));
        let built = by_method.or_else(|| entries.iter().find_map(|entry| entry.build(values)));
        built.ok_or_else(|| self.cannot_build(endpoint, values))
    }

    /// The shorter URL for these values: that of another rule of the endpoint, which has the values as its defaults.
    pub(crate) fn default_redirect(
        &self,
        endpoint: &str,
        rule: &Arc<Rule>,
        values: &UrlValues,
        method: &str,
    ) -> Option<String> {
        let entries = self.endpoints.get(endpoint)?;
        // Both rules must have the same arguments, so that the redirect loses no value. Only rules earlier in the
        // order of building count, so that two rules never redirect to each other.
        let better = entries.iter().take_while(|entry| !Arc::ptr_eq(&entry.rule, rule));
        let shorter = better.into_iter().find(|entry| {
            let defaults = entry.rule.defaults();
            !defaults.is_empty()
                && entry.methods.contains(method)
                && names(&entry.rule) == names(rule)
                && entry.rule.domain().map(Pattern::key) == rule.domain().map(Pattern::key)
                && defaults.iter().all(|(name, value)| values.value(name) == Some(value))
        });
        shorter?.rule.build(|name| values.value(name).cloned())
    }

    fn cannot_build(&self, endpoint: &str, values: &UrlValues) -> Error {
        let mut message = format!("Could not build a URL for the endpoint `{endpoint}`");
        let given: Vec<_> = values.iter().map(|(name, _)| name).collect();
        if !given.is_empty() {
            message = format!("{message} with the values {given:?}");
        }
        message += &match self.endpoints.get(endpoint).and_then(|entries| entries.first()) {
            Some(entry) => entry.complaint(values),
            None => self.nearest(endpoint).map_or_else(
                || ": no rule has this endpoint.".into(),
                |nearest| format!(": no rule has this endpoint. Did you mean `{nearest}`?"),
            ),
        };
        Error::new(ErrorKind::Other, message)
    }

    fn nearest(&self, endpoint: &str) -> Option<&str> {
        let likeness = |known: &&str| strsim::jaro_winkler(known, endpoint);
        let known = self.endpoints.keys().map(|known| &**known).filter(|known| likeness(known) > 0.6);
        known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
    }
}

impl<S> Entry<S> {
    /// Builds the URL; `None` if a value is missing, does not fit, or differs from a default of the rule.
    fn build(&self, values: &UrlValues) -> Option<BuiltUrl> {
        let agrees = |(name, default): &(Arc<str>, ArgValue)| values.value(name).is_none_or(|value| value == default);
        if !self.rule.defaults().iter().all(agrees) {
            return None;
        }
        let default = |name: &str| self.rule.defaults().iter().find(|(known, _)| &**known == name);
        let given = |name: &str| values.value(name).filter(|value| **value != ArgValue::None);
        let value_of = |name: &str| given(name).or(default(name).map(|(_, value)| value)).cloned();
        let path = self.rule.build(value_of)?;
        let domain = match self.rule.domain() {
            Some(pattern) => Some(pattern.build_host(value_of)?),
            None => None,
        };
        let known: BTreeSet<_> = self.rule.arguments().map(|(name, _)| &**name).collect();
        let rest = values.iter().filter(|(name, value)| !known.contains(name) && **value != ArgValue::None);
        let query: Vec<_> =
            rest.map(|(name, value)| format!("{}={}", quote_plus(name), quote_plus(&value.to_string()))).collect();
        let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        Some(BuiltUrl { domain, path })
    }

    /// The reason why the rule cannot build a URL from these values.
    fn complaint(&self, values: &UrlValues) -> String {
        let missing: Vec<_> = self.rule.variables().map(|(name, _)| name).filter(|name| lacks(values, name)).collect();
        if missing.is_empty() {
            return format!(": a value does not fit the rule {:?}.", self.rule.text());
        }
        format!(". Did you forget to specify the values {missing:?}?")
    }
}

fn names(rule: &Rule) -> BTreeSet<&str> {
    rule.arguments().map(|(name, _)| &**name).collect()
}

fn lacks(values: &UrlValues, name: &str) -> bool {
    values.value(name).is_none_or(|value| *value == ArgValue::None)
}

/// Quotes `text` as in a form: a space becomes a plus.
fn quote_plus(text: &str) -> String {
    utf8_percent_encode(text, QUOTED_IN_QUERY).to_string().replace(' ', "+")
}

impl<S> fmt::Debug for UrlBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.endpoints.keys()).finish()
    }
}

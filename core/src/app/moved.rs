//! Addresses that have moved: Werkzeug's `redirect_to`.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use http::StatusCode;

use crate::error::Error;
use crate::execution::Callable;
use crate::http_types::{Request, redirect_with};
use crate::routing::Rule;
use crate::view::View;

/// The address to which a rule's requests are redirected.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    target: String,
    /// The rule with its converters, known when the app is built.
    rule: Arc<OnceLock<Arc<Rule>>>,
}

impl Moved {
    pub(super) fn to(target: &str) -> Self {
        Self { target: target.to_owned(), rule: Arc::default() }
    }

    /// The view that redirects.
    pub(super) fn view(&self) -> View {
        let moved = self.clone();
        let redirect = move |request: Request| {
            let location = moved.location(&request);
            let root = if location.starts_with('/') { request.script_root() } else { "" };
            ready(redirect_with(&format!("{root}{location}"), StatusCode::PERMANENT_REDIRECT))
        };
        View::from_callable("redirect_to", Callable::new_async(redirect))
    }

    /// Learns the rule, whose variables the target may have; `taken` says which of them a hook takes out of the URL.
    ///
    /// # Errors
    /// If the target has a variable that the redirect cannot know.
    pub(super) fn settle(&self, rule: &Arc<Rule>, taken: impl Fn(&str) -> bool) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::setup_without_line(format!("redirect_to({:?}): {what}", self.target)));
        for (_, name) in variables(&self.target) {
            if rule.arguments().all(|(known, _)| **known != *name) {
                return wrong(format!("the rule {:?} has no variable `{name}`", rule.text()));
            }
            if taken(name) {
                return wrong(format!("`{name}` is taken out of the URL by a function of `url_value_preprocessor`"));
            }
        }
        // A rule is built once.
        let _ = self.rule.set(Arc::clone(rule));
        Ok(())
    }

    /// The target with the values of the request's variables, as their converters write them.
    fn location(&self, request: &Request) -> String {
        let (target, mut location, mut copied) = (&self.target, String::new(), 0);
        for (at, name) in variables(target) {
            location.push_str(&target[copied..at]);
            let value = request.view_args().iter().find(|(known, _)| **known == *name);
            let written = value.and_then(|(_, value)| self.rule.get()?.write(name, value));
            location.push_str(&written.unwrap_or_default());
            copied = at + name.len() + 2;
        }
        location.push_str(&target[copied..]);
        // A location that begins with two slashes names a host, which a client must not choose.
        if target.starts_with('/') && !target.starts_with("//") {
            format!("/{}", location.trim_start_matches('/'))
        } else {
            location
        }
    }
}

/// The variables of a target, as they stand between `<` and `>`, each with the place where it begins.
fn variables(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('<').filter_map(|(at, _)| Some((at, text[at + 1..].split_once('>')?.0)))
}

//! A rule, as the `routes` command, extensions and tests see it.

use std::collections::BTreeSet;

use crate::execution::Colour;
use crate::type_map::TypeMap;
use crate::view::{DecoratorInfo, RunsInPlace, View};

/// A rule as the `routes` command lists it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleInfo {
    /// The rule's text.
    pub rule: String,
    /// The host or the subdomain that the rule is for; `None` for any. Empty for `config.server_name` itself.
    pub domain: Option<String>,
    /// The endpoint that the rule leads to.
    pub endpoint: String,
    /// The methods that the rule takes, HEAD and OPTIONS included.
    pub methods: BTreeSet<String>,
    /// Whether the rule is for WebSockets.
    pub is_websocket: bool,
    /// The colour of the view's own function. For a class view: async if one of its functions for these methods is.
    pub function_colour: Colour,
    /// Whether these functions are of both colours.
    pub mixed: bool,
    /// The colour of the view with its decorators on, which decides where a request begins.
    pub colour: Colour,
    /// The decorators on the view, outermost first.
    pub decorators: Vec<DecoratorInfo>,
    /// Whether sync code of the view's requests may run in place, by [`View::runs_in_place`] or the app's setting.
    pub runs_in_place: bool,
    markers: TypeMap,
}

impl RuleInfo {
    /// The information on a rule. `runs_in_place` is the app's setting, for a view that says nothing else.
    pub(crate) fn new(
        (rule, endpoint, domain): (&str, &str, Option<String>),
        methods: &BTreeSet<String>,
        view: &View,
        is_websocket: bool,
        runs_in_place: bool,
    ) -> Self {
        let colours = view.function_colours(methods);
        let (sync, any_async) = (colours.contains(&Colour::Sync), colours.contains(&Colour::Async));
        Self {
            rule: rule.to_owned(),
            domain,
            endpoint: endpoint.to_owned(),
            methods: methods.clone(),
            is_websocket,
            function_colour: if any_async { Colour::Async } else { Colour::Sync },
            mixed: sync && any_async,
            colour: view.colour(),
            decorators: view.decorators().cloned().collect(),
            runs_in_place: view.marker::<RunsInPlace>().map_or(runs_in_place, |marker| marker.0),
            markers: view.markers().clone(),
        }
    }

    /// The note of type `T` on the rule's view, if it has one; see [`View::marked`].
    pub fn marker<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.markers.get()
    }
}

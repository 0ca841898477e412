//! The frozen app: everything that was registered, ready to serve and shared without a lock.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::app_handle::AppHandle;
use crate::execution::{Callable, Colour, ThreadPerRequest};
use crate::hooks::HookSet;
use crate::routing::Router;
use crate::view::{DecoratorInfo, RunsInPlace, View};

/// An app that can no longer be changed, made by [`App::build`](crate::App::build). Cheap to clone.
///
/// ```
/// # use costrel::App;
/// let mut app = App::new("shop");
/// app.route("/", || "hello");
/// let application = app.build()?;
/// assert_eq!(application.test_client().get("/").wait()?.text(), "hello");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Application {
    inner: Arc<Tables>,
}

/// The tables in which every request is looked up.
pub(crate) struct Tables {
    pub(crate) handle: AppHandle,
    pub(crate) router: Router<Endpoint>,
    /// The rules for WebSockets.
    pub(crate) websockets: Router<Endpoint>,
    /// The threads for `config.threads`; `None` if requests are handled on the event loop.
    pub(crate) thread_per_request: Option<ThreadPerRequest>,
    /// The view for requests that no rule matches.
    pub(crate) fallback: Option<Arc<Endpoint>>,
    pub(crate) rules: Vec<RuleInfo>,
    /// The commands that the command line offers beside `run` and `routes`.
    pub(crate) commands: Vec<Command>,
}

/// A function that the command line offers.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line shows it"))]
    pub(crate) about: String,
    pub(crate) run: Callable<Vec<String>, ()>,
}

/// A view with its name.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: Arc<str>,
    /// The dotted name of the view's blueprint, the outermost first.
    pub(crate) blueprint: Option<Arc<str>>,
    pub(crate) view: View,
    /// The view for OPTIONS requests that Costrel answers; `None` if no decorator claims them.
    pub(crate) options: Option<View>,
    /// Whether the rule is for WebSockets.
    #[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "no rule is for WebSockets"))]
    pub(crate) is_websocket: bool,
    /// Whether the rule itself lists OPTIONS; if not, Costrel answers it.
    pub(crate) handles_options: bool,
    /// The hooks of the view's blueprints, the outermost first.
    pub(crate) blueprint_hooks: Arc<[Arc<HookSet>]>,
}

/// A rule as the `routes` command lists it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleInfo {
    /// The rule's text.
    pub rule: String,
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
}

impl RuleInfo {
    /// The information on a rule. `runs_in_place` is the app's setting, for a view that says nothing else.
    pub(crate) fn new(
        (rule, endpoint): (&str, &str),
        methods: &BTreeSet<String>,
        view: &View,
        is_websocket: bool,
        runs_in_place: bool,
    ) -> Self {
        let colours = view.function_colours(methods);
        let (sync, any_async) = (colours.contains(&Colour::Sync), colours.contains(&Colour::Async));
        Self {
            rule: rule.to_owned(),
            endpoint: endpoint.to_owned(),
            methods: methods.clone(),
            is_websocket,
            function_colour: if any_async { Colour::Async } else { Colour::Sync },
            mixed: sync && any_async,
            colour: view.colour(),
            decorators: view.decorators().cloned().collect(),
            runs_in_place: view.marker::<RunsInPlace>().map_or(runs_in_place, |marker| marker.0),
        }
    }
}

impl Application {
    pub(crate) fn new(tables: Tables) -> Self {
        Self { inner: Arc::new(tables) }
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.inner
    }

    /// The app's name, settings and extensions, as views see them.
    pub fn handle(&self) -> &AppHandle {
        &self.inner.handle
    }

    /// Whether sync code of any rule may run in place.
    pub(crate) fn runs_in_place(&self) -> bool {
        self.handle().config().runs_in_place || self.rules().iter().any(|rule| rule.runs_in_place)
    }

    /// Every rule, in the order registered.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.inner.rules
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("rules", &self.inner.rules.len()).finish_non_exhaustive()
    }
}

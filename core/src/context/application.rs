//! The frozen app: everything that was registered, ready to serve and shared without a lock.

use std::fmt;
use std::sync::Arc;

use super::app_handle::AppHandle;
use super::command::Command;
use super::rule_info::RuleInfo;
use crate::execution::ThreadPerRequest;
use crate::hooks::HookSet;
use crate::routing::Domains;
use crate::session::Early;
use crate::view::View;

/// An app that can no longer be changed, made by [`App::build`](crate::App::build). Cheap to clone.
///
/// ```
/// use costrel::App;
///
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
    pub(crate) router: Domains<Endpoint>,
    /// The rules for WebSockets.
    pub(crate) websockets: Domains<Endpoint>,
    /// The threads for `config.threads`; `None` if requests are handled on the event loop.
    pub(crate) thread_per_request: Option<ThreadPerRequest>,
    /// The view for requests that no rule matches.
    pub(crate) fallback: Option<Arc<Endpoint>>,
    /// The commands that the command line offers beside `run` and `routes`.
    pub(crate) commands: Vec<Command>,
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
    /// Whether the rule is an alias: its requests are redirected to the endpoint's own address.
    pub(crate) is_alias: bool,
    /// Whether the rule itself lists OPTIONS; if not, Costrel answers it.
    pub(crate) handles_options: bool,
    /// Whether the view's async code looks at sessions that are opened when they are looked at.
    pub(crate) opens_session_early: Early,
    /// The hooks of the view's blueprints, the outermost first.
    pub(crate) blueprint_hooks: Arc<[Arc<HookSet>]>,
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

    /// Whether a rule takes this path, on any domain and for any method, or the fallback view takes all. The path is percent-decoded and
    /// without the one below which the app is mounted.
    pub fn has_path(&self, path: &str) -> bool {
        self.inner.router.has_path(path) || self.inner.fallback.is_some()
    }

    /// Every rule, in the order registered.
    pub fn rules(&self) -> &[RuleInfo] {
        self.handle().rules()
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("rules", &self.rules().len()).finish_non_exhaustive()
    }
}

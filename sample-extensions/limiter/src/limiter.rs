//! The options of a limiter.

use std::sync::Arc;

use costrel::convert::IntoCallable;
use costrel::{Callable, Config, Error, Instance, Request, Response};
use costrel_ext_kit::{Clock, IntoCallback};
use costrel_stores::{Counters, Strategy};

use crate::exempt::Exempt;
use crate::limit::{Limit, OnBreach};
use crate::request_limit::RequestLimit;
use crate::settings::Settings;

/// The limiter extension; what it counts is kept per app, or in a [`store`](Self::store) that apps share. An app may have
/// several, such as one by address and one by user: each has counters of its own, and its decorators use them.
///
/// Settings that are not set here come from the app's config, by Flask-Limiter's names: `RATELIMIT_ENABLED`,
/// `RATELIMIT_DEFAULT` and so on. Every function may be sync or async.
///
/// ```
/// # use costrel::{App, Error, Request};
/// # use costrel_ext_kit::key::remote_address;
/// # use costrel_limiter::Limiter;
/// let limiter = Limiter::new(remote_address)
///     .default_limits(["1/minute"])
///     .request_filter(async |request: Request| request.header("x-internal").is_some());
/// let mut app = App::new("docs");
/// app.init(&limiter)?;
/// app.route("/", || "found");
///
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.status(), 200);
/// assert_eq!(client.get("/").wait()?.status(), 429);
/// assert_eq!(client.get("/").header("x-internal", "1").wait()?.status(), 200);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a limiter limits nothing until an app gets it: `app.init(&limiter)?`"]
pub struct Limiter {
    pub(crate) instance: Instance,
    pub(crate) key_func: Callable<Request, String>,
    pub(crate) options: Options,
}

/// The options of a limiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) default: Vec<Arc<Limit>>,
    pub(crate) application: Vec<Arc<Limit>>,
    pub(crate) meta: Vec<Arc<Limit>>,
    pub(crate) blueprints: Vec<(String, Arc<Limit>)>,
    pub(crate) exempt_blueprints: Vec<(String, Exempt)>,
    pub(crate) request_filters: Vec<Callable<Request, bool>>,
    pub(crate) request_identifier: Option<Callable<Request, String>>,
    pub(crate) on_breach: Option<OnBreach>,
    pub(crate) on_meta_breach: Option<OnBreach>,
    pub(crate) is_compat: bool,
    pub(crate) store: Option<Arc<dyn Counters>>,
    pub(crate) clock: Clock,
    pub(crate) capacity: Option<usize>,
    setup_errors: Vec<Error>,
}

/// The version of Flask-Limiter that [`Limiter::compat`] follows.
const COMPAT: &str = "flask-limiter 4.1";

/// Setters for settings, which the app's config has too.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $value:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $value) -> Self {
            self.options.settings.$name = Some($name.into());
            self
        }
    )*};
}

impl Limiter {
    /// Builds a limiter that counts together the requests for which `key_func` gives the same text, such as
    /// [`remote_address`](costrel_ext_kit::key::remote_address). An empty text is an error of the request.
    pub fn new<M>(key_func: impl IntoCallback<M, Request, String>) -> Self {
        Self { instance: Instance::new(), key_func: key_func.into_callback(), options: Options::default() }
    }

    /// Sets the limits of each view that has none of its own: `["100/day", "10/minute"]`. Each endpoint is counted alone.
    pub fn default_limits(mut self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.options.default = limits.into_iter().map(|limit| Arc::new(limit.into())).collect();
        self
    }

    /// Sets the limits of the whole app: its requests are counted together, whatever they are for.
    pub fn application_limits(mut self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.options.application = limits.into_iter().map(|limit| limit.into().application()).collect();
        self
    }

    /// Sets the limits on how often a client may be refused by the other limits. A client beyond them is refused everywhere.
    pub fn meta_limits(mut self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.options.meta = limits.into_iter().map(|limit| limit.into().meta()).collect();
        self
    }

    /// Adds a limit of the views of a blueprint, by its whole name, such as `shop.admin`; it takes the place of the default limits.
    /// The blueprints within have it too, unless they have one of their own that overrides it.
    pub fn limit_blueprint(mut self, name: &str, limit: impl Into<Limit>) -> Self {
        self.options.blueprints.push((name.to_owned(), Arc::new(limit.into())));
        self
    }

    /// Exempts the views of a blueprint, by its whole name, from app-wide limits, such as [`Exempt::ALL`].
    pub fn exempt_blueprint(mut self, name: &str, from: Exempt) -> Self {
        self.options.exempt_blueprints.push((name.to_owned(), from));
        self
    }

    /// Adds a function that exempts requests from all limits: those for which it returns true.
    pub fn request_filter<M>(mut self, f: impl IntoCallback<M, Request, bool>) -> Self {
        self.options.request_filters.push(f.into_callback());
        self
    }

    /// Sets the function that names what a request is for; requests for the same are counted together. Default: the endpoint,
    /// and in a [`DecoratorLayer`](costrel_ext_kit::tower::DecoratorLayer) the [`route`](costrel_ext_kit::key::route).
    pub fn request_identifier<M>(mut self, f: impl IntoCallback<M, Request, String>) -> Self {
        self.options.request_identifier = Some(f.into_callback());
        self
    }

    /// Sets the function that is called when a limit refuses a request. A response that it returns is the answer, in place of
    /// the 429.
    pub fn on_breach<M>(mut self, f: impl IntoCallable<M, RequestLimit, Option<Response>>) -> Self {
        self.options.on_breach = Some(f.into_callable());
        self
    }

    /// Sets the function that is called when one of the [`meta_limits`](Self::meta_limits) refuses a request.
    pub fn on_meta_breach<M>(mut self, f: impl IntoCallable<M, RequestLimit, Option<Response>>) -> Self {
        self.options.on_meta_breach = Some(f.into_callable());
        self
    }

    /// Sets how requests in the past count. Default: [`Strategy::FixedWindow`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.options.settings.strategy = Some(strategy.to_string());
        self
    }

    /// Sets where counters are kept. Default: in the memory of the app.
    ///
    /// The store says what becomes of a request while it is away: `costrel_stores::Failover` has the choices.
    pub fn store(mut self, store: impl Counters) -> Self {
        self.options.store = Some(Arc::new(store));
        self
    }

    settings! {
        /// Sets the first part of the names of counters, which tells apps apart that share a store. Default: none.
        key_prefix: &str;

        /// Sets whether the limiter does anything. Default: yes.
        enabled: bool;

        /// Sets whether responses have `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, or the names that
        /// the app's config gives them. Default: no.
        headers_enabled: bool;

        /// Sets whether responses have `RateLimit` and `RateLimit-Policy`, the fields of
        /// `draft-ietf-httpapi-ratelimit-headers`. Default: no.
        draft_headers: bool;

        /// Sets whether a request passes, with a line in the log, when the store or a function of `on_breach` fails. Default:
        /// no, so that the request fails.
        swallow_errors: bool;

        /// Sets whether app-wide limits count OPTIONS, which Costrel mostly answers itself. Default: no; with
        /// [`compat`](Self::compat) yes. HEAD counts as GET does.
        counts_options: bool;
    }

    /// Does what this version of Flask-Limiter does, `"flask-limiter 4.1"`, also where that is a fault, so that a running Flask
    /// app and this one can share counters and clients. COMPATIBILITY.md lists the differences.
    #[track_caller]
    pub fn compat(mut self, version: &str) -> Self {
        self.options.is_compat = true;
        if version != COMPAT {
            self.options
                .setup_errors
                .push(Error::setup(format!("the limiter follows {COMPAT:?}, and not {version:?}")));
        }
        self
    }

    /// Sets the number of counters, one for each client, endpoint and limit, that are kept in memory at most. Default: 100,000,
    /// some 10 MB. When there are more, those with the fewest requests go first.
    pub fn capacity(mut self, counters: usize) -> Self {
        self.options.capacity = Some(counters);
        self
    }

    /// Sets another clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.options.clock = clock;
        self
    }
}

impl Options {
    /// Returns these options, and where one is not set, that of the app's config.
    pub(crate) fn or(mut self, config: &Config) -> Result<Self, Error> {
        self.settings = self.settings.or(config)?;
        let Settings { default, application, meta, .. } = &self.settings;
        let limit = |text: &String, per_method: Option<bool>, cost: Option<u64>| {
            let limit = Limit::from(text.as_str()).cost(cost.unwrap_or(1));
            if per_method == Some(true) { limit.per_method() } else { limit }
        };
        if let (true, Some(text)) = (self.default.is_empty(), default) {
            let of_views = limit(text, self.settings.defaults_per_method, self.settings.defaults_cost);
            self.default = vec![Arc::new(of_views)];
        }
        if let (true, Some(text)) = (self.application.is_empty(), application) {
            let of_app = limit(text, self.settings.application_per_method, self.settings.application_cost);
            self.application = vec![of_app.application()];
        }
        if let (true, Some(text)) = (self.meta.is_empty(), meta) {
            self.meta = vec![limit(text, None, None).meta()];
        }
        self.setup_error().map_or(Ok(self), Err)
    }

    fn setup_error(&self) -> Option<Error> {
        let of_blueprints = self.blueprints.iter().map(|(_, limit)| limit);
        let limits = self.default.iter().chain(&self.application).chain(&self.meta).chain(of_blueprints);
        self.setup_errors.iter().chain(limits.filter_map(|limit| limit.setup_error())).next().cloned()
    }

    /// Whether views without a limit of their own have one.
    pub(crate) fn limits_every_view(&self) -> bool {
        !(self.application.is_empty() && self.default.is_empty() && self.blueprints.is_empty())
    }
}

//! The options of a limiter.

use std::sync::Arc;

use costrel::convert::IntoCallable;
use costrel::{Callable, Config, Error, Instance, Request, Response};
use costrel_ext_kit::{Clock, IntoCallback, settings};
use costrel_stores::{Counters, LimitHeaders, Strategy};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::exempt::Exempt;
use crate::limit::{Limit, OnBreach, RequestLimit};

/// The limiter extension; what it counts is kept per app, or in a [`store`](Self::store) that apps share. An app may have
/// several, such as one by address and one by user: each has counters of its own, and its decorators use them.
///
/// Settings that are not set here come from the app's config, by Flask-Limiter's names: `RATELIMIT_ENABLED`,
/// `RATELIMIT_DEFAULT` and so on. Every function may be sync or async.
///
/// ```
/// use costrel::{App, Request};
/// use costrel_ext_kit::key::remote_address;
/// use costrel_limiter::Limiter;
///
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
/// # Ok::<(), costrel::Error>(())
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
    /// The settings that were set in code.
    own: Map<String, Value>,
    /// All settings, when an app has the limiter.
    pub(crate) settings: Settings,
    /// The app-wide limits, of each kind.
    app_wide: Vec<Arc<Limit>>,
    pub(crate) blueprints: Vec<(String, Arc<Limit>)>,
    pub(crate) exempt_blueprints: Vec<(String, Exempt)>,
    pub(crate) request_filters: Vec<Callable<Request, bool>>,
    pub(crate) request_identifier: Option<Callable<Request, String>>,
    pub(crate) on_breach: Option<OnBreach>,
    pub(crate) on_meta_breach: Option<OnBreach>,
    pub(crate) store: Option<Arc<dyn Counters>>,
    pub(crate) clock: Clock,
}

/// Setters for settings, which the app's config has too.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $value:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $value) -> Self {
            self.options.own.insert(stringify!($name).to_owned(), $name.into());
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
    pub fn default_limits(self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.app_wide(Exempt::DEFAULT, limits)
    }

    /// Sets the limits of the whole app: its requests are counted together, whatever they are for.
    pub fn application_limits(self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.app_wide(Exempt::APPLICATION, limits)
    }

    /// Sets the limits on how often a client may be refused by the other limits. A client beyond them is refused everywhere.
    pub fn meta_limits(self, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.app_wide(Exempt::META, limits)
    }

    fn app_wide(mut self, kind: Exempt, limits: impl IntoIterator<Item: Into<Limit>>) -> Self {
        self.options.app_wide.retain(|limit| limit.kind != kind);
        self.options.app_wide.extend(limits.into_iter().map(|limit| limit.into().app_wide(kind)));
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
        self.options.own.insert("strategy".to_owned(), strategy.to_string().into());
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

        /// Sets the number of counters, one for each client, endpoint and limit, that are kept in memory at most. Default: 100,000,
        /// some 10 MB. When there are more, those with the fewest requests go first.
        capacity: usize;

        /// Does what this version of Flask-Limiter does, `"flask-limiter 4.1"`, also where that is a fault, so that a running
        /// Flask app and this one can share counters and clients. COMPATIBILITY.md lists the differences.
        compat: &str;
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
        self.settings = settings(config, "RATELIMIT_", &self.own)?;
        let all = &self.settings;
        for (kind, text, per_method, cost) in [
            (Exempt::DEFAULT, &all.default, all.defaults_per_method, all.defaults_cost),
            (Exempt::APPLICATION, &all.application, all.application_per_method, all.application_cost),
            (Exempt::META, &all.meta, false, None),
        ] {
            if let Some(text) = text.as_ref().filter(|_| self.of_kind(kind).next().is_none()) {
                let cost = cost.map(IntoCallback::into_callback);
                self.app_wide.push(Limit { per_method, cost, ..Limit::from(text) }.app_wide(kind));
            }
        }
        let mut limits = self.app_wide.iter().chain(self.blueprints.iter().map(|(_, limit)| limit));
        limits.find_map(|limit| limit.setup_error()).cloned().map_or(Ok(self), Err)
    }

    /// The app-wide limits of one kind.
    pub(crate) fn of_kind(&self, kind: Exempt) -> impl Iterator<Item = &Arc<Limit>> {
        self.app_wide.iter().filter(move |limit| limit.kind == kind)
    }

    pub(crate) fn is_compat(&self) -> bool {
        self.settings.compat.is_some()
    }
}

/// The settings of a limiter that the app's config has too; the fields have Flask-Limiter's names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "settings that are on or off, each by its own name")]
pub(crate) struct Settings {
    pub(crate) enabled: Option<bool>,
    default: Option<String>,
    defaults_per_method: bool,
    defaults_cost: Option<u64>,
    application: Option<String>,
    application_per_method: bool,
    application_cost: Option<u64>,
    meta: Option<String>,
    headers_enabled: bool,
    draft_headers: bool,
    header_limit: Option<String>,
    header_remaining: Option<String>,
    header_reset: Option<String>,
    header_retry_after: Option<String>,
    header_retry_after_value: RetryAfter,
    pub(crate) storage_uri: Option<String>,
    pub(crate) storage_options: Option<Value>,
    pub(crate) in_memory_fallback_enabled: Option<bool>,
    pub(crate) in_memory_fallback: Option<Value>,
    pub(crate) strategy: Option<String>,
    pub(crate) swallow_errors: bool,
    pub(crate) fail_on_first_breach: Option<bool>,
    pub(crate) counts_options: Option<bool>,
    pub(crate) key_prefix: String,
    pub(crate) capacity: Option<usize>,
    compat: Option<Compat>,
}

/// A version of Flask-Limiter that a limiter may follow.
#[derive(Clone, Copy, Debug, Deserialize)]
enum Compat {
    #[serde(rename = "flask-limiter 4.1")]
    FlaskLimiter,
}

/// The form of `Retry-After`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RetryAfter {
    #[default]
    DeltaSeconds,
    HttpDate,
}

impl Settings {
    /// The headers that responses have.
    pub(crate) fn headers(&self, as_flask_limiter: bool) -> Result<LimitHeaders, Error> {
        let names = [&self.header_limit, &self.header_remaining, &self.header_reset, &self.header_retry_after];
        let (legacy, draft) = (self.headers_enabled, self.draft_headers);
        let as_date = self.header_retry_after_value == RetryAfter::HttpDate;
        let usual = LimitHeaders::named(names.map(Option::as_deref))?;
        Ok(LimitHeaders { legacy, draft, as_date, as_flask_limiter, ..usual })
    }
}

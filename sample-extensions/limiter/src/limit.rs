//! A limit with its options: what a view, a blueprint or a whole app may be asked for, and how often.

use std::panic::Location;
use std::sync::Arc;

use costrel::convert::IntoCallable;
use costrel::http::response::Parts;
use costrel::{Callable, Error, Method, Request, Response};
use costrel_ext_kit::IntoCallback;
use costrel_stores::Rate;

use crate::request_limit::RequestLimit;

/// A limit with its options; text such as `"10/minute"` is one without options. Every function that it takes may be sync
/// or async. Flask-Limiter's `Limit`.
///
/// ```
/// # use costrel::{App, Error, Request};
/// # use costrel_ext_kit::key::remote_address;
/// use costrel_limiter::{Limit, Limiter};
///
/// async fn is_internal(request: Request) -> bool {
///     request.header("x-internal").is_some()
/// }
///
/// let limiter = Limiter::new(remote_address);
/// let mut app = App::new("docs");
/// app.init(&limiter)?;
/// let limit = Limit::new("4/minute").cost(2).exempt_when(is_internal);
/// app.rule("/report").decorate(limiter.limit(limit)).view(|| "a report");
///
/// let client = app.test_client();
/// let statuses = [(); 3].map(|()| client.get("/report").wait().map(|page| page.status().as_u16()));
/// assert_eq!(statuses.into_iter().collect::<Result<Vec<_>, _>>()?, [200, 200, 429]);
/// assert_eq!(client.get("/report").header("x-internal", "1").wait()?.status(), 200);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a limit limits nothing until a limiter gets it"]
#[allow(clippy::struct_excessive_bools, reason = "options that are on or off, each by its own name")]
pub struct Limit {
    pub(crate) rates: Setting<Request, Result<Arc<[Rate]>, Error>>,
    pub(crate) key_func: Option<Callable<Request, String>>,
    pub(crate) scope: Option<Setting<String, String>>,
    pub(crate) is_shared: bool,
    pub(crate) is_meta: bool,
    pub(crate) per_method: bool,
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) exempt_when: Option<Callable<Request, bool>>,
    pub(crate) override_defaults: bool,
    pub(crate) cost: Setting<Request, u64>,
    pub(crate) deduct_when: Option<Callable<Parts, bool>>,
    pub(crate) error_message: Option<Setting<RequestLimit, String>>,
    pub(crate) on_breach: Option<OnBreach>,
    pub(crate) meta_limits: Vec<Arc<Self>>,
}

/// A function that is called when a limit refuses a request.
pub(crate) type OnBreach = Callable<RequestLimit, Option<Response>>;

/// A value, or the function that gives it for each request.
#[derive(Clone, Debug)]
pub(crate) enum Setting<I: Send + 'static, V: Send + 'static> {
    Fixed(V),
    Each(Callable<I, V>),
}

impl<I: Send + 'static, V: Clone + Send + 'static> Setting<I, V> {
    pub(crate) async fn get(&self, input: impl FnOnce() -> I) -> Result<V, Error> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Each(function) => function.call(input()).await,
        }
    }
}

impl Limit {
    /// Makes a limit of one rate or several: `"10/minute"`, `"1 per 3 hours"`, `"100/day;10/minute"`. What is no rate is a
    /// set-up error where the limit is used.
    #[track_caller]
    pub fn new(rates: &str) -> Self {
        let location = Location::caller();
        Self::of(Setting::Fixed(Rate::parse_all(rates).map_err(|error| error.with_location(location))))
    }

    /// Makes a limit whose rates `f` gives for each request, as text. An empty text is no limit, so that the default limits
    /// apply, if there are any.
    ///
    /// Text that is no rate is an error of the request. With [`compat`](crate::Limiter::compat) it is a line in the log, and the
    /// default limits apply.
    ///
    /// ```
    /// # use costrel::{App, Error, Request};
    /// # use costrel_ext_kit::key::remote_address;
    /// # use costrel_limiter::{Limit, Limiter};
    /// # let limiter = Limiter::new(remote_address);
    /// # let mut app = App::new("docs");
    /// # app.init(&limiter)?;
    /// let by_plan = |request: Request| if request.header("x-plan") == Some("paid") { "" } else { "1/day" }.to_owned();
    /// app.rule("/").decorate(limiter.limit(Limit::by(by_plan))).view(|| "found");
    /// # let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.status(), 200);
    /// assert_eq!(client.get("/").wait()?.status(), 429);
    /// assert_eq!(client.get("/").header("x-plan", "paid").wait()?.status(), 200);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn by<M>(f: impl IntoCallback<M, Request, String>) -> Self {
        let read = |text: String| if text.trim().is_empty() { Ok([].into()) } else { Rate::parse_all(&text) };
        Self::of(Setting::Each(f.into_callback().map(read)))
    }

    fn of(rates: Setting<Request, Result<Arc<[Rate]>, Error>>) -> Self {
        Self {
            rates,
            key_func: None,
            scope: None,
            is_shared: false,
            is_meta: false,
            per_method: false,
            methods: None,
            exempt_when: None,
            override_defaults: true,
            cost: Setting::Fixed(1),
            deduct_when: None,
            error_message: None,
            on_breach: None,
            meta_limits: Vec::new(),
        }
    }

    /// Sets the function that says which requests are counted together. Default: the limiter's.
    pub fn key_func<M>(mut self, f: impl IntoCallback<M, Request, String>) -> Self {
        self.key_func = Some(f.into_callback());
        self
    }

    /// Sets the function that exempts a request: if it returns true, the limit does not count the request.
    pub fn exempt_when<M>(mut self, f: impl IntoCallback<M, Request, bool>) -> Self {
        self.exempt_when = Some(f.into_callback());
        self
    }

    /// Sets the function that says, when the response is there, whether the request counts, such as failed logins alone.
    ///
    /// Requests that run at once are let in before any of them is counted, so a client can get as many requests beyond the
    /// limit as it sends at once.
    pub fn deduct_when<M>(mut self, f: impl IntoCallback<M, Parts, bool>) -> Self {
        self.deduct_when = Some(f.into_callback());
        self
    }

    /// Counts the requests of an endpoint apart under this name; those of all endpoints together if the limit is
    /// [`shared`](Self::shared).
    pub fn scope(mut self, name: impl Into<String>) -> Self {
        self.scope = Some(Setting::Fixed(name.into()));
        self
    }

    /// Sets the function from the endpoint to the name of the [`scope`](Self::scope). It is called once for each request.
    pub fn scope_by<M>(mut self, f: impl IntoCallback<M, String, String>) -> Self {
        self.scope = Some(Setting::Each(f.into_callback()));
        self
    }

    /// Counts the requests of all endpoints with the same scope together; see
    /// [`Limiter::shared_limit`](crate::Limiter::shared_limit).
    pub fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Counts each method apart.
    pub fn per_method(mut self) -> Self {
        self.per_method = true;
        self
    }

    /// Applies the limit to these methods only. Default: to all.
    pub fn methods<'m>(mut self, methods: impl IntoIterator<Item = &'m str>) -> Self {
        self.methods = Some(methods.into_iter().map(str::to_ascii_uppercase).collect());
        self
    }

    /// Sets whether the limit takes the place of the limiter's default limits and of the blueprint's; on a blueprint, of those of
    /// the blueprints around it. Default: yes.
    pub fn override_defaults(mut self, overrides: bool) -> Self {
        self.override_defaults = overrides;
        self
    }

    /// Sets how many requests each request counts as. Default: 1.
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = Setting::Fixed(cost);
        self
    }

    /// Sets the function that says how many requests a request counts as.
    pub fn cost_by<M>(mut self, f: impl IntoCallback<M, Request, u64>) -> Self {
        self.cost = Setting::Each(f.into_callback());
        self
    }

    /// Sets the message of the 429. Default: one that names the limit.
    pub fn error_message(mut self, message: impl Into<String>) -> Self {
        self.error_message = Some(Setting::Fixed(message.into()));
        self
    }

    /// Sets the function that gives the message of the 429.
    pub fn error_message_by<M>(mut self, f: impl IntoCallback<M, RequestLimit, String>) -> Self {
        self.error_message = Some(Setting::Each(f.into_callback()));
        self
    }

    /// Sets the function that is called when the limit refuses a request; a response that it returns is the answer, also if the
    /// limiter's own [`on_breach`](crate::Limiter::on_breach) returned another.
    pub fn on_breach<M>(mut self, f: impl IntoCallable<M, RequestLimit, Option<Response>>) -> Self {
        self.on_breach = Some(f.into_callable());
        self
    }

    /// Adds limits on how often this limit may refuse a client; see [`Limiter::meta_limits`](crate::Limiter::meta_limits).
    pub fn meta_limits(mut self, limits: impl IntoIterator<Item: Into<Self>>) -> Self {
        self.meta_limits.extend(limits.into_iter().map(|limit| limit.into().meta()));
        self
    }

    /// Makes it an application limit, which counts the requests of all endpoints together, beside their own limits.
    pub(crate) fn application(self) -> Arc<Self> {
        Arc::new(self.scope("global").shared().override_defaults(false))
    }

    /// Returns this limit with the rates that its function gave for a request.
    pub(crate) fn with_rates(self: Arc<Self>, rates: Arc<[Rate]>) -> Arc<Self> {
        match self.rates {
            Setting::Fixed(_) => self,
            Setting::Each(_) => Arc::new(Self { rates: Setting::Fixed(Ok(rates)), ..(*self).clone() }),
        }
    }

    /// Makes it a limit on how often a client may be refused, anywhere.
    pub(crate) fn meta(self) -> Arc<Self> {
        Arc::new(Self { is_meta: true, ..self.scope("meta").shared() })
    }

    /// Whether the limit passes requests of this method by.
    pub(crate) fn exempts_method(&self, method: &Method) -> bool {
        self.methods.as_ref().is_some_and(|methods| !methods.iter().any(|known| known == method.as_str()))
    }

    /// The set-up error of the limit's text, or of its meta limits'.
    pub(crate) fn setup_error(&self) -> Option<&Error> {
        match &self.rates {
            Setting::Fixed(Err(error)) => Some(error),
            _ => self.meta_limits.iter().find_map(|limit| limit.setup_error()),
        }
    }
}

impl From<&str> for Limit {
    fn from(rates: &str) -> Self {
        Self::of(Setting::Fixed(Rate::parse_all(rates)))
    }
}

impl From<String> for Limit {
    fn from(rates: String) -> Self {
        rates.as_str().into()
    }
}

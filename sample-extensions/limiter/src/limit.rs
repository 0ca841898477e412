//! A limit with its options: what a view, a blueprint or a whole app may be asked for, and how often; and as it stands for a request.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use costrel::convert::IntoCallable;
use costrel::http::response::Parts;
use costrel::{Callable, Error, Method, Request, Response};
use costrel_ext_kit::IntoCallback;
use costrel_stores::{Counted, Hit, Rate, Strategy};

use crate::exempt::Exempt;

/// A limit with its options; text such as `"10/minute"` is one without options. Every function that it takes may be sync
/// or async. Flask-Limiter's `Limit`.
///
/// ```
/// use costrel::{App, Request};
/// use costrel_ext_kit::key::remote_address;
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
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a limit limits nothing until a limiter gets it"]
pub struct Limit {
    /// The rates, or the set-up error of a text that is no rate; none if a function gives them.
    pub(crate) rates: Option<Result<Arc<[Rate]>, Error>>,
    pub(crate) rates_by: Option<Callable<Request, String>>,
    /// The exemption that takes the limit off: of which kind an app-wide limit is. Nothing takes a view's own limit off.
    pub(crate) kind: Exempt,
    pub(crate) key_func: Option<Callable<Request, String>>,
    pub(crate) scope: Option<Callable<String, String>>,
    pub(crate) is_shared: bool,
    pub(crate) per_method: bool,
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) exempt_when: Option<Callable<Request, bool>>,
    pub(crate) keeps_defaults: bool,
    /// The number of requests that a request counts as; `None` is one.
    pub(crate) cost: Option<Callable<Request, u64>>,
    pub(crate) deduct_when: Option<Callable<Parts, bool>>,
    pub(crate) error_message: Option<Callable<RequestLimit, String>>,
    pub(crate) on_breach: Option<OnBreach>,
    pub(crate) meta_limits: Vec<Arc<Self>>,
}

/// A function that is called when a limit refuses a request.
pub(crate) type OnBreach = Callable<RequestLimit, Option<Response>>;

/// Setters for options that are functions, or values for all requests.
macro_rules! callbacks {
    ($($(#[$doc:meta])* $name:ident: $input:ty => $output:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name<M>(mut self, $name: impl IntoCallback<M, $input, $output>) -> Self {
            self.$name = Some($name.into_callback());
            self
        }
    )*};
}

impl Limit {
    /// Makes a limit of one rate or several: `"10/minute"`, `"1 per 3 hours"`, `"100/day;10/minute"`. What is no rate is a
    /// set-up error where the limit is used.
    #[track_caller]
    pub fn new(rates: &str) -> Self {
        let location = Location::caller();
        let rates = Rate::parse_all(rates).map_err(|error| error.with_location(location));
        Self { rates: Some(rates), ..Self::default() }
    }

    /// Makes a limit whose rates `f` gives for each request, as text. An empty text is no limit, so that the default limits
    /// apply, if there are any.
    ///
    /// Text that is no rate is an error of the request. With [`compat`](crate::Limiter::compat) it is a line in the log, and the
    /// default limits apply.
    ///
    /// ```
    /// use costrel::{App, Request};
    /// use costrel_ext_kit::key::remote_address;
    /// use costrel_limiter::{Limit, Limiter};
    ///
    /// let limiter = Limiter::new(remote_address);
    /// let mut app = App::new("docs");
    /// app.init(&limiter)?;
    /// let by_plan = |request: Request| if request.header("x-plan") == Some("paid") { "" } else { "1/day" }.to_owned();
    /// app.rule("/").decorate(limiter.limit(Limit::by(by_plan))).view(|| "found");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.status(), 200);
    /// assert_eq!(client.get("/").wait()?.status(), 429);
    /// assert_eq!(client.get("/").header("x-plan", "paid").wait()?.status(), 200);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn by<M>(f: impl IntoCallback<M, Request, String>) -> Self {
        Self { rates_by: Some(f.into_callback()), ..Self::default() }
    }

    callbacks! {
        /// Sets the function that says which requests are counted together. Default: the limiter's.
        key_func: Request => String;

        /// Sets the function that exempts a request: if it returns true, the limit does not count the request.
        exempt_when: Request => bool;

        /// Sets the function that says, when the response is there, whether the request counts, such as failed logins alone.
        ///
        /// Requests that run at once are let in before any of them is counted, so a client can get as many requests beyond the
        /// limit as it sends at once.
        deduct_when: Parts => bool;

        /// Counts the requests of an endpoint apart under this name, which may come from a function of the endpoint; those of all
        /// endpoints together if the limit is [`shared`](Self::shared). A function is called once for each request.
        scope: String => String;

        /// Sets how many requests each request counts as: a number, or the function that gives it. Default: 1.
        cost: Request => u64;

        /// Sets the message of the 429: a text, or the function that gives it. Default: one that names the limit.
        error_message: RequestLimit => String;
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
        self.keeps_defaults = !overrides;
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
        self.meta_limits.extend(limits.into_iter().map(|limit| limit.into().app_wide(Exempt::META)));
        self
    }

    /// Makes it an app-wide limit of this kind: an application limit counts the requests of all endpoints together, beside their own
    /// limits, and a meta limit how often a client was refused anywhere.
    pub(crate) fn app_wide(self, kind: Exempt) -> Arc<Self> {
        let limit = match kind {
            Exempt::APPLICATION => self.scope("global").shared().override_defaults(false),
            Exempt::META => self.scope("meta").shared(),
            _ => self,
        };
        Arc::new(Self { kind, ..limit })
    }

    /// Whether the limit passes by requests of this method, which count as `counted_as` too.
    pub(crate) fn exempts_method(&self, method: &Method, counted_as: &Method) -> bool {
        let is_meant = |known: &String| known == method.as_str() || known == counted_as.as_str();
        self.methods.as_ref().is_some_and(|methods| !methods.iter().any(is_meant))
    }

    /// The set-up error of the limit's text, or of its meta limits'.
    pub(crate) fn setup_error(&self) -> Option<&Error> {
        let own = self.rates.as_ref().and_then(|rates| rates.as_ref().err());
        own.or_else(|| self.meta_limits.iter().find_map(|limit| limit.setup_error()))
    }
}

impl<T: AsRef<str>> From<T> for Limit {
    fn from(rates: T) -> Self {
        Self { rates: Some(Rate::parse_all(rates.as_ref())), ..Self::default() }
    }
}

/// A limit as it stood when a request was counted. Flask-Limiter's `RequestLimit`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestLimit {
    /// The limit itself: how many requests in which time.
    pub limit: Rate,
    /// The name of the counter in the store, which says what is counted together.
    pub key: String,
    /// Whether the limit refused the request.
    pub breached: bool,
    /// Whether the limit counts the requests of several endpoints together.
    pub shared: bool,
    /// The number of requests that the limit still allows.
    pub remaining: u64,
    /// The time, from the moment when the request was counted, until the limit allows more than now.
    pub resets_in: Duration,
    /// The time, from the moment when the request was counted, until such a request is allowed; zero if it was.
    pub retry_in: Duration,
    /// The limit with its options, of which this is one rate.
    pub(crate) origin: Arc<Limit>,
    cost: u64,
    /// The time when the request was counted; `None` if no header tells of the limit.
    counted_at: Option<Instant>,
}

impl RequestLimit {
    /// Makes a rate of a limit that has not counted the request yet.
    pub(crate) fn new(limit: Rate, key: String, origin: Arc<Limit>, cost: u64) -> Self {
        let (resets_in, retry_in) = Default::default();
        let (breached, shared, remaining) = (false, origin.is_shared, limit.amount);
        Self { limit, key, breached, shared, remaining, resets_in, retry_in, origin, cost, counted_at: None }
    }

    /// The hit that counts the request.
    pub(crate) fn hit(&self, strategy: Strategy) -> Hit<'_> {
        Hit::new(&self.key, self.limit.amount, self.limit.window()).strategy(strategy).cost(self.cost)
    }

    /// Takes over what the store says.
    pub(crate) fn update(&mut self, counted: Counted, now: Option<Instant>) {
        self.breached = !counted.allowed;
        (self.remaining, self.resets_in, self.retry_in) = (counted.remaining, counted.resets_in, counted.retry_in);
        self.counted_at = now;
    }

    /// The time when the limit allows more than now, by the system's clock.
    pub fn reset_at(&self) -> SystemTime {
        SystemTime::now() + self.resets_in
    }

    /// What the store would say at `now`, if the client sent nothing since.
    pub(crate) fn counted_at(&self, now: Instant, strategy: Strategy) -> Counted {
        let Self { breached, remaining, resets_in, retry_in, .. } = *self;
        let counted = Counted { allowed: !breached, remaining, resets_in, retry_in };
        counted.later(now.saturating_duration_since(self.counted_at.unwrap_or(now)), &self.hit(strategy))
    }
}

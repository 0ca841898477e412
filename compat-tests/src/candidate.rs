//! The decorator on trial, and how to get past it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use costrel::{App, Body, Bytes, Error, Method, StatusCode, View, decorator_name, http};
use costrel_ext_kit::tower::{BoxError, ViewService, layered};
use futures_util::future::BoxFuture;
use hyper::body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use crate::host::{StrictService, Visitor};

/// A request as a layer gets it.
type Incoming = http::Request<Body>;

/// A decorator with what the suite must know to try it.
///
/// By default every request is let through and the app needs no setting up.
#[derive(Clone)]
pub struct Candidate {
    name: String,
    decorate: Arc<dyn Fn(View) -> View + Send + Sync>,
    setup: Arc<Setup>,
    allow: Prepare,
    deny: Option<Prepare>,
    crossings: u64,
    lets_in: bool,
    tries: usize,
    change: Option<Arc<Change>>,
    limit: Option<usize>,
    shares_runs: bool,
    reads_the_body: bool,
    answers_options: bool,
    guards: Option<Vec<Method>>,
    twin: Option<Arc<Candidate>>,
    layer: Option<Arc<Layered>>,
}

/// Sends a request through the layer itself, around a service of the suite's.
type Layered = dyn Fn(StrictService, Incoming) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;

/// What becomes of status and text of the view's answer.
type Change = dyn Fn(StatusCode, String) -> (StatusCode, String) + Send + Sync;

type Setup = dyn Fn(&mut App) -> Result<(), Error> + Send + Sync;

/// Makes a visitor one that gets through, or one that does not.
type Prepare = Arc<dyn Fn(Visitor) -> BoxFuture<'static, Result<Visitor, Error>> + Send + Sync>;

impl Candidate {
    /// A decorator under the name of its function.
    pub fn new<D: Fn(View) -> View + Send + Sync + 'static>(decorator: D) -> Self {
        Self {
            name: decorator_name::<D>(),
            decorate: Arc::new(decorator),
            setup: Arc::new(|_| Ok(())),
            allow: Arc::new(|visitor| Box::pin(async { Ok(visitor) })),
            deny: None,
            crossings: 0,
            lets_in: true,
            tries: 1,
            change: None,
            limit: None,
            shares_runs: false,
            reads_the_body: false,
            answers_options: false,
            guards: None,
            twin: None,
            layer: None,
        }
    }

    /// A tower layer, tried as [`layered`] makes a decorator of it, and by itself around a service that is not always ready.
    pub fn layer<L, A, B>(name: &str, layer: L) -> Self
    where
        L: Layer<ViewService> + Layer<StrictService> + Clone + Send + Sync + 'static,
        <L as Layer<ViewService>>::Service: Service<Incoming, Response = http::Response<A>, Future: Send, Error: Into<BoxError>>
            + Clone
            + Send
            + Sync
            + 'static,
        <L as Layer<StrictService>>::Service:
            Service<Incoming, Response = http::Response<B>, Future: Send, Error: Into<BoxError>> + Send + 'static,
        A: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        B: Send + 'static,
    {
        let decorate = layered(layer.clone());
        let through = move |inner: StrictService, request| {
            let service = Layer::<StrictService>::layer(&layer, inner);
            call_ready(service, request)
        };
        Self { layer: Some(Arc::new(through)), ..Self::new(decorate).named(name) }
    }

    /// Says that it refuses requests of these methods only, as a check against forgery does. By default all are refused to
    /// whom [`deny`](Self::deny) prepares.
    #[must_use]
    pub fn guarding(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.guards = Some(methods.into_iter().collect());
        self
    }

    /// Says that it answers OPTIONS itself, as CORS does: the methods need not be named then.
    #[must_use]
    pub fn answering_options(mut self) -> Self {
        self.answers_options = true;
        self
    }

    /// Says that it needs the whole body before the view begins: for signatures, or tokens in forms.
    #[must_use]
    pub fn reading_the_body(mut self) -> Self {
        self.reads_the_body = true;
        self
    }

    /// Says that it lets each visitor in so many times, and then no more: for limiters, whose count must be one. The suite sends
    /// up to 45 requests as one visitor, so let it be more than these.
    #[must_use]
    pub fn limiting_to(mut self, times: usize) -> Self {
        self.limit = Some(times);
        self
    }

    /// Says that requests for one page, while the view makes it and later, get what one run of the view has made: for caches.
    #[must_use]
    pub fn sharing_runs(mut self) -> Self {
        self.shares_runs = true;
        self
    }

    /// The same decorator with functions of the other colour passed to it, which must come to the same for the same visitors.
    ///
    /// ```
    /// # use costrel::{Request, View, abort};
    /// # use costrel_compat::Candidate;
    /// # use costrel_ext_kit::{Callback, Decorate, IntoCallback};
    /// fn allowed_by<M>(check: impl IntoCallback<M, Request, bool>) -> impl Fn(View) -> View + Clone {
    ///     let check = Callback::new(check);
    ///     move |view: View| {
    ///         let check = check.clone();
    ///         view.wrapped_by_async(move |next, request| {
    ///             let check = check.clone();
    ///             async move { if check.call(request.clone()).await? { next.call(request).await } else { abort(403) } }
    ///         })
    ///     }
    /// }
    /// let sync = Candidate::new(allowed_by(|_: Request| true)).crossing_for_callbacks(1);
    /// let candidate = sync.also_as(Candidate::new(allowed_by(async |_: Request| true)));
    /// # assert_eq!(costrel_compat::run(|| candidate.clone()).failures().count(), 0);
    /// ```
    #[must_use]
    pub fn also_as(mut self, twin: Self) -> Self {
        self.twin = Some(Arc::new(twin));
        self
    }

    /// Says that it lets nobody in, whatever they do.
    #[must_use]
    pub fn denying_everybody(mut self) -> Self {
        self.lets_in = false;
        self.deny(async |visitor| Ok(visitor))
    }

    /// Says how often it runs a view that keeps failing, the first time included; POST may be tried once only. An async wrapper crosses to a sync view each
    /// time, so it needs `.crossing_for_callbacks(times - 1)` as well; a sync wrapper does not.
    #[must_use]
    pub fn trying(mut self, times: usize) -> Self {
        self.tries = times;
        self
    }

    /// Says what it makes of the view's answer, as status and text.
    ///
    /// ```
    /// # use costrel::View;
    /// # use costrel_compat::Candidate;
    /// # use costrel_ext_kit::Decorate;
    /// fn in_upper_case(view: View) -> View {
    ///     view.wrapped_by_async(|next, request| async move {
    ///         let (head, body) = next.call(request).await?.into_parts();
    ///         let text = String::from_utf8_lossy(&body.collect().await?).to_uppercase();
    ///         Ok(costrel::Response::from_parts(head, text.into()))
    ///     })
    /// }
    /// let candidate = Candidate::new(in_upper_case).changing(|status, text| (status, text.to_uppercase()));
    /// # assert_eq!(candidate.name(), "in_upper_case");
    /// ```
    #[must_use]
    pub fn changing(
        mut self,
        change: impl Fn(StatusCode, String) -> (StatusCode, String) + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Says that it calls so many sync callbacks in a request, or other sync code, each of which may cross to a worker.
    #[must_use]
    pub fn crossing_for_callbacks(mut self, crossings: u64) -> Self {
        self.crossings = crossings;
        self
    }

    /// What the app needs for this decorator: settings, extensions, routes to sign in at.
    #[must_use]
    pub fn setup(mut self, setup: impl Fn(&mut App) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        self.setup = Arc::new(setup);
        self
    }

    /// How a visitor becomes one whose requests get through: headers, a session.
    #[must_use]
    pub fn allow<F>(mut self, prepare: impl Fn(Visitor) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Visitor, Error>> + Send + 'static,
    {
        self.allow = Arc::new(move |visitor| Box::pin(prepare(visitor)));
        self
    }

    /// How a visitor becomes one whose requests are refused. Without it, nobody is.
    #[must_use]
    pub fn deny<F>(mut self, prepare: impl Fn(Visitor) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Visitor, Error>> + Send + 'static,
    {
        self.deny = Some(Arc::new(move |visitor| Box::pin(prepare(visitor))));
        self
    }

    /// Another name for the report.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name in the report.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn decorate(&self, view: View) -> View {
        (self.decorate)(view)
    }

    pub(crate) fn set_up(&self, app: &mut App) -> Result<(), Error> {
        (self.setup)(app)
    }

    /// How many crossings it may have beside the view's.
    pub(crate) fn extra_crossings(&self) -> u64 {
        self.crossings
    }

    pub(crate) fn lets_in(&self) -> bool {
        self.lets_in
    }

    /// How often it runs a view that fails.
    pub(crate) fn tries(&self) -> usize {
        self.tries
    }

    /// What it makes of an answer of the view's.
    pub(crate) fn changed(&self, (status, text): (StatusCode, String)) -> (StatusCode, String) {
        match &self.change {
            Some(change) => change(status, text),
            None => (status, text),
        }
    }

    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit
    }

    pub(crate) fn answers_options(&self) -> bool {
        self.answers_options
    }

    pub(crate) fn reads_the_body(&self) -> bool {
        self.reads_the_body
    }

    /// Whether requests of this method may be refused.
    pub(crate) fn guards(&self, method: &Method) -> bool {
        self.guards.as_ref().is_none_or(|guarded| guarded.contains(method))
    }

    pub(crate) fn shares_runs(&self) -> bool {
        self.shares_runs
    }

    /// The one with functions of the other colour, for the same visitors.
    pub(crate) fn twin(&self) -> Option<Self> {
        let twin = Self::clone(self.twin.as_deref()?);
        Some(Self { allow: self.allow.clone(), deny: self.deny.clone(), lets_in: self.lets_in, ..twin })
    }

    /// Sends a request through the tower layer that it is made of, if it is, around `inner`.
    pub(crate) async fn through_layer(&self, inner: StrictService, request: Incoming) -> Option<Result<(), BoxError>> {
        let through = self.layer.as_ref()?;
        Some(through(inner, request).await)
    }

    pub(crate) fn changes_answers(&self) -> bool {
        self.change.is_some()
    }

    pub(crate) fn can_deny(&self) -> bool {
        self.deny.is_some()
    }

    pub(crate) async fn allowed(&self, visitor: Visitor) -> Result<Visitor, Error> {
        (self.allow)(visitor).await
    }

    pub(crate) async fn denied(&self, visitor: Visitor) -> Result<Visitor, Error> {
        match &self.deny {
            Some(prepare) => prepare(visitor).await,
            None => Ok(visitor),
        }
    }
}

/// Waits until `service` is ready, then calls it.
fn call_ready<S>(mut service: S, request: Incoming) -> BoxFuture<'static, Result<(), BoxError>>
where
    S: Service<Incoming, Response: Send, Future: Send, Error: Into<BoxError>> + Send + 'static,
{
    Box::pin(async move {
        poll_fn(|context| service.poll_ready(context)).await.map_err(Into::into)?;
        service.call(request).await.map(drop).map_err(Into::into)
    })
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("name", &self.name).finish_non_exhaustive()
    }
}

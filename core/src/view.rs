//! The view: a function of either colour with its name, ready to be decorated, registered and called.

mod method_view;
mod into_view;
mod claimed_options;
mod markers;
mod decorator_info;
mod phase;
mod examine;

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::execution::{self, Callable, Colour, Coloured, RecordedStep, StepKind, Waiting};
use crate::hooks::ResponseHook;
use crate::http_types::{Request, Response};
use crate::routing::ArgSpec;
use crate::type_map::{Instance, RequiredExtension, TypeMap, type_label};

use examine::note_answer;

pub(crate) use claimed_options::AutomaticOptions;
pub use decorator_info::{DecoratorInfo, OnWebSocket};
pub(crate) use examine::faults_of;
pub use into_view::{IntoView, IntoWebSocketView, Ready};
pub use method_view::{IntoHandler, MethodView, Methods};
pub use phase::Phase;

/// A function that answers requests, as a value: it can be decorated, registered on rules, and called from
/// code of either colour. Cheap to clone.
///
/// ```
/// use costrel::{Colour, IntoView};
///
/// async fn index() -> &'static str {
///     "Hello"
/// }
///
/// let view = index.into_view();
/// assert_eq!((view.name(), view.colour()), (Some("index"), Colour::Async));
/// ```
///
/// Book: [Write your own](../costrel_book/guide/write/index.html).
#[derive(Clone)]
pub struct View {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    name: Option<Arc<str>>,
    callable: Callable<Request, Response>,
    function_colour: Colour,
    origin: Origin,
    signature: Signature,
    automatic_options: Option<bool>,
    /// The outermost decorator that claims OPTIONS.
    options: Option<Callable<Request, Response>>,
    /// Whether the view is a handler for WebSockets.
    is_websocket: bool,
    decorators: Vec<DecoratorInfo>,
    /// The innermost decorator's first.
    on_response: Vec<ResponseHook>,
    needs: Vec<RequiredExtension>,
    markers: TypeMap,
    setup_errors: Vec<Error>,
}

/// The marker of a view that says whether the sync code of its requests may run in place.
pub(crate) struct RunsInPlace(pub(crate) bool);

/// The marker of a view that answers for what the rules of a path do not take: as the app's fallback other methods, and WebSockets.
pub(crate) struct AnswersOtherMethods;

/// The identity of a view: two rules may share a view, two views may not share an endpoint.
#[derive(Clone, Debug)]
enum Origin {
    Function(TypeId),
    Value(Arc<()>),
}

/// The arguments a view takes.
#[derive(Clone, Debug)]
pub(crate) enum Signature {
    /// Any arguments: the view looks at the request itself.
    Any,
    /// The arguments of a function.
    Function(Arc<[ArgSpec]>),
    /// The arguments for each method that the view takes, with the colour of the method's function.
    Methods(Arc<BTreeMap<String, (Signature, Colour)>>),
}

impl View {
    pub(crate) fn of_function<F: 'static>(
        name: Option<Arc<str>>,
        args: &[ArgSpec],
        callable: Callable<Request, Response>,
    ) -> Self {
        Self::new(name, callable, Origin::Function(TypeId::of::<F>()), Signature::Function(args.into()))
    }

    /// A view around a callable that looks at the request itself and takes no arguments. Around another view it would lose that
    /// view's notes, needs, set-up errors and arguments: use [`wrapped`](Self::wrapped) there.
    pub fn from_callable(name: &str, callable: Callable<Request, Response>) -> Self {
        Self::new(Some(name.into()), callable, Origin::Value(Arc::new(())), Signature::Any)
    }

    fn new(
        name: Option<Arc<str>>,
        callable: Callable<Request, Response>,
        origin: Origin,
        signature: Signature,
    ) -> Self {
        let function_colour = callable.colour();
        let (decorators, on_response, needs, markers, setup_errors) = Default::default();
        Self {
            inner: Arc::new(Inner {
                name,
                callable,
                function_colour,
                origin,
                signature,
                automatic_options: None,
                options: None,
                is_websocket: false,
                decorators,
                on_response,
                needs,
                markers,
                setup_errors,
            }),
        }
    }

    /// The function's name, which is the endpoint unless the rule names another; closures have none.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// Sets the view's name, which is its endpoint unless the rule names another.
    ///
    /// ```
    /// use costrel::IntoView;
    ///
    /// assert_eq!((|| "hello").into_view().named("index").name(), Some("index"));
    /// ```
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.noting(|inner| inner.name = Some(name.into()))
    }

    /// The colour of the view: for a decorated view that of the outermost decorator.
    pub fn colour(&self) -> Colour {
        self.inner.callable.colour()
    }

    /// The colour of the function itself, beneath all decorators.
    pub fn function_colour(&self) -> Colour {
        self.inner.function_colour
    }

    /// The decorators on the view, outermost first.
    pub fn decorators(&self) -> impl Iterator<Item = &DecoratorInfo> {
        self.inner.decorators.iter().rev()
    }

    /// Calls the view: `.await` the response in async code, `.wait()` for it in sync code.
    ///
    /// An async view runs where it is awaited, a sync one on a worker. Guards on the view check the request at once,
    /// when this function is called.
    pub fn call(&self, request: Request) -> Waiting<Response> {
        if let Some(step) = self.begin_step() {
            return self.call_recorded(step, request);
        }
        if !self.inner.callable.crosses() || execution::on_worker() {
            return self.inner.callable.call(request);
        }
        let view = self.clone();
        let crossing = async move {
            request.prefetch_body().await;
            view.inner.callable.call(request).await
        };
        Waiting::new(crossing).marked_sync()
    }

    /// Calls the view as a step whose timeline is recorded.
    #[cold]
    fn call_recorded(&self, step: RecordedStep, request: Request) -> Waiting<Response> {
        let (view, note) = (self.clone(), note_answer(&step, &request));
        if !self.inner.callable.crosses() || execution::on_worker() {
            return view.inner.callable.call_recorded(step, request).inspected(note);
        }
        let crossing = async move {
            request.prefetch_body().await;
            view.inner.callable.call_recorded(step, request).await
        };
        Waiting::new(crossing).marked_sync().inspected(note)
    }

    /// Calls the view from sync code: a sync view as a plain call, an async one by waiting for it.
    ///
    /// # Errors
    /// The errors of the view, and those of [`async_to_sync`](crate::async_to_sync).
    pub fn call_sync(&self, request: Request) -> Result<Response, Error> {
        match self.begin_step() {
            None => self.inner.callable.call_sync(request),
            Some(step) => {
                let note = note_answer(&step, &request);
                let answer = step.run(|| self.inner.callable.call_sync(request));
                note(&answer);
                answer
            }
        }
    }

    /// Begins the step of a call, if the timeline of the request is recorded.
    #[inline]
    fn begin_step(&self) -> Option<RecordedStep> {
        let kind = if self.inner.decorators.is_empty() { StepKind::View } else { StepKind::Decorator };
        RecordedStep::begin(kind, || {
            let decorator = self.inner.decorators.last().map(|decorator| &*decorator.name);
            (self.colour(), decorator.or(self.name()).unwrap_or("closure").to_owned())
        })
    }

    /// Returns this view behind `wrapper`, which decides whether to call it. Name, arguments and everything else noted
    /// on the view stay. `routes` lists `decorator`, a name or a whole [`DecoratorInfo`], with the wrapper's colour.
    ///
    /// Decorators are built with this; extension authors use the forms of `costrel-ext-kit`.
    pub fn wrapped(&self, decorator: impl Into<DecoratorInfo>, wrapper: Callable<Request, Response>) -> Self {
        let decorator = DecoratorInfo { colour: wrapper.colour(), ..decorator.into() };
        if self.inner.is_websocket && decorator.on_a_websocket() == OnWebSocket::PassBy {
            return self.clone();
        }
        let mut inner = Inner::clone(&self.inner);
        // The origin stays, because two rules may share a function, each behind decorators of its own.
        if decorator.claims_options {
            inner.options = Some(wrapper.clone());
        }
        inner.callable = wrapper;
        inner.decorators.push(decorator);
        Self { inner: Arc::new(inner) }
    }

    /// Calls `f` with each response that leaves the app for a request to this view, as the last step before it is sent,
    /// made by the view, a decorator, a hook, an error handler or Costrel. So `f` also sees the page for a panic, the
    /// 500 after an `after_request` function that failed, and the 405, 308 or automatic OPTIONS of the view's path.
    /// The functions of inner decorators are called first, then those of [`App::on_response`](crate::App::on_response).
    ///
    /// `f` runs where the request is at its end, in its context, and must neither block nor wait. A panic of `f` is logged.
    /// The response to a WebSocket's handshake passes `f` only if it is a refusal.
    ///
    /// ```
    /// use costrel::{App, HeaderValue, View, abort};
    ///
    /// fn open_to_all(view: View) -> View {
    ///     view.on_response(|_request, response| {
    ///         response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    ///     })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(open_to_all).view(|| abort::<&str>(403));
    /// let page = app.test_client().get("/").wait()?;
    /// assert_eq!((page.status().as_u16(), page.header("access-control-allow-origin")), (403, Some("*")));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn on_response(self, f: impl Fn(&Request, &mut Response) + Send + Sync + 'static) -> Self {
        self.noting(|inner| inner.on_response.push(Arc::new(f)))
    }

    pub(crate) fn response_hooks(&self) -> &[ResponseHook] {
        &self.inner.on_response
    }

    /// Returns the view as a handler for WebSockets, which page decorators pass by.
    pub(crate) fn for_websocket(self) -> Self {
        self.noting(|inner| inner.is_websocket = true)
    }

    /// Notes that the extension with the state `E` must have been initialised on the app this view is registered on.
    /// If it was not, building the app fails with an error that names the view and `E`.
    #[must_use]
    pub fn requires<E: 'static>(self) -> Self {
        self.needing(TypeId::of::<E>(), None, type_label::<E>())
    }

    /// Declares, as [`requires`](Self::requires) does, that a decorator on this view needs the state `E` of one instance of
    /// an extension; see [`Instance`](crate::Instance).
    #[must_use]
    pub fn requires_of<E: 'static>(self, instance: Instance) -> Self {
        self.needing(TypeId::of::<E>(), Some(instance), type_label::<E>())
    }

    fn needing(self, state: TypeId, instance: Option<Instance>, label: String) -> Self {
        self.noting(|inner| inner.needs.push(RequiredExtension { state, instance, label }))
    }

    /// The colours of the view's functions for these methods; a plain function has one colour for all.
    pub(crate) fn function_colours(&self, methods: &BTreeSet<String>) -> Vec<Colour> {
        match &self.inner.signature {
            Signature::Methods(functions) => {
                let taken = functions.iter().filter(|(method, _)| methods.contains(*method));
                taken.map(|(_, (_, colour))| *colour).collect()
            }
            _ => vec![self.function_colour()],
        }
    }

    pub(crate) fn markers(&self) -> &TypeMap {
        &self.inner.markers
    }

    /// Adds a set-up error that a decorator found; building the app reports it.
    #[must_use]
    pub fn with_setup_error(self, error: Error) -> Self {
        self.noting(|inner| inner.setup_errors.push(error))
    }

    fn noting(mut self, note: impl FnOnce(&mut Inner)) -> Self {
        note(Arc::make_mut(&mut self.inner));
        self
    }

    /// Sets whether the sync code of the view's requests may run in place, on a thread of the event loop, once its calls
    /// have been short. Default: as [`Config::runs_in_place`](crate::Config) says.
    ///
    /// Such code must not wait for a task of the event loop by other means than `.wait()`, `ensure_sync` and
    /// `async_to_sync`: a task that it has woken may be in the queue of the thread that it blocks, so that neither would
    /// end. And it must not start an event loop of its own, as `reqwest::blocking` does, or use tokio's `blocking_*`
    /// functions, which panic there.
    ///
    /// ```
    /// use costrel::{App, IntoView};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").view((|| "quick").into_view().named("index").runs_in_place(true));
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "quick");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn runs_in_place(self, may: bool) -> Self {
        self.marked(RunsInPlace(may))
    }

    /// Sets that the view, as [`App::fallback`](crate::App::fallback), also answers requests whose path has rules, but none
    /// for their method, in place of the 405.
    ///
    /// ```
    /// use costrel::{App, IntoView};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || "by its rule");
    /// app.fallback((|| "by the fallback").into_view().answers_other_methods());
    /// assert_eq!(app.test_client().post("/").wait()?.text(), "by the fallback");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn answers_other_methods(self) -> Self {
        self.marked(AnswersOtherMethods)
    }

    /// Sets whether Costrel answers OPTIONS for the view's rules, unless a rule sets it. Default: it does, unless the
    /// rule lists OPTIONS or [`Config::provide_automatic_options`](crate::Config) is off.
    #[must_use]
    pub fn provide_automatic_options(self, provide: bool) -> Self {
        self.noting(|inner| inner.automatic_options = Some(provide))
    }

    pub(crate) fn automatic_options(&self) -> Option<bool> {
        self.inner.automatic_options
    }

    pub(crate) fn signature(&self) -> &Signature {
        &self.inner.signature
    }

    /// The methods that a class view takes; `None` for a function, because its rule lists them.
    pub(crate) fn methods(&self) -> Option<BTreeSet<String>> {
        match &self.inner.signature {
            Signature::Methods(methods) => Some(methods.keys().cloned().collect()),
            _ => None,
        }
    }

    pub(crate) fn needs(&self) -> &[RequiredExtension] {
        &self.inner.needs
    }

    pub(crate) fn setup_errors(&self) -> &[Error] {
        &self.inner.setup_errors
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.inner.origin, &other.inner.origin) {
            (Origin::Function(a), Origin::Function(b)) => a == b,
            (Origin::Value(a), Origin::Value(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Coloured for View {
    type Input = Request;
    type Output = Response;

    fn call(&self, request: Request) -> Waiting<Response> {
        Self::call(self, request)
    }

    fn call_sync(&self, request: Request) -> Result<Response, Error> {
        Self::call_sync(self, request)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({} {})", self.colour(), self.name().unwrap_or("closure"))
    }
}

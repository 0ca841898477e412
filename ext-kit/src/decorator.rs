//! The decorator: its options, and the forms in which it wraps a view.

use costrel::{
    Callable, DecoratorInfo, Error, Instance, OnWebSocket, Phase, Request, Response, StatusCode, View, Waiting,
    convert::IntoOutcome, current_app, decorator_name,
};

/// A decorator under construction: first its options, then the function that wraps the view.
///
/// ```
/// use costrel::{App, Phase, View, abort};
/// use costrel_ext_kit::Decorator;
///
/// struct Keys;
///
/// fn key_required(view: View) -> View {
///     Decorator::new(view).requires::<Keys>().phase(Phase::AUTH).wrap_async(|next, request| async move {
///         if request.header("x-key").is_none() {
///             return abort(401);
///         }
///         next.call(request).await
///     })
/// }
///
/// let mut app = App::new("docs");
/// app.set_extension(Keys);
/// app.rule("/").decorate(key_required).view(|| "gold");
/// assert_eq!(app.test_client().get("/").wait()?.status(), 401);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Decorators without options have shorter forms on the view itself: [`Decorate`](crate::Decorate).
///
/// Book: [Write your own](../costrel_book/guide/write/index.html).
#[derive(Clone, Debug)]
#[must_use = "a `Decorator` has no effect until `wrap`, `wrap_async`, `guard`, `guard_sync`, `after` or `layer` is called"]
pub struct Decorator {
    view: View,
    name: Option<String>,
    phase: Option<Phase>,
    on_websocket: Option<OnWebSocket>,
    claims_options: bool,
}

impl Decorator {
    /// Begins a decorator around `view`.
    pub fn new(view: View) -> Self {
        Self { view, name: None, phase: None, on_websocket: None, claims_options: false }
    }

    /// Sets the name that `routes` lists. Default: the name of the function in which the wrapper is written as a closure, or of
    /// the function that is passed.
    ///
    /// ```
    /// use costrel::IntoView;
    /// use costrel_ext_kit::Decorator;
    ///
    /// let view = Decorator::new((|| "").into_view()).named("limit").guard(|_| ());
    /// assert_eq!(view.decorators().next().map(|decorator| decorator.name.as_str()), Some("limit"));
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the phase of this decorator in a stack; building the app reports a stack that is out of order.
    ///
    /// ```
    /// use costrel::{App, Phase, View};
    /// use costrel_ext_kit::Decorator;
    ///
    /// let cached = |view: View| Decorator::new(view).named("cached").phase(Phase::CACHE).guard(|_| ());
    /// let signed_in = |view: View| Decorator::new(view).named("signed_in").phase(Phase::AUTH).guard(|_| ());
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(cached).decorate(signed_in).view(|| "private");
    /// assert!(app.build().unwrap_err().message().contains("`cached` is outside `signed_in`"));
    /// ```
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }

    /// Declares that the decorator needs the extension with the state `E`. Building an app on which that extension was
    /// not initialised is a set-up error that names the view and `E`.
    pub fn requires<E: 'static>(mut self) -> Self {
        self.view = self.view.requires::<E>();
        self
    }

    /// Declares, as [`requires`](Self::requires) does, that the decorator needs the state `E` of one instance of an
    /// extension; see [`Instance`].
    pub fn requires_of<E: 'static>(mut self, instance: Instance) -> Self {
        self.view = self.view.requires_of::<E>(instance);
        self
    }

    /// Declares that the decorator answers OPTIONS for its rule, as CORS does for the preflights of browsers: also where the
    /// rule takes POST only, on class views and blueprints. Costrel's own answer to OPTIONS then goes through the decorator
    /// in the view's place, and through no decorator that does not claim it, so that no login refuses a preflight.
    ///
    /// Where several rules share the path, a preflight is for the rule of the method in its
    /// `Access-Control-Request-Method`. On a rule that lists OPTIONS, the view answers it, through all decorators.
    ///
    /// ```
    /// use costrel::{App, HeaderValue, Method, Phase, View, abort};
    /// use costrel_ext_kit::{Decorate, Decorator};
    ///
    /// fn open_to_all(view: View) -> View {
    ///     Decorator::new(view)
    ///         .phase(Phase::CORS)
    ///         .claims_options()
    ///         .on_response(|_request, response| {
    ///             response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    ///         })
    ///         .guard(|request| (*request.method() == Method::OPTIONS).then_some(("", 204)))
    /// }
    ///
    /// fn closed(view: View) -> View {
    ///     view.guarded_by(|_| abort::<()>(401))
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").methods(["POST"]).decorate(open_to_all).decorate(closed).view(|| "posted");
    /// let client = app.test_client();
    /// let preflight = client.open(Method::OPTIONS, "/").header("access-control-request-method", "POST").wait()?;
    /// assert_eq!((preflight.status().as_u16(), preflight.header("access-control-allow-origin")), (204, Some("*")));
    /// let refused = client.post("/").wait()?;
    /// assert_eq!((refused.status().as_u16(), refused.header("access-control-allow-origin")), (401, Some("*")));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn claims_options(mut self) -> Self {
        if !self.claims_options {
            self.view = self.view.answering_options();
            self.claims_options = true;
        }
        self
    }

    /// Calls `f` with each response that leaves the app for a request to the view, error pages included:
    /// [`View::on_response`]. `f` must neither block nor wait.
    pub fn on_response(mut self, f: impl Fn(&Request, &mut Response) + Send + Sync + 'static) -> Self {
        self.view = self.view.on_response(f);
        self
    }

    /// Sets what becomes of the decorator on a rule for WebSockets. Default: a decorator of [`Phase::CACHE`] is a set-up
    /// error there, one of [`Phase::CORS`] passes the rule by, and any other is around the conversation.
    ///
    /// ```
    /// use costrel::{App, OnWebSocket, View, websocket};
    /// use costrel_ext_kit::Decorator;
    ///
    /// fn compressed(view: View) -> View {
    ///     Decorator::new(view).on_websocket(OnWebSocket::SetupError).after(|page| page)
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/talk").decorate(compressed).websocket(async || websocket().send("hello").await);
    /// assert!(app.build().unwrap_err().message().contains("`compressed` is for pages"));
    /// ```
    pub fn on_websocket(mut self, what: OnWebSocket) -> Self {
        self.on_websocket = Some(what);
        self
    }

    /// Wraps the view in a sync function, as Flask's decorators do. The wrapper may block: it runs on a worker, and so
    /// does the sync code that it calls.
    pub fn wrap<W>(self, wrapper: W) -> View
    where
        W: Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static,
    {
        let inner = self.view.clone();
        self.finish::<W>(Callable::new_sync(move |request| wrapper(&inner, request)))
    }

    /// Wraps the view in a sync function that gets a reference to `state`, which all requests share.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use costrel::{App, View, current_app};
    /// use costrel_ext_kit::Decorator;
    ///
    /// fn counted(view: View) -> View {
    ///     Decorator::new(view).wrap_with(AtomicUsize::new(0), |count, view, request| {
    ///         let mut response = current_app().ensure_sync(view)(request)?;
    ///         response.headers_mut().insert("x-count", count.fetch_add(1, Ordering::Relaxed).into());
    ///         Ok(response)
    ///     })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// # app.rule("/").decorate(counted).view(async || "hello");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.header("x-count"), Some("0"));
    /// assert_eq!(client.get("/").wait()?.header("x-count"), Some("1"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn wrap_with<S, W>(self, state: S, wrapper: W) -> View
    where
        S: Send + Sync + 'static,
        W: Fn(&S, &View, Request) -> Result<Response, Error> + Send + Sync + 'static,
    {
        let inner = self.view.clone();
        self.finish::<W>(Callable::new_sync(move |request| wrapper(&state, &inner, request)))
    }

    /// Wraps the view in an async function. The wrapper runs on the event loop, so it must not block; a sync view
    /// beneath it runs on a worker.
    pub fn wrap_async<W, F>(self, wrapper: W) -> View
    where
        W: Fn(View, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send + 'static,
    {
        let inner = self.view.clone();
        self.finish::<W>(Callable::new_async(move |request| wrapper(inner.clone(), request)))
    }

    /// Wraps the view in an async function that gets a clone of `state` with each request.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use costrel::{App, View, abort};
    /// use costrel_ext_kit::Decorator;
    ///
    /// fn one_of(keys: &[&str]) -> impl Fn(View) -> View {
    ///     let keys: Arc<[String]> = keys.iter().map(|key| key.to_string()).collect();
    ///     move |view| {
    ///         Decorator::new(view).wrap_async_with(keys.clone(), |keys, next, request| async move {
    ///             if !keys.iter().any(|key| request.header("x-key") == Some(key)) {
    ///                 return abort(401);
    ///             }
    ///             next.call(request).await
    ///         })
    ///     }
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(one_of(&["sesame"])).view(|| "gold");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.status(), 401);
    /// assert_eq!(client.get("/").header("x-key", "sesame").wait()?.text(), "gold");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn wrap_async_with<S, W, F>(self, state: S, wrapper: W) -> View
    where
        S: Clone + Send + Sync + 'static,
        W: Fn(S, View, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send + 'static,
    {
        let inner = self.view.clone();
        self.finish::<W>(Callable::new_async(move |request| wrapper(state.clone(), inner.clone(), request)))
    }

    /// Puts a guard in front of the view: a check of the request that neither blocks nor waits. A response from the
    /// guard is the answer; `None` or `()` lets the request through.
    ///
    /// The guard runs on the thread that calls the view, keeps the view's colour, and costs next to nothing; a request
    /// that it refuses never touches a worker.
    pub fn guard<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Clone + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>,
    {
        let (from_any, from_sync, check) = (self.view.clone(), self.view.clone(), guard.clone());
        let callable = Callable::new_in_place(
            self.view.colour(),
            move |request| match guard(&request).into_outcome() {
                Ok(None) => from_any.call(request),
                Ok(Some(early)) => Waiting::ready(Ok(early)),
                Err(error) => Waiting::ready(Err(error)),
            },
            move |request| match check(&request).into_outcome()? {
                Some(early) => Ok(early),
                None => from_sync.call_sync(request),
            },
        );
        self.finish::<G>(callable)
    }

    /// Puts a guard that may block in front of the view: the guard runs on a worker, and so does all sync code beneath
    /// it. A response from the guard is the answer; `None` or `()` lets the request through to
    /// `current_app().ensure_sync(view)`.
    pub fn guard_sync<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>,
    {
        let inner = self.view.clone();
        let answer = move |request: Request| match guard(&request).into_outcome()? {
            Some(early) => Ok(early),
            None => current_app().ensure_sync(&inner)(request),
        };
        self.finish::<G>(Callable::new_sync(answer))
    }

    /// Passes the outcome of the view, a response or an error, to `change` and answers with the result. Like a guard,
    /// `change` must neither block nor wait, runs where the view runs, and keeps the view's colour. On a WebSocket,
    /// `change` gets refusals and errors, and not the end of a conversation, whose client has its response already.
    pub fn after<C>(self, change: C) -> View
    where
        C: Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
    {
        let (from_any, from_sync, change_sync) = (self.view.clone(), self.view.clone(), change.clone());
        let callable = Callable::new_in_place(
            self.view.colour(),
            move |request| {
                let (answer, change) = (from_any.call(request), change.clone());
                Waiting::new(async move { changed(answer.await, change) })
            },
            move |request| changed(from_sync.call_sync(request), &change_sync),
        );
        self.finish::<C>(callable)
    }

    /// Returns the view beneath the decorator.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// Sets what becomes of the decorator on a rule for WebSockets, unless it is set.
    pub(crate) fn or_on_websocket(mut self, what: OnWebSocket) -> Self {
        self.on_websocket.get_or_insert(what);
        self
    }

    /// Sets the name, unless it is set.
    pub(crate) fn or_named(mut self, name: impl FnOnce() -> String) -> Self {
        self.name.get_or_insert_with(name);
        self
    }

    pub(crate) fn finish<F>(self, callable: Callable<Request, Response>) -> View {
        let Self { view, name, phase, on_websocket, claims_options } = self;
        let name = name.unwrap_or_else(decorator_name::<F>);
        view.wrapped(DecoratorInfo { phase, on_websocket, claims_options, ..DecoratorInfo::new(name) }, callable)
    }
}

type Outcome = Result<Response, Error>;

/// Applies `change` to the outcome of a view, unless it is the end of a conversation.
fn changed(outcome: Outcome, change: impl Fn(Outcome) -> Outcome) -> Outcome {
    match outcome {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => Ok(response),
        outcome => change(outcome),
    }
}

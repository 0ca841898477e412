//! The forms of a decorator, each of which takes a view and returns the decorated view.

use costrel::{
    Callable, DecoratorInfo, Error, Instance, Phase, Request, Response, View, Waiting, convert::IntoOutcome,
    current_app, decorator_name,
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
/// Decorators without options have shorter forms on the view itself: [`Decorate`].
#[derive(Clone, Debug)]
#[must_use = "a `Decorator` has no effect until `wrap`, `wrap_async`, `guard`, `guard_sync` or `after` is called"]
pub struct Decorator {
    view: View,
    name: Option<String>,
    phase: Option<Phase>,
}

impl Decorator {
    /// Begins a decorator around `view`.
    pub fn new(view: View) -> Self {
        Self { view, name: None, phase: None }
    }

    /// Sets the name that `routes` lists. Default: the name of the function in which the wrapper is written as a closure, or of
    /// the function that is passed.
    ///
    /// ```
    /// # use costrel::{IntoView, View};
    /// # use costrel_ext_kit::Decorator;
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
    /// # use costrel::{App, Phase, View};
    /// # use costrel_ext_kit::Decorator;
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
    /// # use std::sync::atomic::{AtomicUsize, Ordering};
    /// # use costrel::{App, View, current_app};
    /// # use costrel_ext_kit::Decorator;
    /// fn counted(view: View) -> View {
    ///     Decorator::new(view).wrap_with(AtomicUsize::new(0), |count, view, request| {
    ///         let mut response = current_app().ensure_sync(view)(request)?;
    ///         response.headers_mut().insert("x-count", count.fetch_add(1, Ordering::Relaxed).into());
    ///         Ok(response)
    ///     })
    /// }
    ///
    /// # let mut app = App::new("docs");
    /// # app.rule("/").decorate(counted).view(async || "hello");
    /// # let client = app.test_client();
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
    /// # use std::sync::Arc;
    /// # use costrel::{App, View, abort};
    /// # use costrel_ext_kit::Decorator;
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
    /// # let mut app = App::new("docs");
    /// app.rule("/").decorate(one_of(&["sesame"])).view(|| "gold");
    /// # let client = app.test_client();
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
    /// `change` must neither block nor wait, runs where the view runs, and keeps the view's colour.
    pub fn after<C>(self, change: C) -> View
    where
        C: Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
    {
        let (from_any, from_sync, change_sync) = (self.view.clone(), self.view.clone(), change.clone());
        let callable = Callable::new_in_place(
            self.view.colour(),
            move |request| {
                let (answer, change) = (from_any.call(request), change.clone());
                Waiting::new(async move { change(answer.await) })
            },
            move |request| change_sync(from_sync.call_sync(request)),
        );
        self.finish::<C>(callable)
    }

    fn finish<F>(self, callable: Callable<Request, Response>) -> View {
        let name = self.name.unwrap_or_else(decorator_name::<F>);
        self.view.wrapped(DecoratorInfo { phase: self.phase, ..DecoratorInfo::new(name) }, callable)
    }
}

/// The short forms of a [`Decorator`], for decorators without options.
///
/// Prefer [`wrapped_by_async`](Self::wrapped_by_async): it suits views of either colour, and a request that it refuses
/// never touches a worker. [`wrapped_by`](Self::wrapped_by) is the literal port of a Flask decorator. A decorator with
/// arguments is a function that returns one:
///
/// ```
/// use costrel::{App, HeaderValue, View};
/// use costrel_ext_kit::Decorate;
///
/// fn with_header(value: &'static str) -> impl Fn(View) -> View {
///     move |view| {
///         view.followed_by(move |outcome| {
///             let mut response = outcome?;
///             response.headers_mut().insert("x-by", HeaderValue::from_static(value));
///             Ok(response)
///         })
///     }
/// }
///
/// let mut app = App::new("docs");
/// app.rule("/").decorate(with_header("costrel")).view(|| "hello");
/// assert_eq!(app.test_client().get("/").wait()?.header("x-by"), Some("costrel"));
/// # Ok::<(), costrel::Error>(())
/// ```
pub trait Decorate: Sized {
    /// Wraps the view in a sync function, which may block: [`Decorator::wrap`].
    ///
    /// ```
    /// # use costrel::{App, Error, View, current_app};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn shouting(view: View) -> View {
    ///     view.wrapped_by(|view, request| {
    ///         // ... extension logic ...
    ///         let mut response = current_app().ensure_sync(view)(request)?;
    ///         response.headers_mut().insert("x-volume", "11".parse()?);
    ///         Ok(response)
    ///     })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(shouting).view(async || "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.header("x-volume"), Some("11"));
    /// # Ok::<(), Error>(())
    /// ```
    fn wrapped_by<W>(self, wrapper: W) -> View
    where
        W: Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static;

    /// Wraps the view in an async function, which must not block: [`Decorator::wrap_async`].
    ///
    /// ```
    /// # use costrel::{App, Error, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn shouting(view: View) -> View {
    ///     view.wrapped_by_async(|next, request| async move {
    ///         let mut response = next.call(request).await?;
    ///         response.headers_mut().insert("x-volume", "11".parse()?);
    ///         Ok(response)
    ///     })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(shouting).view(|| "hello");
    /// assert_eq!(app.test_client().get("/").wait()?.header("x-volume"), Some("11"));
    /// # Ok::<(), Error>(())
    /// ```
    fn wrapped_by_async<W, F>(self, wrapper: W) -> View
    where
        W: Fn(View, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send + 'static;

    /// Puts a guard in front of the view, which neither blocks nor waits: [`Decorator::guard`].
    ///
    /// ```
    /// # use costrel::{App, Colour, Error, View, abort};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn key_required(view: View) -> View {
    ///     view.guarded_by(|request| if request.header("x-key").is_some() { Ok(()) } else { abort(401) })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(key_required).view(|| "secret");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.status(), 401);
    /// assert_eq!(client.application().handle().crossings(), 0);
    /// assert_eq!(client.get("/").header("x-key", "1").wait()?.text(), "secret");
    /// # Ok::<(), Error>(())
    /// ```
    fn guarded_by<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Clone + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>;

    /// Puts a guard in front of the view, which may block: [`Decorator::guard_sync`].
    ///
    /// ```
    /// # use costrel::{App, Error, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn closed_on_sundays(view: View) -> View {
    ///     view.guarded_by_sync(|request| (request.header("x-day") == Some("sunday")).then_some(("closed", 503)))
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(closed_on_sundays).view(async || "open");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("x-day", "sunday").wait()?.status(), 503);
    /// assert_eq!(client.get("/").wait()?.text(), "open");
    /// # Ok::<(), Error>(())
    /// ```
    fn guarded_by_sync<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>;

    /// Changes the outcome of the view, without blocking or waiting: [`Decorator::after`].
    ///
    /// ```
    /// # use costrel::{App, Error, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn stamped(view: View) -> View {
    ///     view.followed_by(|outcome| {
    ///         let mut response = outcome?;
    ///         response.headers_mut().insert("x-stamp", "seen".parse()?);
    ///         Ok(response)
    ///     })
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(stamped).view(|| "letter");
    /// assert_eq!(app.test_client().get("/").wait()?.header("x-stamp"), Some("seen"));
    /// # Ok::<(), Error>(())
    /// ```
    fn followed_by<C>(self, change: C) -> View
    where
        C: Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static;
}

impl Decorate for View {
    fn wrapped_by<W>(self, wrapper: W) -> View
    where
        W: Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static,
    {
        Decorator::new(self).wrap(wrapper)
    }

    fn wrapped_by_async<W, F>(self, wrapper: W) -> View
    where
        W: Fn(View, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send + 'static,
    {
        Decorator::new(self).wrap_async(wrapper)
    }

    fn guarded_by<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Clone + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>,
    {
        Decorator::new(self).guard(guard)
    }

    fn guarded_by_sync<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>,
    {
        Decorator::new(self).guard_sync(guard)
    }

    fn followed_by<C>(self, change: C) -> View
    where
        C: Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
    {
        Decorator::new(self).after(change)
    }
}

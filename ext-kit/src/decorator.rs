//! The forms of a decorator. Each closes over the view it decorates and gives a view again.

use costrel::{Callable, Error, IntoOutcome, Request, Response, View, Waiting, current_app, decorator_name};

/// Wraps views. What comes out is a view with the same name, to be registered, decorated or called.
///
/// A decorator with arguments is a function that returns one:
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
///
/// Prefer [`wrapped_by_async`](Self::wrapped_by_async): it suits views of either colour, and a request it
/// refuses never touches a worker. [`wrapped_by`](Self::wrapped_by) is the literal port of a Flask decorator.
pub trait Decorate: Sized {
    /// Wraps the view in a sync function, as Flask's decorators do. The wrapper may block: it runs on a
    /// worker, and whatever it calls stays there.
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
    fn wrapped_by(self, wrapper: impl Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static) -> View;

    /// Wraps the view in an async function. The wrapper runs on the event loop, so it must not block; a
    /// sync view beneath it runs on a worker.
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
    fn wrapped_by_async<F>(self, wrapper: impl Fn(View, Request) -> F + Send + Sync + 'static) -> View
    where
        F: Future<Output = Result<Response, Error>> + Send + 'static;

    /// Wraps the view in a sync check: a response is the answer, `None` or `()` lets the request through to
    /// `current_app().ensure_sync(view)`. The check may block: it runs on a worker.
    ///
    /// ```
    /// # use costrel::{App, Error, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn closed_on_sundays(view: View) -> View {
    ///     view.checked_by(|request| (request.header("x-day") == Some("sunday")).then_some(("closed", 503)))
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(closed_on_sundays).view(async || "open");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("x-day", "sunday").wait()?.status(), 503);
    /// assert_eq!(client.get("/").wait()?.text(), "open");
    /// # Ok::<(), Error>(())
    /// ```
    fn checked_by<E: IntoOutcome<Option<Response>>>(
        self,
        check: impl Fn(&Request) -> E + Clone + Send + Sync + 'static,
    ) -> View;

    /// Wraps the view in a guard: like [`checked_by`](Self::checked_by), for a check that only looks and
    /// neither blocks nor waits. It runs wherever the view is called, keeps the view's colour, and costs
    /// next to nothing; a request it refuses never touches a worker.
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
    fn guarded_by<E: IntoOutcome<Option<Response>>>(
        self,
        guard: impl Fn(&Request) -> E + Clone + Send + Sync + 'static,
    ) -> View;

    /// Lets `change` see and change what the view came to, a response or an error, on its way out. Like a
    /// guard it must neither block nor wait, runs wherever the view is called, and keeps its colour.
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
    fn followed_by(
        self,
        change: impl Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
    ) -> View;
}

impl Decorate for View {
    fn wrapped_by(self, wrapper: impl Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static) -> View {
        wrap(self, wrapper)
    }

    fn wrapped_by_async<F>(self, wrapper: impl Fn(View, Request) -> F + Send + Sync + 'static) -> View
    where
        F: Future<Output = Result<Response, Error>> + Send + 'static,
    {
        wrap_async(self, wrapper)
    }

    fn checked_by<E: IntoOutcome<Option<Response>>>(
        self,
        check: impl Fn(&Request) -> E + Clone + Send + Sync + 'static,
    ) -> View {
        wrap_checked(self, check)
    }

    fn guarded_by<E: IntoOutcome<Option<Response>>>(
        self,
        guard: impl Fn(&Request) -> E + Clone + Send + Sync + 'static,
    ) -> View {
        wrap_guarded(self, guard)
    }

    fn followed_by(
        self,
        change: impl Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
    ) -> View {
        wrap_followed(self, change)
    }
}

fn wrap<W>(view: View, wrapper: W) -> View
where
    W: Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static,
{
    let inner = view.clone();
    view.wrapped(decorator_name::<W>(), Callable::new_sync(move |request| wrapper(&inner, request)))
}

fn wrap_async<F, W>(view: View, wrapper: W) -> View
where
    F: Future<Output = Result<Response, Error>> + Send + 'static,
    W: Fn(View, Request) -> F + Send + Sync + 'static,
{
    let inner = view.clone();
    let callable = Callable::new_async(move |request| wrapper(inner.clone(), request));
    view.wrapped(decorator_name::<W>(), callable)
}

fn wrap_checked<E: IntoOutcome<Option<Response>>, C>(view: View, check: C) -> View
where
    C: Fn(&Request) -> E + Send + Sync + 'static,
{
    let inner = view.clone();
    let answer = move |request: Request| match check(&request).into_outcome()? {
        Some(early) => Ok(early),
        None => current_app().ensure_sync(&inner)(request),
    };
    view.wrapped(decorator_name::<C>(), Callable::new_sync(answer))
}

fn wrap_guarded<E: IntoOutcome<Option<Response>>, G>(view: View, guard: G) -> View
where
    G: Fn(&Request) -> E + Clone + Send + Sync + 'static,
{
    let (from_any, from_sync, check) = (view.clone(), view.clone(), guard.clone());
    let callable = Callable::new_in_place(
        view.colour(),
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
    view.wrapped(decorator_name::<G>(), callable)
}

fn wrap_followed<C>(view: View, change: C) -> View
where
    C: Fn(Result<Response, Error>) -> Result<Response, Error> + Clone + Send + Sync + 'static,
{
    let (from_any, from_sync, finish) = (view.clone(), view.clone(), change.clone());
    let callable = Callable::new_in_place(
        view.colour(),
        move |request| {
            let (answer, change) = (from_any.call(request), change.clone());
            Waiting::new(async move { change(answer.await) })
        },
        move |request| finish(from_sync.call_sync(request)),
    );
    view.wrapped(decorator_name::<C>(), callable)
}

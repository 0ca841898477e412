//! The short forms of a decorator, as methods of the view.

use costrel::{Error, Request, Response, View, convert::IntoOutcome};

use crate::decorator::Decorator;

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
///
/// Book: [Write your own](../costrel_book/guide/write/index.html).
pub trait Decorate: Sized {
    /// Wraps the view in a sync function, which may block: [`Decorator::wrap`].
    ///
    /// ```
    /// use costrel::{App, View, current_app};
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
    /// # Ok::<(), costrel::Error>(())
    /// ```
    fn wrapped_by<W>(self, wrapper: W) -> View
    where
        W: Fn(&View, Request) -> Result<Response, Error> + Send + Sync + 'static;

    /// Wraps the view in an async function, which must not block: [`Decorator::wrap_async`].
    ///
    /// ```
    /// use costrel::{App, View};
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
    /// # Ok::<(), costrel::Error>(())
    /// ```
    fn wrapped_by_async<W, F>(self, wrapper: W) -> View
    where
        W: Fn(View, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send + 'static;

    /// Puts a guard in front of the view, which neither blocks nor waits: [`Decorator::guard`].
    ///
    /// ```
    /// use costrel::{App, View, abort};
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
    /// # Ok::<(), costrel::Error>(())
    /// ```
    fn guarded_by<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Clone + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>;

    /// Puts a guard in front of the view, which may block: [`Decorator::guard_sync`].
    ///
    /// ```
    /// use costrel::{App, View};
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
    /// # Ok::<(), costrel::Error>(())
    /// ```
    fn guarded_by_sync<G, O>(self, guard: G) -> View
    where
        G: Fn(&Request) -> O + Send + Sync + 'static,
        O: IntoOutcome<Option<Response>>;

    /// Changes the outcome of the view, without blocking or waiting: [`Decorator::after`].
    ///
    /// ```
    /// use costrel::{App, View};
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
    /// # Ok::<(), costrel::Error>(())
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

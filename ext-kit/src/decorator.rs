//! The forms of a decorator. Each closes over the view it decorates and gives a view again.

use costrel::{Callable, Error, IntoResponse, Request, Response, View, current_app, decorator_name};

/// Wraps views. What comes out is a view with the same name, to be registered, decorated or called.
///
/// Prefer [`wrapped_by_async`](Self::wrapped_by_async): it suits views of either colour, and a request it
/// refuses never touches a worker. [`wrapped_by`](Self::wrapped_by) is the literal port of a Flask decorator.
pub trait Decorate: Sized {
    /// Wraps the view in a sync function, as Flask's decorators do. The wrapper may block: it runs on a
    /// worker, and whatever it calls stays there.
    ///
    /// ```
    /// # use costrel::{App, Error, Response, View, current_app};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn shouting(view: View) -> View {
    ///     view.wrapped_by(|view, request| -> Result<Response, Error> {
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
    fn wrapped_by<R: IntoResponse>(self, wrapper: impl Fn(&View, Request) -> R + Send + Sync + 'static) -> View;

    /// Wraps the view in an async function. The wrapper runs on the event loop, so it must not block; a
    /// sync view beneath it runs on a worker.
    ///
    /// ```
    /// # use costrel::{App, Error, Response, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn shouting(view: View) -> View {
    ///     view.wrapped_by_async(|next, request| async move {
    ///         let mut response = next.call(request).await?;
    ///         response.headers_mut().insert("x-volume", "11".parse()?);
    ///         Ok::<Response, Error>(response)
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
        F: Future<Output: IntoResponse> + Send + 'static;

    /// Wraps the view in a sync check: `Some` response is the answer, `None` lets the request through to
    /// `current_app().ensure_sync(view)`.
    ///
    /// ```
    /// # use costrel::{App, Error, View};
    /// use costrel_ext_kit::Decorate;
    ///
    /// fn closed_on_sundays(view: View) -> View {
    ///     view.checked_by(|request| Ok((request.header("x-day") == Some("sunday")).then_some(("closed", 503))))
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(closed_on_sundays).view(async || "open");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").header("x-day", "sunday").wait()?.status(), 503);
    /// assert_eq!(client.get("/").wait()?.text(), "open");
    /// # Ok::<(), Error>(())
    /// ```
    fn checked_by<R: IntoResponse>(
        self,
        check: impl Fn(&Request) -> Result<Option<R>, Error> + Send + Sync + 'static,
    ) -> View;
}

impl Decorate for View {
    fn wrapped_by<R: IntoResponse>(self, wrapper: impl Fn(&View, Request) -> R + Send + Sync + 'static) -> View {
        wrap(self, wrapper)
    }

    fn wrapped_by_async<F>(self, wrapper: impl Fn(View, Request) -> F + Send + Sync + 'static) -> View
    where
        F: Future<Output: IntoResponse> + Send + 'static,
    {
        wrap_async(self, wrapper)
    }

    fn checked_by<R: IntoResponse>(
        self,
        check: impl Fn(&Request) -> Result<Option<R>, Error> + Send + Sync + 'static,
    ) -> View {
        wrap_checked(self, check)
    }
}

fn wrap<R: IntoResponse, W: Fn(&View, Request) -> R + Send + Sync + 'static>(view: View, wrapper: W) -> View {
    let inner = view.clone();
    view.wrapped(decorator_name::<W>(), Callable::new_sync(move |request| wrapper(&inner, request).into_response()))
}

fn wrap_async<F, W>(view: View, wrapper: W) -> View
where
    F: Future<Output: IntoResponse> + Send + 'static,
    W: Fn(View, Request) -> F + Send + Sync + 'static,
{
    let inner = view.clone();
    let callable = Callable::new_async(move |request| {
        let answer = wrapper(inner.clone(), request);
        async move { answer.await.into_response() }
    });
    view.wrapped(decorator_name::<W>(), callable)
}

fn wrap_checked<R: IntoResponse, C>(view: View, check: C) -> View
where
    C: Fn(&Request) -> Result<Option<R>, Error> + Send + Sync + 'static,
{
    let inner = view.clone();
    let answer = move |request: Request| -> Result<Response, Error> {
        match check(&request)? {
            Some(early) => early.into_response(),
            None => current_app().ensure_sync(&inner)(request),
        }
    };
    view.wrapped(decorator_name::<C>(), Callable::new_sync(answer))
}

//! The automatic answer to OPTIONS, through the decorators that claim it.

use http::header::{self, HeaderValue};

use super::View;
use crate::error::Error;
use crate::execution::{Callable, Waiting};
use crate::http_types::{IntoResponse, Request, Response};

/// A request extension: the request is OPTIONS, which no view of its path answers; the methods that the path takes.
#[derive(Clone)]
pub(crate) struct AutomaticOptions(pub(crate) HeaderValue);

impl AutomaticOptions {
    pub(crate) fn answer(&self) -> Result<Response, Error> {
        ("", [(header::ALLOW, self.0.clone())]).into_response()
    }
}

impl Request {
    /// Returns Costrel's own answer to this request, which has the methods of its path in `Allow`, if it is OPTIONS for a rule whose
    /// view does not take it and one of whose decorators claims it; `None` for any other request.
    ///
    /// ```
    /// use costrel::{App, Method, View, request};
    ///
    /// # fn claiming(view: View) -> View {
    /// #     let inner = view.clone().answering_options();
    /// #     let info = costrel::DecoratorInfo { claims_options: true, ..costrel::DecoratorInfo::new("claiming") };
    /// #     view.wrapped(info, costrel::Callable::new_async(move |request| inner.call(request)))
    /// # }
    /// let mut app = App::new("docs");
    /// app.before_request(|| request().automatic_options().map(|answer| (answer, 204)));
    /// app.rule("/").methods(["POST"]).decorate(claiming).view(|| "posted");
    /// let client = app.test_client();
    /// assert_eq!(client.open(Method::OPTIONS, "/").wait()?.header("allow"), Some("OPTIONS, POST"));
    /// assert_eq!(client.post("/").wait()?.text(), "posted");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn automatic_options(&self) -> Option<Response> {
        self.extension::<AutomaticOptions>()?.answer().ok()
    }
}

impl View {
    /// Returns the view that a decorator calls which claims OPTIONS for its rule, as CORS does for the preflights of
    /// browsers. For an OPTIONS request that Costrel answers itself, it is that answer, through the decorators further
    /// in that claim OPTIONS too; for any other request it is this view.
    ///
    /// Such a request runs neither the view nor the decorators that do not claim OPTIONS, so that none refuses it. The
    /// decorator's [`DecoratorInfo`](crate::DecoratorInfo) says `claims_options`; in `costrel-ext-kit`,
    /// `Decorator::claims_options` does both.
    ///
    /// ```
    /// use costrel::{App, Callable, DecoratorInfo, Error, HeaderValue, Method, View};
    ///
    /// fn open_to_all(view: View) -> View {
    ///     let inner = view.clone().answering_options();
    ///     let wrapper = Callable::new_async(move |request| {
    ///         let answer = inner.call(request);
    ///         async move {
    ///             let mut response = answer.await?;
    ///             response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    ///             Ok(response)
    ///         }
    ///     });
    ///     view.wrapped(DecoratorInfo { claims_options: true, ..DecoratorInfo::new("open_to_all") }, wrapper)
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").methods(["POST"]).decorate(open_to_all).view(|| "posted");
    /// let preflight = app.test_client().open(Method::OPTIONS, "/").wait()?;
    /// assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    /// assert_eq!(preflight.header("allow"), Some("OPTIONS, POST"));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn answering_options(self) -> Self {
        let (options, options_sync) = (self.options_view(), self.options_view());
        let (from_any, from_sync) = (self.clone(), self.clone());
        let callable = Callable::new_in_place(
            self.colour(),
            move |request: Request| match (request.extension::<AutomaticOptions>(), &options) {
                (None, _) => from_any.call(request),
                (Some(_), Some(further_in)) => further_in.call(request),
                (Some(automatic), None) => Waiting::ready(automatic.answer()),
            },
            move |request| match (request.extension::<AutomaticOptions>(), &options_sync) {
                (None, _) => from_sync.call_sync(request),
                (Some(_), Some(further_in)) => further_in.call_sync(request),
                (Some(automatic), None) => automatic.answer(),
            },
        );
        self.noting(|inner| inner.callable = callable)
    }

    pub(crate) fn claims_options(&self) -> bool {
        self.inner.options.is_some()
    }

    /// The view for OPTIONS requests that Costrel answers: the outermost decorator that claims them.
    pub(crate) fn options_view(&self) -> Option<Self> {
        let callable = self.inner.options.clone()?;
        Some(self.clone().noting(|inner| inner.callable = callable))
    }
}

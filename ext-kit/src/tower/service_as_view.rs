//! A tower service as a view.

use costrel::{Body, Bytes, Callable, Request, View, http};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::BoxError;
use super::ready::call_ready;

/// Makes a view of a tower service. The service gets the request unchanged, and is called only when it is ready; its
/// errors go to the app's error handlers.
///
/// ```
/// use std::convert::Infallible;
/// use costrel::{App, Body, Bytes, http};
/// use costrel_ext_kit::tower::{AppService, service_view};
///
/// let mut inner = App::new("inner");
/// inner.route("/mounted", || "from the inner app");
/// let mut app = App::new("outer");
/// app.fallback(service_view("inner", AppService::new(inner.build()?)));
/// assert_eq!(app.test_client().get("/mounted").wait()?.text(), "from the inner app");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn service_view<S, B>(name: &str, service: S) -> View
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Future: Send, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let answer = move |request: Request| {
        let service = service.clone();
        async move { call_ready(service, request.to_http().await?).await }
    };
    View::from_callable(name, Callable::new_async(answer))
}

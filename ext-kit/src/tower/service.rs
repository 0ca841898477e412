//! An app as a service, a service as a view.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Context, Poll};

use costrel::{Application, Body, Bytes, Callable, Error, Request, Response, View, http};
use futures_util::future::BoxFuture;
use http_body::Body as HttpBody;
use tower_service::Service;

use super::BoxError;

/// An app as a tower service: every request ends in a response, so it cannot fail.
///
/// ```
/// use costrel::{App, Body, http::Request};
/// use costrel_ext_kit::tower::AppService;
/// use tower_service::Service;
///
/// let mut app = App::new("docs");
/// app.route("/", || "hello");
/// let mut service = AppService::new(app.build()?);
/// let request = Request::get("/").body(Body::empty())?;
/// let response = costrel::async_to_sync(move |request| service.clone().call(request))(request)?;
/// assert_eq!(response?.status(), 200);
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AppService {
    application: Application,
}

impl AppService {
    /// The service of this app.
    pub fn new(application: Application) -> Self {
        Self { application }
    }
}

impl<B> Service<http::Request<B>> for AppService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let application = self.application.clone();
        Box::pin(async move { Ok(application.call(request.map(Body::new)).await) })
    }
}

/// A tower service as a view. It gets the request as it is, and is only called when it is ready; its errors
/// go to the app's error handlers.
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
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let answer = move |request: Request| {
        let service = service.clone();
        async move { call_ready(service, request.to_http().await?).await }
    };
    View::from_callable(name, Callable::new_async(answer))
}

/// Waits until `service` is ready, then calls it.
pub(super) async fn call_ready<S, B>(mut service: S, request: http::Request<Body>) -> Result<Response, Error>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    poll_fn(|context| service.poll_ready(context)).await.map_err(|error| Error::from_boxed(error.into()))?;
    let response = service.call(request).await.map_err(|error| Error::from_boxed(error.into()))?;
    Ok(response.map(Body::new))
}

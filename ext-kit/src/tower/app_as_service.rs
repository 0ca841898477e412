//! An app as a tower service.

use std::convert::Infallible;
use std::task::{Context, Poll};

use costrel::{Application, Bytes, Response, http};
use futures_util::future::BoxFuture;
use http_body::Body as HttpBody;
use tower_service::Service;

use super::BoxError;
use super::body::into_body;
use super::host::attach_origin;

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
///
/// Book: [tower, axum, hyper, tonic, poem](../../costrel_book/ext/tower/index.html).
#[doc(alias("wsgi_app", "asgi_app"))]
#[derive(Clone, Debug)]
pub struct AppService {
    application: Application,
}

impl AppService {
    /// Wraps `application` in a service.
    pub fn new(application: Application) -> Self {
        Self { application }
    }
}

impl<B> Service<http::Request<B>> for AppService
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let application = self.application.clone();
        let mut request = request.map(into_body);
        attach_origin(&mut request);
        Box::pin(async move { Ok(application.call(request).await) })
    }
}

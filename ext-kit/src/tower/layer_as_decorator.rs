//! A tower layer as a decorator.

use std::task::{Context, Poll};

use costrel::{Body, Bytes, Error, Request, Response, View, has_request_context, http, with_request};
use futures_util::future::BoxFuture;
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use super::BoxError;
use super::ready::call_ready;
use crate::decorator::Decorate;

/// Makes a decorator of any tower layer over HTTP: timeouts, compression, CORS, tracing, or a layer of your own.
///
/// The view beneath sees the layer's changes to the request in `request()`. Errors of the view pass through the layer
/// unchanged; the layer's own errors go to the app's error handlers.
///
/// A streamed body goes through the layer once: a decorator outside the layer that needs the body too, or that calls
/// the view again, calls [`get_data`](costrel::Request::get_data) first, which keeps the body.
///
/// ```
/// use costrel::App;
/// use costrel_ext_kit::tower::layered;
/// use tower_layer::Identity;
///
/// let mut app = App::new("docs");
/// app.rule("/").decorate(layered(Identity::new())).view(|| "hello");
/// assert_eq!(app.test_client().get("/").wait()?.text(), "hello");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn layered<L, B>(layer: L) -> impl Fn(View) -> View + Clone
where
    L: Layer<ViewService> + Clone,
    L::Service: Service<http::Request<Body>, Response = http::Response<B>, Future: Send, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    move |view: View| {
        let service = layer.layer(ViewService { view: view.clone() });
        view.wrapped_by_async(move |_view, request| through(service.clone(), request))
    }
}

/// Sends the request through the layer, with the original request attached so that the view finds its rule again.
async fn through<S, B>(service: S, request: Request) -> Result<Response, Error>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut http = request.to_http().await?;
    http.extensions_mut().insert(Matched(request));
    call_ready(service, http).await
}

/// The request as it was before the layer.
#[derive(Clone)]
struct Matched(Request);

/// A view as the service that a layer wraps.
#[derive(Clone, Debug)]
pub struct ViewService {
    view: View,
}

impl Service<http::Request<Body>> for ViewService {
    type Response = Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut http: http::Request<Body>) -> Self::Future {
        let matched = http.extensions_mut().remove::<Matched>();
        let (Some(Matched(request)), true) = (matched, has_request_context()) else {
            let error = Error::setup("the tower layer called the view with another request or in another task");
            return Box::pin(async move { Err(error.into()) });
        };
        let request = request.with_http(http);
        // Call the view inside the future, because a guard on it reads `request()` as soon as it is called.
        let view = self.view.clone();
        let answer = with_request(request.clone(), async move { view.call(request).await });
        Box::pin(async move { answer.await.map_err(BoxError::from) })
    }
}

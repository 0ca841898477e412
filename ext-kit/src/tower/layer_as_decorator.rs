//! A tower layer as a decorator.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use costrel::{
    Body, Bytes, Callable, Error, OnWebSocket, Request, Response, View, decorator_name, has_request_context, http,
    with_request,
};
use futures_util::future::BoxFuture;
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use super::BoxError;
use super::body::into_body;
use super::ready::call_ready;
use crate::decorator::Decorator;

/// Makes a decorator of any tower layer over HTTP: timeouts, compression, limits, tracing, or a layer of your own.
///
/// The view beneath sees the layer's changes to the request in `request()`, to its body too. Errors of the view pass
/// through the layer unchanged; the layer's own errors go to the app's error handlers. A body that a layer finds too long
/// is a 413.
///
/// A streamed body goes through the layer once: a decorator outside the layer that needs the body too, or that calls
/// the view again, calls [`get_data`](costrel::Request::get_data) first, which keeps the body.
///
/// The layer's service is made with the first request, on the event loop, because layers such as tower's buffer start
/// tasks. On a rule for WebSockets the layer is a set-up error, because layers are for responses; [`Decorator::layer`]
/// takes one with options.
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
    L: Layer<ViewService> + Clone + Send + Sync + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<B>, Future: Send, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    move |view: View| Decorator::new(view).layer(layer.clone())
}

impl Decorator {
    /// Wraps the view in a tower layer, as [`layered`] does, with the options of this decorator. With
    /// [`claims_options`](Self::claims_options), a CORS layer gets the preflights of its rule.
    ///
    /// ```
    /// use costrel::{App, Method, Phase, View};
    /// use costrel_ext_kit::Decorator;
    /// use tower_http::cors::CorsLayer;
    ///
    /// fn cors(view: View) -> View {
    ///     Decorator::new(view).phase(Phase::CORS).claims_options().layer(CorsLayer::permissive())
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").methods(["POST"]).decorate(cors).view(|| "posted");
    /// let client = app.test_client();
    /// let preflight = client.open(Method::OPTIONS, "/").header("origin", "https://a.example");
    /// let answer = preflight.header("access-control-request-method", "POST").wait()?;
    /// assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn layer<L, B>(self, layer: L) -> View
    where
        L: Layer<ViewService> + Send + Sync + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<B>, Future: Send, Error: Into<BoxError>>
            + Clone
            + Send
            + Sync
            + 'static,
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let (view, service) = (self.view().clone(), Arc::new(OnceLock::new()));
        let callable = Callable::new_async(move |request: Request| {
            // Made on the event loop, because some layers start a task.
            let made = || layer.layer(ViewService { view: view.clone() });
            let service: &L::Service = service.get_or_init(made);
            through(service.clone(), request)
        });
        let named = self.or_named(decorator_name::<L>).or_on_websocket(OnWebSocket::SetupError);
        named.finish::<L>(callable)
    }
}

/// Sends the request through the layer, with the original request attached so that the view finds its rule again.
async fn through<S, B>(service: S, request: Request) -> Result<Response, Error>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut http = request.to_http().await?;
    let is_endless = Arc::new(AtomicBool::new(false));
    http.extensions_mut().insert(Matched { request, is_endless: Arc::clone(&is_endless) });
    let response = call_ready(service, http).await?;
    Ok(if is_endless.load(Ordering::Relaxed) { response.map(Body::until_shutdown) } else { response })
}

/// The request as it was before the layer.
#[derive(Clone)]
struct Matched {
    request: Request,
    /// Whether the view's body ends with the server, which the layer's own body does not say.
    is_endless: Arc<AtomicBool>,
}

/// A view as the service that a layer wraps, for requests with any type of body.
#[derive(Clone, Debug)]
pub struct ViewService {
    view: View,
}

impl<B> Service<http::Request<B>> for ViewService
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, http: http::Request<B>) -> Self::Future {
        let view = self.view.clone();
        // All of it in the future, because a layer such as a buffer calls its service in another task and awaits the
        // future in this one.
        Box::pin(async move {
            let mut http = http.map(into_body);
            let matched = http.extensions_mut().remove::<Matched>();
            let (Some(Matched { request, is_endless }), true) = (matched, has_request_context()) else {
                let message = "the tower layer called the view with another request or in another task";
                return Err(Error::setup(message).into());
            };
            let request = request.with_http(http);
            let answer = with_request(request.clone(), async move { view.call(request).await });
            let response = answer.await.map_err(BoxError::from)?;
            is_endless.store(response.body().is_until_shutdown(), Ordering::Relaxed);
            Ok(response)
        })
    }
}

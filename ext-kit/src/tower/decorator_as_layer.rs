//! A decorator as a tower layer.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use costrel::{App, Application, Body, Bytes, Callable, Error, Request, Response, View, http};
use futures_util::future::BoxFuture;
use http_body::Body as HttpBody;
use parking_lot::Mutex;
use tower_layer::Layer;
use tower_service::Service;

use super::BoxError;
use super::host::attach_route;
use super::ready::call_ready;
use crate::place::HostRoute;

/// A decorator as a layer on any tower service over HTTP: axum, tonic, plain hyper.
///
/// A decorator needs an app, so the layer has its own: set up extensions on that app, and add hooks and error handlers
/// as you like. Inside the layer, `current_app` is that app.
///
/// ```
/// use costrel::{App, View, abort};
/// use costrel_ext_kit::{Decorate, tower::DecoratorLayer};
///
/// fn key_required(view: View) -> View {
///     view.guarded_by(|request| if request.header("x-key").is_some() { Ok(()) } else { abort(401) })
/// }
///
/// let layer = DecoratorLayer::new(App::new("layer"), key_required)?;
/// // axum: Router::new().route(..).layer(layer)
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// An error of the inner service goes to the app's error handlers; without a handler it is a 500.
///
/// The whole body is read before a sync decorator runs, up to `config.max_content_length`: for services that answer
/// while the client is still sending, such as gRPC streams, use the async forms. If the decorator and the service
/// beneath both keep a session, give one of them another `config.session_cookie_name`.
#[derive(Clone, Debug)]
pub struct DecoratorLayer {
    application: Application,
}

impl DecoratorLayer {
    /// Builds a layer from `decorator`, with `app` for its settings and extensions.
    ///
    /// # Errors
    /// The set-up errors of `app`, such as an extension that `decorator` requires and `app` lacks.
    pub fn new(mut app: App, decorator: impl FnOnce(View) -> View) -> Result<Self, Error> {
        app.fallback(decorator(View::from_callable("service", Callable::new_async(call_inner))));
        Ok(Self { application: app.build()? })
    }
}

impl<S> Layer<S> for DecoratorLayer {
    type Service = DecoratorService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DecoratorService { application: self.application.clone(), inner }
    }
}

/// The service that [`DecoratorLayer`] makes: a tower service behind a decorator.
#[derive(Clone)]
pub struct DecoratorService<S> {
    application: Application,
    inner: S,
}

impl<S> fmt::Debug for DecoratorService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecoratorService").finish_non_exhaustive()
    }
}

impl<S, B, C> Service<http::Request<B>> for DecoratorService<S>
where
    S: Service<http::Request<Body>, Response = http::Response<C>, Future: Send, Error: Into<BoxError>>
        + Clone
        + Send
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    C: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // Call the service that was polled ready, because its clone may not be ready yet.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone.clone());
        let mut request = request.map(Body::new);
        attach_route(&mut request);
        request.extensions_mut().insert(ReadyService::new(ready, clone));
        let application = self.application.clone();
        Box::pin(async move { Ok(application.call(request).await) })
    }
}

/// The view beneath the decorator: calls the inner service, which `DecoratorService::call` attached to the request.
async fn call_inner(request: Request) -> Result<Response, Error> {
    let inner = request.aside(|request| request.extension::<ReadyService>().cloned());
    let inner =
        inner.ok_or_else(|| Error::setup("the request no longer carries the inner service of the `DecoratorLayer`"))?;
    let mut http = request.to_http().await?;
    http.extensions_mut().remove::<ReadyService>();
    http.extensions_mut().remove::<HostRoute>();
    let answer = (inner.call.lock())(http);
    answer.await
}

/// A type-erased service that is ready for one request.
#[derive(Clone)]
struct ReadyService {
    call: Arc<Mutex<CallOnce>>,
}

type CallOnce = dyn FnMut(http::Request<Body>) -> BoxFuture<'static, Result<Response, Error>> + Send;

impl ReadyService {
    fn new<S, C>(ready: S, clone: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<C>, Future: Send, Error: Into<BoxError>>
            + Clone
            + Send
            + 'static,
        C: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let mut ready = Some(ready);
        let call = move |request| -> BoxFuture<'static, Result<Response, Error>> {
            match ready.take() {
                Some(mut service) => {
                    let answer = service.call(request);
                    Box::pin(async move {
                        let response = answer.await.map_err(|error| Error::from_boxed(error.into()))?;
                        Ok(response.map(Body::new))
                    })
                }
                // The decorator called the view again, as a retry does, so the clone must become ready first.
                None => Box::pin(call_ready(clone.clone(), request)),
            }
        };
        Self { call: Arc::new(Mutex::new(call)) }
    }
}

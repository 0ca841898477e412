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
use super::body::{into_body, into_error};
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
///
/// Book: [tower, axum, hyper, tonic, poem](../../costrel_book/ext/tower/index.html).
#[derive(Clone)]
pub struct DecoratorLayer<F = fn(Body) -> Body> {
    application: Application,
    tell_route: Option<Arc<TellRoute>>,
    /// Makes the inner service's type of body.
    convert: F,
}

/// A function that tells the route of a request.
type TellRoute = dyn Fn(&http::Request<Body>) -> Option<Arc<str>> + Send + Sync;

impl DecoratorLayer {
    /// Builds a layer from `decorator`, with `app` for its settings and extensions.
    ///
    /// # Errors
    /// The set-up errors of `app`, such as an extension that `decorator` requires and `app` lacks.
    pub fn new(mut app: App, decorator: impl FnOnce(View) -> View) -> Result<Self, Error> {
        app.fallback(decorator(View::from_callable("service", Callable::new_async(call_inner))));
        Ok(Self { application: app.build()?, tell_route: None, convert: std::convert::identity })
    }
}

impl<F> DecoratorLayer<F> {
    /// Sets the function that makes the body of the inner service's requests, for a service that takes one type of body
    /// alone. Default: Costrel's [`Body`], which services over any body take, such as axum's `Router` and tonic's `Routes`.
    ///
    /// ```
    /// use axum::middleware::{Next, from_fn};
    /// use costrel::{App, View};
    /// use costrel_ext_kit::tower::DecoratorLayer;
    /// use tower::ServiceBuilder;
    ///
    /// # fn key_required(view: View) -> View { view }
    /// async fn passing(request: axum::extract::Request, next: Next) -> axum::response::Response {
    ///     next.run(request).await
    /// }
    ///
    /// let layer = DecoratorLayer::new(App::new("layer"), key_required)?.request_body(axum::body::Body::new);
    /// let stack = ServiceBuilder::new().layer(layer).layer(from_fn(passing));
    /// # let _: axum::Router = axum::Router::new().layer(stack);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn request_body<G, T>(self, convert: G) -> DecoratorLayer<G>
    where
        G: Fn(Body) -> T + Clone,
    {
        DecoratorLayer { application: self.application, tell_route: self.tell_route, convert }
    }

    /// Sets the function that tells the route of a request, by which a limiter counts and [`key::route`](crate::key::route)
    /// goes. Around a whole router of another framework each path is a route of its own without it, because the
    /// layer runs before that router has matched anything. Where `tell` returns `None`, and by default, the route is what axum
    /// has matched, or else the path.
    ///
    /// ```
    /// use costrel::{App, Body, Response, View, http};
    /// use costrel_ext_kit::{Decorate, key, tower::DecoratorLayer};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # fn tell(view: View) -> View { view.guarded_by(|request| Some(key::route(request))) }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let router = service_fn(async |_: http::Request<Body>| Ok::<_, std::io::Error>(Response::default()));
    /// let layer = DecoratorLayer::new(App::new("layer"), tell)?
    ///     .route(|request| request.uri().path().starts_with("/users/").then_some("/users/{id}"));
    /// let response = layer.layer(router).call(http::Request::get("/users/7").body(Body::empty())?).await?;
    /// assert_eq!(response.into_body().collect().await?, "fallback /users/{id}");
    /// # Ok::<(), costrel::Error>(())
    /// # }).unwrap();
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn route<R: Into<Arc<str>>>(
        self,
        tell: impl Fn(&http::Request<Body>) -> Option<R> + Send + Sync + 'static,
    ) -> Self {
        Self { tell_route: Some(Arc::new(move |request| tell(request).map(Into::into))), ..self }
    }
}

impl<F> fmt::Debug for DecoratorLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecoratorLayer").field("application", &self.application).finish_non_exhaustive()
    }
}

impl<S, F: Clone> Layer<S> for DecoratorLayer<F> {
    type Service = DecoratorService<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        let (application, tell_route) = (self.application.clone(), self.tell_route.clone());
        DecoratorService { application, tell_route, convert: self.convert.clone(), inner }
    }
}

/// The service that [`DecoratorLayer`] makes: a tower service behind a decorator.
#[derive(Clone)]
pub struct DecoratorService<S, F = fn(Body) -> Body> {
    application: Application,
    tell_route: Option<Arc<TellRoute>>,
    convert: F,
    inner: S,
}

impl<S, F> fmt::Debug for DecoratorService<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecoratorService").finish_non_exhaustive()
    }
}

impl<S, B, C, F, T> Service<http::Request<B>> for DecoratorService<S, F>
where
    S: Service<http::Request<T>, Response = http::Response<C>, Future: Send, Error: Into<BoxError>>
        + Clone
        + Send
        + 'static,
    F: Fn(Body) -> T + Clone + Send + 'static,
    T: Send + 'static,
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
        let mut request = request.map(into_body);
        let told = self.tell_route.as_ref().and_then(|tell| tell(&request));
        attach_route(&mut request, told);
        request.extensions_mut().insert(ReadyService::new(ready, clone, self.convert.clone()));
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
    fn new<S, C, F, T>(ready: S, clone: S, convert: F) -> Self
    where
        S: Service<http::Request<T>, Response = http::Response<C>, Future: Send, Error: Into<BoxError>>
            + Clone
            + Send
            + 'static,
        C: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        F: Fn(Body) -> T + Send + 'static,
        T: Send + 'static,
    {
        let mut ready = Some(ready);
        let call = move |request: http::Request<Body>| -> BoxFuture<'static, Result<Response, Error>> {
            let request = request.map(&convert);
            match ready.take() {
                Some(mut service) => {
                    let answer = service.call(request);
                    Box::pin(async move {
                        let response = answer.await.map_err(|error| into_error(error.into()))?;
                        Ok(response.map(into_body))
                    })
                }
                // The decorator called the view again, as a retry does, so the clone must become ready first.
                None => Box::pin(call_ready(clone.clone(), request)),
            }
        };
        Self { call: Arc::new(Mutex::new(call)) }
    }
}

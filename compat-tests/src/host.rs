//! What serves a subject, and who visits it there.

mod conversation;
mod strict;

pub use strict::StrictService;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use costrel::http::header;
use costrel::{
    Application, Body, Bytes, Error, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, http,
};
use costrel_ext_kit::tower::{AppService, DecoratorLayer};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tower_layer::Layer;

/// What a subject is served by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// Requests go straight into the app.
    InProcess,
    /// A real server on a socket of this machine, on an event loop of one thread.
    Server,
    /// The same on an event loop of four threads.
    ServerOfThreads,
    /// A real server on an app whose requests hold a thread each, of which there is one.
    Threaded,
    /// The same with four threads.
    ThreadedOfFour,
    /// The app as a tower service behind a server of hyper's.
    Hyper,
    /// The decorator as a layer on axum, and the view in an app beneath it.
    Axum,
}

impl Host {
    /// Every host.
    pub const ALL: [Self; 7] = [
        Self::InProcess,
        Self::Server,
        Self::ServerOfThreads,
        Self::Threaded,
        Self::ThreadedOfFour,
        Self::Hyper,
        Self::Axum,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::Server => "server",
            Self::ServerOfThreads => "server_of_threads",
            Self::Threaded => "threaded",
            Self::ThreadedOfFour => "threaded_of_four",
            Self::Hyper => "hyper",
            Self::Axum => "axum",
        }
    }

    /// How many threads its event loop has.
    pub(crate) fn loop_threads(self) -> usize {
        if self == Self::ServerOfThreads { 4 } else { 1 }
    }

    /// How many threads its requests hold; `None` if they are on the event loop.
    pub(crate) fn threads(self) -> Option<usize> {
        match self {
            Self::Threaded => Some(1),
            Self::ThreadedOfFour => Some(4),
            _ => None,
        }
    }

    /// Makes `application` reachable.
    pub(crate) async fn open(self, application: Application) -> Result<Door, Error> {
        match self {
            Self::InProcess => Ok(Door::InProcess(application)),
            Self::Server | Self::ServerOfThreads | Self::Threaded | Self::ThreadedOfFour => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                let (stop, stopped) = oneshot::channel::<()>();
                tokio::spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });
                Ok(Door::Socket { address, _stop: Arc::new(stop) })
            }
            Self::Hyper | Self::Axum => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                let (stop, stopped) = oneshot::channel::<()>();
                tokio::spawn(serve_with_hyper(application, listener, stopped));
                Ok(Door::Socket { address, _stop: Arc::new(stop) })
            }
        }
    }
}

/// Makes `inner` reachable behind `layer`, on axum.
pub(crate) async fn open_axum(layer: DecoratorLayer, inner: StrictService) -> Result<Door, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = axum::Router::new().fallback_service(layer.layer(inner));
    let serving = axum::serve(listener.tap_io(|stream| at_once(stream)), router)
        .with_graceful_shutdown(async { drop(stopped.await) });
    tokio::spawn(serving.into_future());
    Ok(Door::Socket { address, _stop: Arc::new(stop) })
}

/// Sends small frames as they come: one that waits for the next costs a stream's client 40 ms each.
fn at_once(stream: &TcpStream) {
    // Where it cannot be set, what is served is slower and no less right.
    let _ = stream.set_nodelay(true);
}

/// What somebody writes who has a hyper server and puts an app into it.
async fn serve_with_hyper(application: Application, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { return };
        at_once(&stream);
        let service = TowerToHyperService::new(AppService::new(application.clone()));
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection.with_upgrades());
    }
}

/// A way to an app. The server behind it stops when the last clone is gone.
#[derive(Clone)]
pub(crate) enum Door {
    InProcess(Application),
    Socket { address: SocketAddr, _stop: Arc<oneshot::Sender<()>> },
}

/// A client with headers and cookies of its own.
#[derive(Clone)]
pub struct Visitor {
    door: Door,
    headers: HeaderMap,
    body: Bytes,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    /// Whether it asks for a WebSocket where it would GET.
    talks: bool,
}

/// A response, whole; of a WebSocket its handshake, with all it said as the body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Visitor {
    pub(crate) fn new(door: Door, talks: bool) -> Self {
        Self { door, headers: HeaderMap::new(), body: Bytes::new(), cookies: Arc::default(), talks }
    }

    /// The same visitor, sending this header with every request.
    ///
    /// # Panics
    /// If name or value are not valid.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        let value = HeaderValue::from_str(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        self.headers.insert(name, value);
        self
    }

    /// The same visitor, sending this body with every request.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends GET; where the subject is a WebSocket, asks for that and listens to its end.
    ///
    /// # Errors
    /// If no response came.
    pub async fn get(&self, path: &str) -> Result<Reply, Error> {
        if self.talks {
            return self.listen(path).await;
        }
        self.send(Method::GET, path).await
    }

    /// Sends GET so many times, one after the other and over one connection, and forgets what comes back: to use something
    /// up.
    ///
    /// # Errors
    /// If a response did not come.
    pub async fn get_often(&self, path: &str, times: usize) -> Result<(), Error> {
        match &self.door {
            Door::Socket { address, .. } if !self.talks => {
                let (mut sender, _connection) = connect(*address).await?;
                for _ in 0..times {
                    sender.ready().await?;
                    let request = self.request(Method::GET, path)?;
                    let response = sender.send_request(request).await?;
                    self.keep_cookies(response.headers());
                    let _forgotten = response.into_body().collect().await?;
                }
            }
            _ => {
                for _ in 0..times {
                    self.get(path).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends POST with a body that may take its time, straight into the app.
    pub(crate) async fn post_body(&self, path: &str, body: Body) -> Result<(), Error> {
        let Door::InProcess(application) = &self.door else { return Ok(()) };
        let request = self.request(Method::POST, path)?.map(|_| body);
        let _forgotten = application.call(request).await.into_body().collect().await?;
        Ok(())
    }

    /// Sends this method, as the subject wants it.
    pub(crate) async fn visit(&self, method: &Method, path: &str) -> Result<Reply, Error> {
        if method == Method::GET { self.get(path).await } else { self.send(method.clone(), path).await }
    }

    /// Sends POST.
    ///
    /// # Errors
    /// If no response came.
    pub async fn post(&self, path: &str) -> Result<Reply, Error> {
        self.send(Method::POST, path).await
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// If no response came.
    pub async fn send(&self, method: Method, path: &str) -> Result<Reply, Error> {
        let (response, _connection) = self.begin(method, path).await?;
        let (head, body) = response.into_parts();
        Ok(Reply { status: head.status, headers: head.headers, body: body.collect().await? })
    }

    /// Sends a request and gives the response as soon as its head is there. Dropping what it gives, or the
    /// future, leaves the server in the middle of it.
    pub(crate) async fn begin(&self, method: Method, path: &str) -> Result<(Response, Option<Connection>), Error> {
        let request = self.request(method, path)?;
        let (response, connection) = match &self.door {
            Door::InProcess(application) => (application.call(request).await, None),
            Door::Socket { address, .. } => {
                let (response, connection) = over_socket(*address, request).await?;
                (response, Some(connection))
            }
        };
        self.keep_cookies(response.headers());
        Ok((response, connection))
    }

    /// Sends GET straight into the app and tells how long the longest of its steps held the thread.
    pub(crate) async fn longest_step(&self, path: &str) -> Result<Duration, Error> {
        let Door::InProcess(application) = &self.door else { return Ok(Duration::ZERO) };
        let mut answering = Box::pin(application.call(self.request(Method::GET, path)?));
        let mut longest = Duration::ZERO;
        let response = poll_fn(|context| {
            let began = Instant::now();
            let polled = answering.as_mut().poll(context);
            longest = longest.max(began.elapsed());
            polled
        });
        self.keep_cookies(response.await.headers());
        Ok(longest)
    }

    async fn listen(&self, path: &str) -> Result<Reply, Error> {
        let mut request = self.request(Method::GET, path)?;
        request.extensions_mut().clear();
        let (status, headers, body) = match &self.door {
            Door::InProcess(application) => conversation::in_process(application, request).await?,
            Door::Socket { address, .. } => conversation::over_socket(*address, request).await?,
        };
        self.keep_cookies(&headers);
        Ok(Reply { status, headers, body })
    }

    /// What it sends.
    pub(crate) fn request(&self, method: Method, path: &str) -> Result<http::Request<Body>, Error> {
        let mut request = http::Request::builder().method(method).uri(path).body(Body::from(self.body.clone()))?;
        request.headers_mut().extend(self.headers.clone());
        if !self.body.is_empty() {
            request.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        let cookies: Vec<_> = self.cookies.lock().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse()?);
        }
        request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 1)));
        Ok(request)
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.contains("Max-Age=0") {
                self.cookies.lock().remove(name);
            } else {
                self.cookies.lock().insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// A connection that is closed when this is dropped.
pub(crate) struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connect(address: SocketAddr) -> Result<(SendRequest<Body>, Connection), Error> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving: BoxFuture<'static, ()> = Box::pin(async { drop(connection.await) });
    Ok((sender, Connection(tokio::spawn(driving).abort_handle())))
}

async fn over_socket(address: SocketAddr, request: http::Request<Body>) -> Result<(Response, Connection), Error> {
    let (mut sender, connection) = connect(address).await?;
    let response = sender.send_request(request).await?;
    Ok((response.map(|body| Body::new(body.boxed_unsync())), connection))
}

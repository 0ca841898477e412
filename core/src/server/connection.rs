//! A connection: its protocol, its limits, its requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "tls")]
use futures_util::future::Either;
use http::HeaderValue;
use http::Method;
use http::header::EXPECT;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection_clock::{ConnectionClock, InFlightRequest};
use super::hang_up::{HangUpTimer, Socket};
use super::in_flight::InFlightBody;
use super::lingering::Lingering;
use super::stall::RequestPermit;
#[cfg(any(feature = "http2", feature = "websocket"))]
use super::stream_task::StreamExecutor;
use super::timed_stream::{Faults, TimedStream};
use super::unread_body::UnreadBody;
use crate::config::ServerConfig;
use crate::context::Application;
use crate::error::Error;
use crate::http_types::{Body, Peer, Response, Scheme};
use crate::lifecycle::Running;
#[cfg(feature = "websocket")]
use crate::websocket::{Permits, is_handshake};

/// How connections are served: the versions of HTTP on one port, with TLS if there is a certificate.
#[cfg_attr(feature = "tls", derive(Clone))]
pub(super) struct Protocol {
    builder: Builder,
    settings: ServerConfig,
    /// Permits, one for each request that may be in flight, if there is a limit.
    permits: Option<Arc<Semaphore>>,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

/// hyper's builder of connections that speak HTTP/1.1 or HTTP/2, whichever the client begins with.
#[cfg(any(feature = "http2", feature = "websocket"))]
type Builder = hyper_util::server::conn::auto::Builder<StreamExecutor>;

/// hyper's builder of connections that speak HTTP/1.1 alone.
#[cfg(not(any(feature = "http2", feature = "websocket")))]
type Builder = hyper::server::conn::http1::Builder;

/// The smallest buffer that hyper takes.
const LEAST_HEADER_SIZE: usize = 8 << 10;

/// The number of headers that hyper takes when it is not told another.
const DEFAULT_MAX_HEADERS: usize = 100;

#[cfg(any(feature = "http2", feature = "websocket"))]
fn builder(settings: &ServerConfig) -> Builder {
    let header_size = settings.max_header_size.max(LEAST_HEADER_SIZE);
    let mut builder = Builder::new(StreamExecutor { response_timeout: settings.response_timeout });
    // `ConnectionClock` times heads and idle connections, because hyper's own clock would run between requests too.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_buf_size(header_size);
    // hyper has room for its default on the stack, and fills a list of any other size for each request.
    if settings.max_headers != DEFAULT_MAX_HEADERS {
        builder.http1().max_headers(settings.max_headers);
    }
    let list_size = u32::try_from(header_size).unwrap_or(u32::MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(list_size);
    if cfg!(feature = "http2") { builder } else { builder.http1_only() }
}

#[cfg(not(any(feature = "http2", feature = "websocket")))]
fn builder(settings: &ServerConfig) -> Builder {
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(None);
    builder.max_buf_size(settings.max_header_size.max(LEAST_HEADER_SIZE));
    if settings.max_headers != DEFAULT_MAX_HEADERS {
        builder.max_headers(settings.max_headers);
    }
    builder
}

impl Protocol {
    /// Sets up the protocol by the settings.
    ///
    /// # Errors
    /// If the certificate cannot be used.
    pub(crate) fn new(settings: &ServerConfig) -> Result<Self, Error> {
        let permits = settings.max_concurrent_requests.map(|most| Arc::new(Semaphore::new(most)));
        #[cfg(feature = "tls")]
        let tls = super::tls::acceptor(settings)?;
        #[cfg(not(feature = "tls"))]
        if settings.certfile.is_some() || settings.keyfile.is_some() {
            let message = "`config.server` has a certificate or a key, but Costrel was built without its feature `tls`";
            return Err(Error::setup_without_line(message));
        }
        Ok(Self {
            builder: builder(settings),
            settings: settings.clone(),
            permits,
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// Serves a connection to its end; the future borrows nothing.
    pub(super) fn serve(
        &self,
        application: Application,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        permit: Option<Arc<OwnedSemaphorePermit>>,
    ) -> impl Future<Output = Result<(), ConnectionError>> + Send + use<> {
        let peer = Peer { address: Some(peer), scheme: Some(Scheme::Http), root: None };
        let service = ConnectionService { application, peer, permit, permits: self.permits.clone() };
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Either::Left(Box::pin(self.clone().shake_hands(tls.clone(), stream, service, watcher)));
        }
        #[cfg(feature = "tls")]
        return Either::Right(self.talk(stream, service, watcher));
        #[cfg(not(feature = "tls"))]
        self.talk(stream, service, watcher)
    }

    #[cfg(feature = "tls")]
    async fn shake_hands(
        self,
        tls: tokio_rustls::TlsAcceptor,
        stream: TcpStream,
        service: ConnectionService,
        watcher: Watcher,
    ) -> Result<(), ConnectionError> {
        let handshake = tokio::time::timeout(self.settings.header_read_timeout, tls.accept(stream));
        let stopping = service.application.handle().run_state().stopping();
        let Some(shaken) = stopping.run_until_cancelled_owned(handshake).await else { return Ok(()) };
        let peer = Peer { scheme: Some(Scheme::Https), ..service.peer.clone() };
        self.talk(shaken??, ConnectionService { peer, ..service }, watcher).await
    }

    fn talk<S: Socket + Send + 'static>(
        &self,
        stream: S,
        service: ConnectionService,
        watcher: Watcher,
    ) -> impl Future<Output = Result<(), ConnectionError>> + Send + use<S> {
        let clock = Arc::new(ConnectionClock::new());
        let faults = Arc::new(Faults::default());
        let stopping = service.application.handle().run_state().stopping();
        let lingering = Lingering::new(&self.settings, stopping);
        let (request_clock, peer) = (clock.clone(), service.peer.address);
        let timed = TimedStream::new(stream, peer, clock.clone(), faults.clone(), lingering);
        let answer = service_fn(move |request: http::Request<Incoming>| {
            let has_body = !request.body().is_end_stream();
            let in_flight = InFlightRequest::begin(&request_clock, request.version(), has_body);
            service.answer(request, in_flight)
        });
        #[cfg(any(feature = "http2", feature = "websocket"))]
        let connection = self.builder.serve_connection_with_upgrades(TokioIo::new(timed), answer).into_owned();
        #[cfg(not(any(feature = "http2", feature = "websocket")))]
        let connection = self.builder.serve_connection(TokioIo::new(timed), answer);
        let timeout = clock.timed_out(self.settings.header_read_timeout, self.settings.keep_alive_timeout);
        let connection = watcher.watch(connection);
        TimedConnection { connection, timeout, clock, hang_up: HangUpTimer::default(), faults, peer }
    }
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

pin_project! {
    /// A connection that ends when its client is silent for too long, or has left.
    struct TimedConnection<C, T> {
        #[pin]
        connection: C,
        #[pin]
        timeout: T,
        clock: Arc<ConnectionClock>,
        hang_up: HangUpTimer,
        faults: Arc<Faults>,
        peer: Option<SocketAddr>,
    }
}

impl<C, T, E> Future for TimedConnection<C, T>
where
    C: Future<Output = Result<(), E>>,
    T: Future<Output = ()>,
    E: Into<ConnectionError>,
{
    type Output = Result<(), ConnectionError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Poll::Ready(ended) = this.connection.as_mut().poll(context) {
                return Poll::Ready(ended.map_err(|error| {
                    let error = error.into();
                    log_refused_head(&error, this.faults, *this.peer);
                    error
                }));
            }
            if !this.hang_up.is_due(this.clock.has_unread_bytes(), context) {
                break;
            }
            // Polled again, because the connection flushes its stream in each poll, and that is where it looks.
            this.clock.look_for_client();
        }
        this.timeout.poll(context).map(Ok)
    }
}

/// Logs the response that hyper itself has made, to a head that it or the check has refused.
fn log_refused_head(error: &ConnectionError, faults: &Faults, peer: Option<SocketAddr>) {
    let Some(error) = error.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()) else { return };
    let status = match error.to_string() {
        _ if !error.is_parse_too_large() => 400,
        too_large if too_large.contains("URI") => 414,
        _ => 431,
    };
    let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
    let fault = faults.fault().map_or_else(|| error.to_string(), str::to_owned);
    tracing::info!(status, peer, "{status} for a request that is no good HTTP/1.1: {fault}");
}

/// The service of a connection: the address of the client, and the app that handles its requests.
struct ConnectionService {
    application: Application,
    peer: Peer,
    /// The permit of the connection.
    #[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "only a conversation outlives its request"))]
    permit: Option<Arc<OwnedSemaphorePermit>>,
    permits: Option<Arc<Semaphore>>,
}

impl ConnectionService {
    fn answer(
        &self,
        request: http::Request<Incoming>,
        in_flight: InFlightRequest,
    ) -> impl Future<Output = Result<http::Response<InFlightBody>, Infallible>> + use<> {
        let is_bare = in_flight.is_http2() && *request.method() == Method::HEAD;
        let permit = self.permits.as_ref().map(|permits| permits.clone().try_acquire_owned());
        let (calling, permit) = match permit {
            _ if has_odd_expectation(&request) => (Err(self.refuse(request, &Error::status(417))), None),
            Some(Err(_)) => (Err(self.refuse(request, &Error::busy())), None),
            Some(Ok(permit)) => {
                let permit = Arc::new(permit);
                (Ok(self.call(request, Some(&permit))), Some(permit))
            }
            None => (Ok(self.call(request, None)), None),
        };
        let permit = permit.map(RequestPermit::new);
        if let Some(permit) = &permit {
            in_flight.may_release(permit);
        }
        async move {
            let mut response = match calling {
                Ok(calling) => calling.await,
                Err(refused) => refused,
            };
            // hyper leaves the body out in HTTP/1.1 alone, and refusals have one.
            if is_bare {
                *response.body_mut() = Body::empty();
            }
            Ok(response.map(|body| InFlightBody::new(body, in_flight, permit)))
        }
    }

    #[cfg_attr(not(feature = "websocket"), expect(unused, reason = "only a conversation outlives its request"))]
    fn call(&self, request: http::Request<Incoming>, permit: Option<&Arc<OwnedSemaphorePermit>>) -> Running {
        // A client that waits for the server's word need not send a body that is not wanted.
        let is_drained = !request.body().is_end_stream() && !request.headers().contains_key(EXPECT);
        let app = self.application.handle();
        let mut request = request
            .map(|body| if is_drained { Body::new(UnreadBody::new(body, app.clone())) } else { Body::new(body) });
        #[cfg(feature = "websocket")]
        if is_handshake(&request) {
            // A conversation outlives its handshake, so it keeps both permits: the connection's and the request's.
            request.extensions_mut().insert(Permits::new([self.permit.clone(), permit.cloned()]));
        }
        self.application.call_from_server(self.peer.clone(), request)
    }

    /// Answers a request that is not let in, and whose body is left unread.
    fn refuse(&self, request: http::Request<Incoming>, error: &Error) -> Response {
        self.application.refuse_from_server(self.peer.clone(), request.map(|_| Body::empty()), error)
    }
}

/// Whether a request expects what the server does not know; RFC 9110, 10.1.1.
fn has_odd_expectation(request: &http::Request<Incoming>) -> bool {
    let is_odd = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    // Asked first whether it is there, because hardly any request has it.
    request.headers().contains_key(EXPECT) && request.headers().get_all(EXPECT).iter().any(is_odd)
}

//! From a socket to the app: the only file that knows the network.

use std::convert::Infallible;
use std::future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::time;

use crate::app::App;
use crate::application::Application;
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::response::Response;

/// How long a client may take to send a request's head.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests in flight may take when the server has been told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Rest after the system could not give us a connection, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl App {
    /// Builds the app and serves it on `address` (`"127.0.0.1:5000"`) until ctrl-c, on an event loop of its own.
    ///
    /// # Errors
    /// The app's mistakes, or why the address cannot be had.
    pub fn run(self, address: &str) -> Result<(), Error> {
        self.build()?.run(address)
    }
}

impl Application {
    /// Serves on `address` (`"127.0.0.1:5000"`) until ctrl-c or SIGTERM, on an event loop of its own.
    ///
    /// # Errors
    /// Why the address cannot be had.
    pub fn run(&self, address: &str) -> Result<(), Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::on_event_loop());
        }
        let event_loop = Builder::new_multi_thread().enable_all().build()?;
        let outcome = event_loop.block_on(async {
            let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
            tracing::info!("Serving `{}` on http://{} (ctrl-c to stop)", self.current().name(), listener.local_addr()?);
            tokio::select! {
                served = self.serve(listener, stop_signal()) => served,
                () = second_stop_signal() => Ok(()),
            }
        });
        // Sync code that is still blocked must not keep the process.
        event_loop.shutdown_background();
        outcome
    }

    /// Serves connections from `listener` until `shutdown` is ready; then requests in flight are finished,
    /// for ten seconds at most, and no new ones accepted.
    ///
    /// ```
    /// # use costrel::App;
    /// # use tokio::net::TcpListener;
    /// # use tokio::sync::oneshot;
    /// # let event_loop = tokio::runtime::Runtime::new()?;
    /// # event_loop.block_on(async {
    /// # let mut app = App::new("docs");
    /// # app.route("/", || "hello");
    /// let application = app.build()?;
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let (stop, stopped) = oneshot::channel::<()>();
    /// let server = tokio::spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });
    /// drop(stop);
    /// server.await??;
    /// # Ok::<(), costrel::Error>(())
    /// # })?;
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// None today; a listener that cannot accept for a while is logged and tried again.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let connections = GracefulShutdown::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.spawn_connection(stream, peer, &connections),
                Err(error) => {
                    tracing::error!("cannot accept a connection: {error}");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        tracing::info!("Stopping: finishing the requests in flight (ctrl-c again to stop at once)");
        let drained = async {
            connections.shutdown().await;
            self.tables().tasks.wait().await;
        };
        if time::timeout(SHUTDOWN_TIMEOUT, drained).await.is_err() {
            tracing::warn!("some requests did not finish within {SHUTDOWN_TIMEOUT:?} and were given up");
        }
        Ok(())
    }

    fn spawn_connection(&self, stream: TcpStream, peer: SocketAddr, connections: &GracefulShutdown) {
        // Without it small responses may wait for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {error}");
        }
        let application = self.clone();
        let service = service_fn(move |request: http::Request<Incoming>| {
            let application = application.clone();
            async move { Ok::<Response, Infallible>(application.call(receive(request, peer)).await) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
        let connection = connections.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection from {peer} ended: {error}");
            }
        });
    }
}

fn receive(request: http::Request<Incoming>, peer: SocketAddr) -> http::Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    request
}

fn cannot_listen(address: &str, error: &std::io::Error) -> Error {
    let remedy = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program uses it: stop that one or choose another port (on the command line with --port)"
        }
        std::io::ErrorKind::PermissionDenied => "it needs more rights: choose a port above 1023",
        _ => "use an address of this machine with a port, such as 127.0.0.1:5000",
    };
    Error::new(ErrorKind::Other, format!("cannot listen on {address}: {error}; {remedy}"))
}

/// Ready on ctrl-c or SIGTERM.
async fn stop_signal() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!("cannot listen for ctrl-c: {error}");
            future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

/// Ready when somebody insists.
async fn second_stop_signal() {
    stop_signal().await;
    stop_signal().await;
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    future::pending().await
}

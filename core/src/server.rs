//! The server, which takes requests from a socket to the app. Only this module uses the network.

mod connection;
#[cfg(any(feature = "http2", feature = "websocket"))]
mod stream_task;
mod unread_body;
mod in_flight;
mod timed_stream;
mod lingering;
mod http1_check;
mod http2_answers;
mod connection_clock;
mod stall;
mod hang_up;
mod stop_signals;
#[cfg(feature = "tls")]
mod tls;

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use futures_util::FutureExt;
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time;

use crate::app::App;
use crate::context::Application;
use crate::error::{Error, ErrorKind};

use connection::Protocol;
pub(crate) use stop_signals::StopSignals;

/// The pause after a failed `accept`, which most likely means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The time that cancelled connections have to end at shutdown.
const CANCELLED_END: Duration = Duration::from_secs(1);

impl App {
    /// Builds the app and serves it on `address` (`"127.0.0.1:5000"`) until ctrl-c or SIGTERM, on an event
    /// loop of its own.
    ///
    /// # Errors
    /// The app's set-up errors, or if the server cannot listen on the address.
    #[doc(alias = "run_task")]
    pub fn run(self, address: &str) -> Result<(), Error> {
        self.build()?.run(address)
    }
}

impl Application {
    /// Serves on `address` (`"127.0.0.1:5000"`) until ctrl-c or SIGTERM, on an event loop of its own.
    ///
    /// # Errors
    /// If the server cannot listen on the address.
    pub fn run(&self, address: &str) -> Result<(), Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::on_event_loop());
        }
        let event_loop = self.new_event_loop()?;
        let outcome = event_loop.block_on(async {
            let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
            let scheme = if self.handle().config().server.certfile.is_some() { "https" } else { "http" };
            // Before the line that tells others that the server may be stopped.
            let (mut first, mut second) = (StopSignals::listen(), StopSignals::listen());
            tracing::info!(
                "Serving `{}` on {scheme}://{} (ctrl-c to stop)",
                self.handle().name(),
                listener.local_addr()?
            );
            tokio::select! {
                served = self.serve(listener, first.next().map(drop)) => served,
                // The second signal stops the server at once.
                _ = async { second.next().await; second.next().await } => Ok(()),
            }
        });
        // In the background, because sync code that is still blocked must not keep the process alive.
        event_loop.shutdown_background();
        outcome
    }

    /// Starts an event loop for this app.
    pub(crate) fn new_event_loop(&self) -> Result<Runtime, Error> {
        // Beside one thread for each core, as many to spare for sync code in place.
        let threads = if self.runs_in_place() { 2 * cores() } else { cores() };
        Ok(Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
    }

    /// Lets sync code run in place, if the app allows it and the current event loop has threads to spare.
    pub(crate) fn allow_in_place(&self) {
        if self.runs_in_place() {
            self.handle().run_state().find_spare_threads();
        }
    }

    /// Serves connections from `listener` until `shutdown` is ready. Then it accepts no new ones, finishes the
    /// requests in flight, within `config.server.shutdown_timeout`, and closes WebSockets. The functions of
    /// `before_serving`, `while_serving` and `after_serving` run before and after this. Dropping the future ends the open
    /// connections at once.
    ///
    /// ```
    /// use costrel::App;
    /// use tokio::net::TcpListener;
    /// use tokio::sync::oneshot;
    ///
    /// # let event_loop = tokio::runtime::Runtime::new()?;
    /// # event_loop.block_on(async {
    /// let mut app = App::new("docs");
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
    /// If the app cannot start, because of a function of `before_serving` or `while_serving` or a certificate; or the
    /// first error of its shutdown. A failed `accept` is logged and tried again.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let shutdown = pin!(shutdown);
        let server = Server::new(self)?;
        // A shutdown that arrives during start-up lets start-up finish, so every hook that ran is also undone.
        let started = self.handle().startup().await?;
        self.allow_in_place();
        server.accept(listener, shutdown).await;
        tracing::info!("Stopping: finishing the requests in flight (ctrl-c again to stop at once)");
        self.handle().run_state().stop();
        server.drain().await;
        self.handle().run_state().forget_spare_threads();
        started.shutdown().await
    }
}

/// The state that all connections share.
struct Server {
    application: Application,
    protocol: Protocol,
    connections: GracefulShutdown,
    /// Permits, one for each connection that may be open, if there is a limit.
    permits: Option<Arc<Semaphore>>,
    /// Tasks: one for each connection. Aborted when the drain is over; a token to watch would cost each request more.
    tasks: Mutex<JoinSet<()>>,
}

impl Server {
    fn new(application: &Application) -> Result<Self, Error> {
        let settings = &application.handle().config().server;
        let permits = settings.max_connections.map(|most| Arc::new(Semaphore::new(most)));
        let (application, protocol) = (application.clone(), Protocol::new(settings)?);
        Ok(Self { application, protocol, connections: GracefulShutdown::new(), permits, tasks: Mutex::default() })
    }

    async fn accept(&self, listener: TcpListener, mut shutdown: Pin<&mut impl Future<Output = ()>>) {
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => return,
                accepted = self.next(&listener) => accepted,
            };
            match accepted {
                Ok((stream, peer, permit)) => self.spawn_connection(stream, peer, permit),
                Err(error) => {
                    tracing::error!("cannot accept a connection: {error}");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn next(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
        let permit = match &self.permits {
            Some(permits) => permits.clone().acquire_owned().await.ok(),
            None => None,
        };
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer, permit))
    }

    fn spawn_connection(&self, stream: TcpStream, peer: SocketAddr, permit: Option<OwnedSemaphorePermit>) {
        // Without TCP_NODELAY small responses may wait for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {error}");
        }
        let (application, permit) = (self.application.clone(), permit.map(Arc::new));
        let connection = self.protocol.serve(application, stream, peer, self.connections.watcher(), permit.clone());
        let mut tasks = self.tasks.lock();
        // Those that have ended are forgotten, so that the set does not grow.
        while tasks.try_join_next().is_some() {}
        // No `async` block, whose future would have room for the connection twice.
        tasks.spawn(connection.map(move |ended| {
            if let Err(error) = ended {
                tracing::debug!("connection from {peer} ended: {error}");
            }
            drop(permit);
        }));
    }

    /// Waits for the requests in flight, cancels them after `shutdown_timeout`, and waits for their end.
    async fn drain(self) {
        let app = self.application.handle();
        let limit = app.config().server.shutdown_timeout;
        let in_flight = async {
            self.connections.shutdown().await;
            app.run_state().teardowns().wait().await;
        };
        if time::timeout(limit, in_flight).await.is_err() {
            tracing::warn!("some requests did not finish within {limit:?} and were cancelled");
        }
        // Teardown of a cancelled request begins when its task ends: at once, unless async code blocks its thread.
        let _ = time::timeout(CANCELLED_END, self.tasks.into_inner().shutdown()).await;
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
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

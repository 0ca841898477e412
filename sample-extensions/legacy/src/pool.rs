//! The connections to the old app.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::http::{Request, Response};
use costrel_ext_kit::Clock;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::Address;
use crate::body::Upload;

/// The time for which an idle connection is used again, and after which the next that becomes idle closes it. A server that keeps
/// them for less closes them before.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// The connections to the old app. A request takes one that is idle, and only if there is none a new one is opened, for it
/// alone: a server with a thread for each connection would wait on one that stays unused.
#[derive(Debug)]
pub(crate) struct Pool {
    address: Address,
    connect_timeout: Duration,
    clock: Clock,
    /// The newest is the last, and is taken first.
    idle: Arc<Mutex<VecDeque<Idle>>>,
}

/// A connection whose last response has ended.
#[derive(Debug)]
struct Idle {
    sender: SendRequest<Upload>,
    since: Instant,
}

/// The reason why a request got no response.
#[derive(Debug)]
pub(crate) enum PoolError {
    /// There was no connection to send it on.
    Connect(io::Error),
    /// The connection failed, on which a response had come before if it `was_used`.
    Sent { error: hyper::Error, was_used: bool },
}

impl Pool {
    pub(crate) fn new(address: Address, connect_timeout: Duration) -> Self {
        Self { address, connect_timeout, clock: Clock::default(), idle: Arc::default() }
    }

    /// Sends a request, and waits for the head of its response.
    pub(crate) async fn send(&self, mut request: Request<Upload>) -> Result<Response<Incoming>, PoolError> {
        while let Some(mut sender) = self.take_idle() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(sender, response)),
                Err(mut failed) => match failed.take_message() {
                    // The old app has closed the connection, and nothing of the request was sent.
                    Some(unsent) => request = unsent,
                    None => return Err(PoolError::Sent { error: failed.into_error(), was_used: true }),
                },
            }
        }
        let mut sender = self.connect().await?;
        let sent = sender.send_request(request).await;
        let response = sent.map_err(|error| PoolError::Sent { error, was_used: false })?;
        Ok(self.keep(sender, response))
    }

    fn take_idle(&self) -> Option<SendRequest<Upload>> {
        let mut idle = self.idle.lock();
        while let Some(Idle { sender, since }) = idle.pop_back() {
            if sender.is_ready() && self.clock.now().saturating_duration_since(since) < POOL_IDLE {
                return Some(sender);
            }
        }
        None
    }

    /// Keeps a connection for the next request, once this response has ended well.
    fn keep(&self, mut sender: SendRequest<Upload>, response: Response<Incoming>) -> Response<Incoming> {
        let (idle, clock) = (self.idle.clone(), self.clock.clone());
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                let (now, mut idle) = (clock.now(), idle.lock());
                while idle.front().is_some_and(|old| now.saturating_duration_since(old.since) >= POOL_IDLE) {
                    idle.pop_front();
                }
                idle.push_back(Idle { sender, since: now });
            }
        });
        response
    }

    async fn connect(&self) -> Result<SendRequest<Upload>, PoolError> {
        let late = |_| Err(io::ErrorKind::TimedOut.into());
        let stream = timeout(self.connect_timeout, open(&self.address)).await.unwrap_or_else(late);
        let shaken = handshake(TokioIo::new(stream.map_err(PoolError::Connect)?)).await;
        let (sender, connection) = shaken.map_err(|error| PoolError::Sent { error, was_used: false })?;
        // It ends with its error, which its request gets too.
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        Ok(sender)
    }
}

/// The bytes of a connection, of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn open(address: &Address) -> io::Result<Box<dyn Stream>> {
    match address {
        Address::Tcp { host, port, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

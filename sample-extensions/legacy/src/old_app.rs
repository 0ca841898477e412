//! The old app: its timeouts, and second tries.

use std::io;
use std::pin::pin;
use std::time::Duration;

use costrel::http::{Request, Response};
use costrel::{Body, Error, current_app};
use hyper::body::Incoming;
use tokio::time::sleep;

use crate::address::Address;
use crate::body::{Progress, Upload};
use crate::error::LegacyError;
use crate::pool::{Pool, PoolError};

/// How often a request is sent at most, as long as each connection turns out to be one that the old app was closing.
const TRIES: usize = 3;

/// The old app, with its pool of connections.
#[derive(Debug)]
pub(crate) struct OldApp {
    pub(crate) address: Address,
    pool: Pool,
    head_timeout: Duration,
}

impl OldApp {
    pub(crate) fn new(address: Address, connect_timeout: Duration, head_timeout: Duration) -> Self {
        Self { pool: Pool::new(address.clone(), connect_timeout), address, head_timeout }
    }

    /// Sends a request, and waits for the head of its response. A request that may be repeated is sent again where the old
    /// app closed a connection of the pool at that moment; any other is sent once.
    ///
    /// # Errors
    /// A [`LegacyError`], or the error with which the client's body broke off.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        let (head, body) = request.into_parts();
        let whole = body.as_bytes().cloned().filter(|_| head.method.is_idempotent());
        let mut request = Request::from_parts(head.clone(), body);
        let mut left = TRIES;
        loop {
            let failure = match self.send_once(request).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            left -= 1;
            request = match &whole {
                Some(whole) if failure.is_stale && left > 0 => Request::from_parts(head.clone(), whole.clone().into()),
                _ => return Err(failure.error),
            };
        }
    }

    async fn send_once(&self, request: Request<Body>) -> Result<Response<Incoming>, Failure> {
        let (head, body) = request.into_parts();
        let (upload, progress) = Upload::new(body);
        let mut upload_is_late = pin!(passes(current_app().config().server.body_timeout));
        let mut sending = pin!(self.pool.send(Request::from_parts(head, upload)));
        let answered = loop {
            tokio::select! {
                biased;
                answered = &mut sending => break answered,
                // The time begins anew with each part of the body that went out.
                () = progress.moved.notified() => {}
                // Or a client that sends now and then a byte would hold a worker of the old app for as long as it likes.
                () = &mut upload_is_late, if !progress.is_over() => {
                    let slow = Error::status(408).with_message("The body took too long to arrive.");
                    return Err(Failure { error: slow, is_stale: false });
                }
                () = sleep(self.head_timeout) => return Err(self.failed(LegacyError::HeadTimeout, "no head in time")),
            }
        };
        answered.map_err(|error| self.failure(&error, &progress))
    }

    fn failure(&self, error: &PoolError, progress: &Progress) -> Failure {
        if let Some(error) = progress.failure() {
            return Failure { error, is_stale: false };
        }
        let why = kind(error);
        let is_stale = why == LegacyError::Closed && matches!(error, PoolError::Sent { was_used: true, .. });
        Failure { is_stale, ..self.failed(why, &format!("{error:?}")) }
    }

    fn failed(&self, why: LegacyError, how: &str) -> Failure {
        tracing::warn!("the old app at {}: {why} ({how})", self.address);
        Failure { error: why.refusal(), is_stale: false }
    }
}

/// A request that got no response.
struct Failure {
    error: Error,
    /// Whether the old app closed a connection of the pool.
    is_stale: bool,
}

fn kind(error: &PoolError) -> LegacyError {
    match error {
        PoolError::Connect(error) if error.kind() == io::ErrorKind::TimedOut => LegacyError::ConnectTimeout,
        PoolError::Connect(_) => LegacyError::Away,
        PoolError::Sent { error, .. } if error.is_parse() => LegacyError::Unreadable,
        PoolError::Sent { .. } => LegacyError::Closed,
    }
}

/// Waits for so long; for ever if there is no time.
async fn passes(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

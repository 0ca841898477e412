//! The old app's connections, timeouts and second tries.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::time::Duration;

use costrel::http::{Extensions, Request, Response};
use costrel::{Body, Error, current_app};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::sleep;

use crate::address::Address;
use crate::body::{Progress, Upload};
use crate::connector::{Connector, Uses};
use crate::error::LegacyError;

/// The time for which an idle connection is kept. A server that keeps them for less closes them before.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// How often a request is sent at most, as long as each connection turns out to be one that the old app was closing.
const TRIES: usize = 3;

/// The old app, with its pool of connections.
#[derive(Debug)]
pub(crate) struct OldApp {
    pub(crate) address: Address,
    client: Client<Connector, Upload>,
    head_timeout: Duration,
}

impl OldApp {
    pub(crate) fn new(address: Address, connect_timeout: Duration, head_timeout: Duration) -> Self {
        let connector = Connector { address: address.clone(), timeout: connect_timeout };
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
        Self { address, client: builder.build(connector), head_timeout }
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
        let mut sending = pin!(self.client.request(Request::from_parts(head, upload)));
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
        match answered {
            Ok(response) => {
                response.extensions().get::<Uses>().inspect(|uses| uses.count());
                Ok(response)
            }
            Err(error) => Err(self.failure(&error, &progress)),
        }
    }

    fn failure(&self, error: &ClientError, progress: &Progress) -> Failure {
        if let Some(error) = progress.failure() {
            return Failure { error, is_stale: false };
        }
        let why = kind(error);
        let is_stale = why == LegacyError::Closed && was_used(error);
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

fn kind(error: &ClientError) -> LegacyError {
    let timed_out = cause::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
    let is_parse = cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse);
    match error.is_connect() {
        true if timed_out => LegacyError::ConnectTimeout,
        true => LegacyError::Away,
        false if is_parse => LegacyError::Unreadable,
        false => LegacyError::Closed,
    }
}

/// Whether a response had come over the connection before.
fn was_used(error: &ClientError) -> bool {
    let mut extras = Extensions::new();
    error.connect_info().inspect(|info| info.get_extras(&mut extras));
    extras.get::<Uses>().is_some_and(|uses| !uses.is_none())
}

fn cause<E: StdError + 'static>(error: &ClientError) -> Option<&E> {
    let mut causes = std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source());
    causes.find_map(|error| error.downcast_ref())
}

/// Waits for so long; for ever if there is no time.
async fn passes(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

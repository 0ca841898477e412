//! The connection to a Redis server or cluster.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{Error, ErrorKind};
use costrel_ext_kit::Clock;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared};
use parking_lot::Mutex;
use redis::aio::{ConnectionLike, MultiplexedConnection};
#[cfg(feature = "redis-cluster")]
use redis::cluster::ClusterClient;
#[cfg(feature = "redis-cluster")]
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError, RedisFuture, Value, cmd};
use tokio::runtime::Handle;

use super::errors::no_connection;

/// The longest time for a connection, and for an answer. A [`Failover`](crate::Failover) waits less.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A Redis server or cluster: one connection, which carries the calls of all requests at a time, of sync and async ones. It is
/// made by the first call, and made anew when it fails. Clones share it.
///
/// ```no_run
/// use costrel_stores::{Redis, RedisCounters, RedisEntries};
///
/// let redis = Redis::open("redis://127.0.0.1:6379/0")?;
/// let (counters, entries) = (RedisCounters::new(&redis), RedisEntries::new(&redis));
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    open: Mutex<Open>,
}

/// A connection with its number, that is being made for all who wait for it; so is the error, if none can be made.
type Opening = BoxFuture<'static, Result<(u64, Connection), Error>>;

#[derive(Default)]
struct Open {
    connection: Option<Connection>,
    /// The connection that is being made, as long as a caller waits for it.
    opening: Option<WeakShared<Opening>>,
    /// The number of connections so far, which names this one.
    number: u64,
    /// The time of the first call since the last answer. Calls may be dropped before they fail, and a connection whose other end
    /// is gone would take calls for many minutes.
    unanswered_since: Option<Instant>,
}

enum Server {
    One(Box<Client>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    #[cfg(feature = "redis-cluster")]
    Cluster(ClusterConnection),
}

impl Redis {
    /// Reads the URL of a server, as in Flask-Limiter and Flask-Caching: `redis://user:password@host:port/database`,
    /// `rediss://` for TLS (feature `redis-tls`), `redis+unix:///path/to.sock?db=0` for a socket, and
    /// `redis+cluster://user:password@host:port,host:port` for a cluster (feature `redis-cluster`), `rediss+cluster://` for one over
    /// TLS. User and password in front of the first node are those of every node that has none; a comma in them is best written
    /// as `%2C`. No connection is made yet.
    ///
    /// TLS is by rustls, with its cryptography of the process if there is one, and `ring` if there is not.
    ///
    /// # Errors
    /// A set-up error if the URL is none of these.
    #[track_caller]
    pub fn open(url: &str) -> Result<Self, Error> {
        let location = Location::caller();
        let server = Server::open(url).map_err(|reason| wrong_url(url, &reason).with_location(location))?;
        Ok(Self { shared: Arc::new(Shared { server, open: Mutex::default() }) })
    }

    /// Whether the keys of a call must be in one slot, because each node has some of the slots.
    pub(super) fn is_cluster(&self) -> bool {
        !matches!(self.shared.server, Server::One(_))
    }

    /// Calls the server by `call`; once more if the connection turns out to be one that the server has closed.
    pub(super) async fn run<T, F>(&self, call: impl Fn(Connection) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let (number, connection) = self.connection().await?;
        match self.answered(call(connection).await) {
            Err(error) if error.is_unrecoverable_error() => {
                self.close(number);
                let (number, connection) = self.connection().await?;
                self.answered(call(connection).await).map_err(|error| self.failed(number, error))
            }
            result => result.map_err(|error| self.failed(number, error)),
        }
    }

    fn answered<T>(&self, result: T) -> T {
        self.shared.open.lock().unanswered_since = None;
        result
    }

    /// Sends one command.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.run(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    /// Removes these keys; tells how many there were.
    pub(super) async fn delete(&self, keys: &[String]) -> Result<u64, Error> {
        if keys.is_empty() { Ok(0) } else { self.call(cmd("UNLINK").arg(keys)).await }
    }

    fn failed(&self, number: u64, error: RedisError) -> Error {
        if error.is_io_error() {
            self.close(number);
        }
        Error::from(error)
    }

    /// Forgets the connection with this number, so that the next call makes another.
    fn close(&self, number: u64) {
        let mut open = self.shared.open.lock();
        if open.number == number {
            open.connection = None;
        }
    }

    /// The connection, unless there is none or it has not answered for too long.
    fn known(&self) -> Option<(u64, Connection)> {
        let now = Clock::system().now();
        let mut open = self.shared.open.lock();
        let since = *open.unanswered_since.get_or_insert(now);
        if now.saturating_duration_since(since) > TIMEOUT {
            (open.connection, open.unanswered_since) = (None, None);
        }
        Some((open.number, open.connection.clone()?))
    }

    async fn connection(&self) -> Result<(u64, Connection), Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let opening = {
            let mut open = self.shared.open.lock();
            if let Some(connection) = &open.connection {
                return Ok((open.number, connection.clone()));
            }
            let begun = open.opening.as_ref().and_then(WeakShared::upgrade);
            begun.unwrap_or_else(|| {
                let opening = self.clone().open_one().boxed().shared();
                open.opening = opening.downgrade();
                opening
            })
        };
        opening.await
    }

    /// Makes the next connection.
    async fn open_one(self) -> Result<(u64, Connection), Error> {
        let made = self.shared.server.connect().await.map_err(|error| match error.downcast_ref::<RedisError>() {
            Some(reason) => no_connection(reason),
            None => error,
        });
        let mut open = self.shared.open.lock();
        open.opening = None;
        let connection = made?;
        let number = open.number + 1;
        *open = Open { connection: Some(connection.clone()), number, ..Open::default() };
        Ok((number, connection))
    }
}

impl Server {
    fn open(url: &str) -> Result<Self, String> {
        #[cfg(feature = "redis-tls")]
        if url.starts_with("rediss") {
            provide_cryptography();
        }
        for (scheme, of_node) in [("redis+cluster://", "redis://"), ("rediss+cluster://", "rediss://")] {
            if let Some(nodes) = url.strip_prefix(scheme) {
                return Self::cluster(each_node(nodes)?.iter().map(|node| [of_node, node].concat()).collect());
            }
        }
        Client::open(url).map(|client| Self::One(Box::new(client))).map_err(|error| error.to_string())
    }

    #[cfg(feature = "redis-cluster")]
    fn cluster(nodes: Vec<String>) -> Result<Self, String> {
        let builder = ClusterClient::builder(nodes).connection_timeout(TIMEOUT).response_timeout(TIMEOUT).retries(3);
        builder.build().map(|client| Self::Cluster(Box::new(client))).map_err(|error| error.to_string())
    }

    #[cfg(not(feature = "redis-cluster"))]
    fn cluster(_: Vec<String>) -> Result<Self, String> {
        Err("a cluster needs the feature `redis-cluster` of costrel-stores".to_owned())
    }

    async fn connect(&self) -> Result<Connection, Error> {
        // The client would panic.
        Handle::try_current().map_err(|_| {
            Error::new(
                ErrorKind::Other,
                "Redis needs an event loop of tokio: call it from a request, or within a runtime",
            )
        })?;
        Ok(match self {
            Self::One(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(TIMEOUT))
                    .set_response_timeout(Some(TIMEOUT));
                Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// The nodes of a cluster, each with its user and password.
///
/// # Errors
/// If a later node has them and the first has none, because what stands before it may be a part of a password.
fn each_node(nodes: &str) -> Result<Vec<String>, String> {
    let nodes = nodes_of(nodes.trim_end_matches('/'));
    let credentials = nodes.first().and_then(|first| Some(first.rsplit_once('@')?.0.to_owned()));
    if credentials.is_none() && nodes.iter().any(|node| node.contains('@')) {
        return Err("the first node has no user and password, and another has: write those of all nodes in front of \
                    the first one, and a comma in them as %2C"
            .to_owned());
    }
    let with_credentials = |node: String| match &credentials {
        Some(credentials) if !node.contains('@') => [credentials, "@", &node].concat(),
        _ => node,
    };
    Ok(nodes.into_iter().map(with_credentials).collect())
}

/// The nodes between commas, of which a password may have one too.
fn nodes_of(text: &str) -> Vec<String> {
    let mut nodes: Vec<String> = Vec::new();
    for part in text.split(',') {
        match nodes.last_mut() {
            Some(before) if !is_node(before) => before.extend([",", part]),
            _ => nodes.push(part.to_owned()),
        }
    }
    nodes
}

/// Whether a text is a whole node: its port, if it has one, is a number.
fn is_node(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    text.contains('@') || text.ends_with(']') || port.bytes().all(|digit| digit.is_ascii_digit())
}

/// Chooses the cryptography of rustls for the process, unless the app has: without one a connection would panic.
#[cfg(feature = "redis-tls")]
fn provide_cryptography() {
    use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

    if CryptoProvider::get_default().is_none() {
        // It fails if another thread has chosen meanwhile.
        let _chosen = ring::default_provider().install_default();
    }
}

fn wrong_url(url: &str, reason: &str) -> Error {
    let message = format!(
        "{:?} is not the URL of a Redis server ({reason}): write redis://host:port/database, rediss:// for TLS, \
         redis+unix:///path/to.sock for a socket, redis+cluster://host:port,host:port for a cluster, or rediss+cluster:// for \
         one over TLS",
        without_password(url)
    );
    Error::new(ErrorKind::Setup, message)
}

/// Returns the URL without what stands before the host, because it may be a password.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_cluster() { "cluster" } else { "server" };
        write!(f, "Redis({kind}, connected: {})", self.shared.open.lock().connection.is_some())
    }
}

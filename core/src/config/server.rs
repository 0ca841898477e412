//! How an app is served: limits, timeouts and trust.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// How the server treats its clients: the part of [`Config`](super::Config) under `config.server`. Durations are in seconds
/// where they are read from a file or the environment.
///
/// ```
/// # use std::time::Duration;
/// let mut app = costrel::App::new("shop");
/// app.config.server.request_timeout = Some(Duration::from_secs(30));
/// app.config.server.proxy_fix.x_for = 1;
/// app.config.set("KEEP_ALIVE_TIMEOUT", 5)?;
/// assert_eq!(app.config.server.keep_alive_timeout, Duration::from_secs(5));
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How long a client may take to send a request's head, or its part of a TLS handshake; the connection is closed then.
    /// Default: 30 seconds.
    #[serde(with = "seconds")]
    pub header_read_timeout: Duration,
    /// How long a connection may be idle between requests before it is closed. Default: 75 seconds.
    #[serde(with = "seconds")]
    pub keep_alive_timeout: Duration,
    /// How long a client may take to send a request's body, once somebody asks for it; then it is a 408. `None` for no
    /// limit. Default: 60 seconds, as in Quart.
    #[serde(with = "seconds::optional")]
    pub body_timeout: Option<Duration>,
    /// How long a view may take with all that is around it; then it is dropped at its `.await`, and the answer is a 504. Sync
    /// code goes on until it waits or is done; where requests hold threads, until it is done, and nothing can be said before.
    /// Default: no limit.
    #[serde(with = "seconds::optional")]
    pub request_timeout: Option<Duration>,
    /// How long a client may take none of the response at all; the connection is closed then. A stream may last as long as
    /// it likes. `None` for no limit. Default: 60 seconds.
    #[serde(with = "seconds::optional")]
    pub response_timeout: Option<Duration>,
    /// How long requests in flight may take when the server has been told to stop. Default: 10 seconds.
    #[serde(with = "seconds")]
    pub shutdown_timeout: Duration,
    /// How many bytes a request's head may have; a larger one is a 431. At least 8 KiB. Default: 64 KiB.
    pub max_header_size: usize,
    /// How many headers a request of HTTP/1 may have; more are a 431. Default: 100. Those of HTTP/2 are bounded by their
    /// size.
    pub max_headers: usize,
    /// How many connections may be open; others wait to be accepted. Default: no limit but the system's.
    pub max_connections: Option<usize>,
    /// How many requests may be in flight, their bodies included; others get a 503 with `Retry-After`. Default: no limit.
    pub max_concurrent_requests: Option<usize>,
    /// How many bytes a WebSocket message may have; a larger one closes the connection with 1009. Default: 16 MiB.
    pub websocket_max_message_size: usize,
    /// After how long a silence a WebSocket's client is pinged; one that does not answer before the next ping is taken
    /// for gone. `None` for never. Default: 20 seconds.
    #[serde(with = "seconds::optional")]
    pub websocket_ping_interval: Option<Duration>,
    /// Which headers of proxies are believed. Default: none.
    pub proxy_fix: ProxyFix,
    /// The certificate, with those between it and its authority, as a PEM file: with the key it makes the server speak
    /// HTTPS alone. Needs the feature `tls`. Default: none.
    pub certfile: Option<PathBuf>,
    /// The certificate's private key, as a PEM file.
    pub keyfile: Option<PathBuf>,
}

/// How many proxies in front of the server are one's own, for each header they set; Werkzeug's `ProxyFix`. A header is
/// believed as far back as this many values from its end, and not at all where it has fewer, as whoever sends the request can
/// write what it likes in front of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
#[non_exhaustive]
pub struct ProxyFix {
    /// `X-Forwarded-For`: the client's address.
    pub x_for: usize,
    /// `X-Forwarded-Proto`: `http` or `https`.
    pub x_proto: usize,
    /// `X-Forwarded-Host`: the host the client asked for.
    pub x_host: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(75),
            body_timeout: Some(Duration::from_secs(60)),
            request_timeout: None,
            response_timeout: Some(Duration::from_secs(60)),
            shutdown_timeout: Duration::from_secs(10),
            max_header_size: 64 << 10,
            max_headers: 100,
            max_connections: None,
            max_concurrent_requests: None,
            websocket_max_message_size: 16 << 20,
            websocket_ping_interval: Some(Duration::from_secs(20)),
            proxy_fix: ProxyFix::default(),
            certfile: None,
            keyfile: None,
        }
    }
}

//! The settings of the server: limits, timeouts and trust.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// The settings of the server: the part of [`Config`](super::Config) under `config.server`. Durations are in seconds
/// where they are read from a file or the environment.
///
/// ```
/// use std::time::Duration;
///
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
    /// The time a client has to send a request's head, or its part of a TLS handshake; then the connection is closed.
    /// Default: 30 seconds.
    #[serde(with = "seconds")]
    pub header_read_timeout: Duration,
    /// The time a connection may be idle between requests before it is closed. Default: 75 seconds.
    #[serde(with = "seconds")]
    pub keep_alive_timeout: Duration,
    /// The time a client has to send a request's body once reading it begins; then the request gets a 408. A body
    /// that is handed on by [`to_http`](crate::Request::to_http) has it for each of its silences. `None` for no limit.
    /// Default: 60 seconds, as in Quart.
    #[serde(with = "seconds::optional")]
    pub body_timeout: Option<Duration>,
    /// The time a view may take, with its decorators and the hooks before it; then it is dropped at its `.await`, and
    /// the client gets a 504. Sync code goes on until it waits or ends. With `config.threads` it goes on until it
    /// ends, and the client gets the 504 only then. Default: no limit.
    #[serde(with = "seconds::optional")]
    pub request_timeout: Option<Duration>,
    /// The time a client may go without accepting any byte of the response, or in HTTP/2 a frame of it; then the connection
    /// is closed, or in HTTP/2 the stream is reset. A response may last as long as it likes. `None` for no limit.
    /// Default: 60 seconds.
    #[serde(with = "seconds::optional")]
    pub response_timeout: Option<Duration>,
    /// The time that the server reads on from a client that is still sending when it has its last response, such as a 413,
    /// so that the client reads that response before the connection closes. Default: 10 seconds.
    #[serde(with = "seconds")]
    pub linger_timeout: Duration,
    /// The number of bytes that the server reads on in this time. Default: 64 MiB.
    pub linger_size: usize,
    /// The time that requests in flight have to finish once shutdown has begun. Default: 10 seconds.
    #[serde(with = "seconds")]
    pub shutdown_timeout: Duration,
    /// The maximum size of a request's head in bytes; a larger one gets a 431. At least 8 KiB. Default: 64 KiB.
    pub max_header_size: usize,
    /// The maximum number of headers of an HTTP/1 request; more get a 431. Default: 100. The headers of HTTP/2 are
    /// bounded by their size.
    pub max_headers: usize,
    /// The maximum number of open connections; others wait to be accepted. Default: no limit but the system's.
    pub max_connections: Option<usize>,
    /// The maximum number of requests in flight, each until its response's body is sent, or its client has
    /// taken nothing of it for a second; others get a 503 with `Retry-After`. Default: no limit.
    pub max_concurrent_requests: Option<usize>,
    /// The maximum size of a WebSocket message in bytes; a larger one closes the connection with 1009.
    /// Default: 16 MiB.
    pub websocket_max_message_size: usize,
    /// The silence after which the server pings a WebSocket's client; a client that does not answer before the next
    /// ping counts as gone. `None` for never. Default: 20 seconds.
    #[serde(with = "seconds::optional")]
    pub websocket_ping_interval: Option<Duration>,
    /// Whether messages of a WebSocket go compressed in both directions, if its client offers it (permessage-deflate, RFC
    /// 7692). `websocket_max_message_size` counts the bytes of the message before it was compressed. Default: yes.
    pub websocket_compression: bool,
    /// Whether a compressed message may refer to those before it, which makes small ones smaller, but keeps some 300 kB
    /// for each such connection. Default: no.
    pub websocket_context_takeover: bool,
    /// The headers of proxies that are trusted. Default: none.
    pub proxy_fix: ProxyFix,
    /// The certificate with its intermediate certificates, as a PEM file; with the key it makes the server speak HTTPS
    /// only. Needs the feature `tls`. Default: none.
    pub certfile: Option<PathBuf>,
    /// The certificate's private key, as a PEM file.
    pub keyfile: Option<PathBuf>,
}

/// The number of trusted proxies in front of the server, for each header they set; Werkzeug's `ProxyFix`. The server
/// takes the value at this place from the end of a header, and ignores a header with fewer values, because the client
/// can write any values in front of the proxies' own.
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
    /// `X-Forwarded-Port`: the port the client asked for, which becomes part of the host.
    pub x_port: usize,
    /// `X-Forwarded-Prefix`: the path that the proxy has mounted the app under, as in [`ScriptRoot`](crate::ScriptRoot).
    pub x_prefix: usize,
    /// `Forwarded` (RFC 7239): the client's address, the scheme and the host, in one element for each proxy. An address
    /// that the proxy hides (`unknown`, `_name`) leaves the proxy's own. Of what a request has in both, an
    /// `X-Forwarded-*` header that is trusted goes first.
    pub forwarded: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(75),
            body_timeout: Some(Duration::from_secs(60)),
            request_timeout: None,
            response_timeout: Some(Duration::from_secs(60)),
            linger_timeout: Duration::from_secs(10),
            linger_size: 64 << 20,
            shutdown_timeout: Duration::from_secs(10),
            max_header_size: 64 << 10,
            max_headers: 100,
            max_connections: None,
            max_concurrent_requests: None,
            websocket_max_message_size: 16 << 20,
            websocket_ping_interval: Some(Duration::from_secs(20)),
            websocket_compression: true,
            websocket_context_takeover: false,
            proxy_fix: ProxyFix::default(),
            certfile: None,
            keyfile: None,
        }
    }
}

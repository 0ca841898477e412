//! The request that asks for a WebSocket, and what must be right about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use http_body::Body as _;
use sha1::{Digest, Sha1};

use super::listed;
use super::origin::{Origin, Site};
use crate::error::Error;
use crate::http_types::{Body, Scheme};

/// The text that RFC 6455 1.3 appends to a client's key.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether `request` asks for a WebSocket.
pub(crate) fn is_handshake(request: &http::Request<Body>) -> bool {
    request.method() == Method::GET
        && request.headers().keys().any(|name| name == header::UPGRADE)
        && asks(request.headers(), &header::UPGRADE, "websocket")
}

/// Checks a handshake by RFC 6455 4.2.1, and that its page may use this server's WebSockets.
///
/// # Errors
/// 400 if the handshake violates the RFC; 426 if it asks for a version other than 13; 403 if its page is of another
/// site than this host and `origins`.
pub(crate) fn check_handshake(
    request: &http::Request<Body>,
    scheme: Option<Scheme>,
    origins: &[String],
) -> Result<(), Error> {
    check_http(request)?;
    check_version(request.headers())?;
    let key = only(request.headers(), &header::SEC_WEBSOCKET_KEY)?;
    if BASE64.decode(key.as_bytes()).map(|key| key.len()) != Ok(16) {
        return Err(bad("`Sec-WebSocket-Key` must be 16 bytes in base64."));
    }
    check_origin(request, scheme, origins)
}

fn check_http(request: &http::Request<Body>) -> Result<(), Error> {
    let has_body = request.headers().contains_key(header::TRANSFER_ENCODING) || !request.body().is_end_stream();
    match request.version() {
        Version::HTTP_11 if has_body => Err(bad("A WebSocket handshake has no body.")),
        Version::HTTP_11 if !asks(request.headers(), &header::CONNECTION, "upgrade") => {
            Err(bad("A WebSocket handshake needs the header `Connection: Upgrade`."))
        }
        Version::HTTP_11 => Ok(()),
        _ => Err(bad("A WebSocket handshake must be a request of HTTP/1.1.")),
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Error> {
    let thirteen = HeaderValue::from_static("13");
    if *only(headers, &header::SEC_WEBSOCKET_VERSION)? == thirteen {
        return Ok(());
    }
    let error = Error::status(426).with_header(header::SEC_WEBSOCKET_VERSION, thirteen);
    // RFC 9110 15.5.22: a 426 names the protocol to upgrade to.
    let error = error.with_header(header::UPGRADE, HeaderValue::from_static("websocket"));
    let error = error.with_header(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    Err(error.with_message("Only WebSocket version 13 is supported."))
}

/// Checks the page that opens the WebSocket. Browsers send its origin, and cookies whatever it is, so that without this
/// check any page could talk in the name of a user who is logged in here. Other clients send none, and are let in.
fn check_origin(request: &http::Request<Body>, scheme: Option<Scheme>, origins: &[String]) -> Result<(), Error> {
    let headers = request.headers();
    if !headers.contains_key(header::ORIGIN) || origins.iter().any(|origin| origin == "*") {
        return Ok(());
    }
    let given = only(headers, &header::ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_listed = || origins.iter().any(|listed| Origin::parse(listed) == Origin::parse(given));
    let is_allowed = match Origin::parse(given) {
        Some(origin) => Site { host, is_https: scheme == Some(Scheme::Https) }.is_of(&origin) || is_listed(),
        // A page without an origin of its own, such as a sandboxed frame.
        None => given == "null" && origins.iter().any(|listed| listed == "null"),
    };
    if is_allowed {
        return Ok(());
    }
    tracing::warn!(
        "refused a WebSocket: its page is of {given:?}, and this host is {host:?}. If the page may use this app, put its \
         origin into `config.websocket_origins`; if a proxy changes the host, see `config.server.proxy_fix`"
    );
    Err(Error::status(403).with_message("Pages of this origin may not open WebSockets here."))
}

/// The value of `Sec-WebSocket-Accept` for a handshake.
pub(super) fn accept_key(headers: &HeaderMap) -> String {
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    BASE64.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_SUFFIX).finalize())
}

/// The value of a header that must be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h HeaderValue, Error> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(bad(&format!("A WebSocket handshake needs the header `{name}`."))),
        _ => Err(bad(&format!("A WebSocket handshake has the header `{name}` once."))),
    }
}

fn asks(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    listed(headers, name).iter().any(|part| part.eq_ignore_ascii_case(word))
}

fn bad(message: &str) -> Error {
    Error::status(400).with_message(message)
}

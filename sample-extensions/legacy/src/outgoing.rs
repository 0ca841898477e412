//! The head of a request, as the old app gets it.

use costrel::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use costrel::http::uri::{Authority, PathAndQuery, Uri};
use costrel::http::{Request, Version};
use costrel::{Body, Error, Method};

use crate::front::Front;
use crate::hop_by_hop;

/// The headers in which a proxy says for whom a request is. A client may have sent any of them.
const FORWARDED: [HeaderName; 7] = [
    header::FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    X_FORWARDED_HOST,
    X_FORWARDED_PREFIX,
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Whether a request asks for a WebSocket.
pub(crate) fn asks_for_websocket(request: &Request<Body>) -> bool {
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && hop_by_hop::has(request.headers(), &header::UPGRADE, "websocket")
        && hop_by_hop::has(request.headers(), &header::CONNECTION, "upgrade")
}

/// Rewrites a request for the old app at `authority`. `host` is what it finds in `Host`; `None` for what the client sent.
///
/// # Errors
/// If the target is none that can be sent.
pub(crate) fn rewrite(
    request: &mut Request<Body>,
    authority: &Authority,
    host: Option<&HeaderValue>,
    upgrades: bool,
) -> Result<(), Error> {
    let sent_to = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    *request.uri_mut() = Uri::from(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    request.extensions_mut().clear();
    let headers = request.headers_mut();
    let takes_trailers = hop_by_hop::has(headers, &header::TE, "trailers");
    hop_by_hop::remove(headers);
    // The front has answered it, and the body's length is the body's own.
    headers.remove(header::EXPECT);
    headers.remove(header::CONTENT_LENGTH);
    if upgrades {
        hop_by_hop::set_upgrade(headers);
    } else if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    join_cookies(headers);
    if let Some(host) = host.cloned().or(sent_to) {
        headers.insert(header::HOST, host);
    }
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    }
    Ok(())
}

/// Makes one header of the several that HTTP/2 allows; RFC 9113, 8.2.3.
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Says for whom the request is, in place of what the client has said of it.
pub(crate) fn set_forwarded(headers: &mut HeaderMap, front: &Front) {
    // With underscores too, because WSGI makes no difference between the two.
    let is_forwarded =
        |name: &HeaderName| FORWARDED.iter().any(|known| known.as_str() == name.as_str().replace('_', "-"));
    let given: Vec<_> = headers.keys().filter(|name| is_forwarded(name)).cloned().collect();
    for name in given {
        headers.remove(name);
    }
    let client = front.client.map(|client| client.to_string()).unwrap_or_default();
    let said = [
        (X_FORWARDED_FOR, &client),
        (X_FORWARDED_PROTO, &front.scheme),
        (X_FORWARDED_HOST, &front.host),
        (X_FORWARDED_PREFIX, &front.root),
    ];
    for (name, value) in said {
        if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
}

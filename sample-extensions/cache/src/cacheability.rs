//! The rules for which responses may be kept, for whom, and under which key.

use std::fmt::Write as _;

use costrel::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE, TRAILER, TRANSFER_ENCODING,
    VARY,
};
use costrel::{HeaderMap, HeaderName, Looks, Method, Request, Response, StatusCode};
use costrel_ext_kit::key;

/// The longest body that is read to be kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The headers that say nothing of who the client is. A service of another framework may look at any header, so its pages
/// are shared only by requests that have no other ones.
const ANONYMOUS: [&str; 34] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "cache-control",
    "connection",
    "content-length",
    "dnt",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "te",
    "traceparent",
    "tracestate",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Whether the cache may answer a request: it asks for a page, and says nothing beside its head.
pub(crate) fn is_for_a_page(request: &Request) -> bool {
    let headers = request.headers();
    let has_length = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    matches!(*request.method(), Method::GET | Method::HEAD) && !has_length && !headers.contains_key(TRANSFER_ENCODING)
}

/// Whether a request has credentials of HTTP's own, which the server beneath may have checked.
pub(crate) fn has_credentials(request: &Request) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION].iter().any(|name| request.headers().contains_key(name))
}

/// Whether no header of a request says who the client is.
pub(crate) fn is_anonymous(request: &Request) -> bool {
    request.headers().keys().all(|name| ANONYMOUS.contains(&name.as_str()))
}

/// Returns the key under which the response of `view` is kept. `owner` is the owner of the copy; `None` if all clients
/// share one.
pub(crate) fn key(request: &Request, view: &str, owner: Option<&str>) -> String {
    let mut key = key::place(request);
    for part in [view, owner.unwrap_or_default()] {
        // The length prefix keeps different parts from giving the same text.
        let _infallible = write!(key, "{}:{part} ", part.len());
    }
    // A stable sort by name, because the order of two values of one name may matter, and the order of names does not.
    let mut query: Vec<_> = request.uri().query().unwrap_or_default().split('&').collect();
    query.sort_by_key(|pair| pair.split('=').next());
    key + &query.join("&")
}

/// Returns `key` with the values that a request has for the headers that the response varies by.
pub(crate) fn variant(key: &str, names: &[HeaderName], request: &Request) -> String {
    let mut key = key.to_owned();
    for name in names {
        for value in request.headers().get_all(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let _infallible = write!(key, " {name} {}:{value}", value.len());
        }
    }
    key
}

/// Returns the headers that a response varies by; `None` if no copy of it can be found again by their values, or it is
/// for one client alone.
pub(crate) fn varies_by(response: &Response) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for value in response.headers().get_all(VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            names.push(HeaderName::try_from(name).ok().filter(|_| name != "*")?);
        }
    }
    names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    let of_one_client = names.iter().any(|name| [COOKIE, AUTHORIZATION, PROXY_AUTHORIZATION].contains(name));
    (!of_one_client).then_some(names)
}

/// Whether this response may be given to other requests, as far as the response itself says.
pub(crate) fn may_keep(response: &Response) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK
        && response.body().length().is_some_and(|length| length <= LONGEST)
        && !headers.contains_key(SET_COOKIE)
        && !headers.contains_key(TRAILER)
        && !forbids_keeping(headers)
}

/// Whether `Cache-Control` says that a response is not to be kept.
pub(crate) fn forbids_keeping(headers: &HeaderMap) -> bool {
    headers.get_all(CACHE_CONTROL).into_iter().any(|value| {
        let value = value.to_str().unwrap_or("no-store").to_ascii_lowercase();
        ["no-store", "no-cache", "private"].iter().any(|word| value.contains(word))
    })
}

/// Whether what a run has looked at lets its response be shared by requests that have the same values for the headers that
/// it varies by.
pub(crate) fn may_share(looks: &Looks, names: &[HeaderName], is_anonymous: bool) -> bool {
    let said = || looks.only_headers() && looks.headers().iter().all(|name| names.contains(name));
    !looks.is_any() || said() || (looks.only_handed_on() && is_anonymous)
}

//! The rules for which responses may be kept, and under which key.

use std::fmt::Write as _;

use costrel::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, SET_COOKIE, TRAILER, VARY};
use costrel::{Method, Request, Response, StatusCode};

/// The longest body that is read to be kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Returns the key under which the response of `view` is kept; `None` if this request must not be answered from the
/// cache. `owner` is the owner of the copy, empty if all clients share one.
pub(crate) fn key(request: &Request, view: &str, owner: &str) -> Option<String> {
    let may_look = matches!(*request.method(), Method::GET | Method::HEAD);
    if !may_look || (owner.is_empty() && request.headers().contains_key(AUTHORIZATION)) {
        return None;
    }
    let host = request.headers().get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes())).unwrap_or_default();
    let mut key = String::new();
    for part in [view, owner, &host, request.uri().path()] {
        // The length prefix keeps different parts from giving the same text.
        let _infallible = write!(key, "{}:{part} ", part.len());
    }
    // A stable sort by name, because the order of two values of one name may matter, and the order of names does not.
    let mut query: Vec<_> = request.uri().query().unwrap_or_default().split('&').collect();
    query.sort_by_key(|pair| pair.split('=').next());
    Some(key + &query.join("&"))
}

/// Whether this response may be given to other requests; `personal` if it depends, or may depend, on the client.
pub(crate) fn may_keep(response: &Response, personal: bool) -> bool {
    let headers = response.headers();
    let forbidden = headers.get_all(CACHE_CONTROL).into_iter().any(|value| {
        let value = value.to_str().unwrap_or("no-store").to_ascii_lowercase();
        ["no-store", "no-cache", "private"].iter().any(|word| value.contains(word))
    });
    response.status() == StatusCode::OK
        && response.body().length().is_some_and(|length| length <= LONGEST)
        && !headers.contains_key(SET_COOKIE)
        && !headers.contains_key(TRAILER)
        && !headers.contains_key(VARY)
        && !personal
        && !forbidden
}

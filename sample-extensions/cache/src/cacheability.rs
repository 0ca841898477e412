//! What may be kept, and under which key.

use std::fmt::Write as _;

use costrel::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, SET_COOKIE, TRAILER, VARY};
use costrel::{Method, Request, Response, StatusCode};

/// The longest body that is read to be kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Two requests with the same key may have the same answer of the view `view`; `None` if this one may not be
/// answered from the cache at all. `owner` is whose copy it is, if there is one for each.
pub(crate) fn key(request: &Request, view: &str, owner: &str) -> Option<String> {
    let may_look = matches!(*request.method(), Method::GET | Method::HEAD);
    if !may_look || (owner.is_empty() && request.headers().contains_key(AUTHORIZATION)) {
        return None;
    }
    let host = request.headers().get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes())).unwrap_or_default();
    let mut key = String::new();
    for part in [view, owner, &host, request.uri().path()] {
        // With its length in front, no part can read like the next one's beginning.
        let _infallible = write!(key, "{}:{part} ", part.len());
    }
    // Stably by name: of two values of one name the order may matter, of two names it should not.
    let mut query: Vec<_> = request.uri().query().unwrap_or_default().split('&').collect();
    query.sort_by_key(|pair| pair.split('=').next());
    Some(key + &query.join("&"))
}

/// Whether this answer may be given to somebody else; `personal` if it depends, or may depend, on who asked.
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

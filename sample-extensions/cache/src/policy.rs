//! What may be kept, and under which key.

use costrel::http::header::{CACHE_CONTROL, SET_COOKIE};
use costrel::{Method, Request, Response, StatusCode};

/// Two requests with the same key may have the same answer; `None` if this one may not be answered from the
/// cache at all.
pub(crate) fn key(request: &Request) -> Option<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let mut query: Vec<_> = request.uri().query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    Some(format!("{}?{}", request.uri().path(), query.join("&")))
}

/// Whether this answer may be given to somebody else.
pub(crate) fn may_keep(request: &Request, response: &Response, touched_session: bool) -> bool {
    let headers = response.headers();
    let forbidden = headers.get_all(CACHE_CONTROL).into_iter().any(|value| {
        let value = value.to_str().unwrap_or("no-store").to_ascii_lowercase();
        value.contains("no-store") || value.contains("private")
    });
    request.method() == Method::GET
        && response.status() == StatusCode::OK
        && response.body().as_bytes().is_some()
        && !headers.contains_key(SET_COOKIE)
        && !touched_session
        && !forbidden
}

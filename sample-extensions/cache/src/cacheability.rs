//! The rules for which responses may be kept, for whom, and under which key.

use std::fmt::Write as _;
use std::time::Duration;

use costrel::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, PROXY_AUTHORIZATION, RANGE, SET_COOKIE, TRAILER, TRANSFER_ENCODING, VARY,
};
use costrel::{HeaderMap, HeaderName, Looks, Method, Request, Response, StatusCode};
use costrel_ext_kit::key;

/// The longest body that is read to be kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The key of a page in Flask-Caching, with `%s` for its path.
pub(crate) const COMPAT_PREFIX: &str = "view/%s";

/// The headers that say nothing of who the client is. A service of another framework may look at any header, so its pages
/// are shared only by requests that have no other ones.
const ANONYMOUS: &str = "accept accept-charset accept-encoding accept-language access-control-request-headers \
    access-control-request-method cache-control connection content-length dnt forwarded host if-modified-since \
    if-none-match keep-alive origin pragma priority range referer sec-fetch-dest sec-fetch-mode sec-fetch-site \
    sec-fetch-user sec-gpc te traceparent tracestate upgrade-insecure-requests user-agent via x-forwarded-for \
    x-forwarded-host x-forwarded-proto";

/// The headers by which services of other frameworks learn how the client reached them.
pub(crate) const WAYS_HERE: [&str; 4] = ["forwarded", "origin", "x-forwarded-host", "x-forwarded-proto"];

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

/// Whether a request asks for a page only if its copy is old, or for a part of the page.
pub(crate) fn is_conditional(request: &Request) -> bool {
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
    conditions.iter().any(|name| request.headers().contains_key(name))
}

/// Whether no header of a request says who the client is.
pub(crate) fn is_anonymous(request: &Request) -> bool {
    request.headers().keys().all(|name| ANONYMOUS.split(' ').any(|known| known == name.as_str()))
}

/// Returns the key of a page of `view`: path and query first, so that all copies of a page can be deleted by them.
pub(crate) fn key(request: &Request, view: &str, query: Option<&str>) -> String {
    let mut key = String::with_capacity(96);
    push_page(&mut key, &[request.script_root(), request.uri().path()], query);
    key.extend([request.scheme(), "://"]);
    let host = key.len();
    key.push_str(request.host());
    key[host..].make_ascii_lowercase();
    // Neither a URL nor a name of the app's has a line feed in it.
    key.extend(["\n", &key::route(request), "\n", view]);
    key
}

/// Returns the key of a page for which the app has made one. A client may have a say in it, so it begins as no other does.
pub(crate) fn own_key(own: &str) -> String {
    let mut key = "key/".to_owned();
    push_part(&mut key, own);
    key
}

/// Returns the beginning of the keys of all copies of a page.
pub(crate) fn keys_of(path: &str, query: Option<&str>) -> String {
    let mut key = String::new();
    push_page(&mut key, &[path], query);
    key
}

fn push_page(key: &mut String, path: &[&str], query: Option<&str>) {
    key.push_str("view/");
    key.extend(path.iter().copied());
    key.push('?');
    push_query(key, query.unwrap_or_default());
    // No URL has a space in it.
    key.push(' ');
}

/// Returns the key of a page by a prefix: with the path in place of `%s`, and the query after it.
pub(crate) fn prefixed(prefix: &str, path: &str, query: Option<&str>) -> String {
    let mut key = prefix.replace("%s", path);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        key.push('?');
        push_query(&mut key, query);
    }
    key
}

/// Adds a query, with its pairs in the order of their names.
fn push_query(key: &mut String, query: &str) {
    if !query.contains('&') {
        return key.push_str(query);
    }
    // A stable sort by name, because the order of two values of one name may matter, and the order of names does not.
    let mut pairs: Vec<_> = query.split('&').collect();
    let is_encoded = |pair: &&str| pair.split('=').next().is_some_and(|name| name.contains(['%', '+']));
    // Two names may be one that is written in two ways, and then their order matters too.
    if !pairs.iter().any(is_encoded) {
        pairs.sort_by_key(|pair| pair.split('=').next());
    }
    key.push_str(&pairs.join("&"));
}

/// Adds a part of any text. The length in front of it keeps different parts from giving one key.
pub(crate) fn push_part(key: &mut String, part: &str) {
    let _infallible = write!(key, " {}:{part}", part.len());
}

/// The note by which headers a page varies.
#[derive(Clone)]
pub(crate) struct Varies {
    pub(crate) names: Vec<HeaderName>,
    /// A part of the keys of the copies, so that none from before the page was deleted is found again.
    pub(crate) token: String,
    /// The longest time that a copy lasts, from when it is filled in; `None` if one never ends.
    pub(crate) lasts: Option<Duration>,
}

/// Returns `key` with the values that a request has for the headers that the response varies by. The names are in it too,
/// because a request without these headers has a copy of its own.
pub(crate) fn variant(key: &str, varies: &Varies, request: &Request) -> String {
    let mut key = format!("{key} {}", varies.token);
    for name in &varies.names {
        let _infallible = write!(key, " {name}");
        for value in request.headers().get_all(name) {
            let value = value.as_bytes().escape_ascii();
            let _infallible = write!(key, " \"{value}\"");
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

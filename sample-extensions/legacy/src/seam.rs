//! The head of a response, as the client of the front gets it: its redirects and cookies.

use costrel::http::header::{self, HeaderMap, HeaderValue};
use costrel::{Request, Response, current_app};

use crate::front::Front;

/// The names by which the old app knows itself: its address, and the `Host` that it got.
pub(crate) struct OwnNames<'a>(pub(crate) [&'a str; 2]);

/// Makes the old app's own addresses the front's: in redirects and in the domains of cookies.
pub(crate) fn adapt(headers: &mut HeaderMap, own: &OwnNames<'_>, front: &Front) {
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(given) = headers.get(&name) {
            let moved = given.to_str().ok().and_then(|url| own.moved(url, front));
            let value = moved.and_then(|url| HeaderValue::try_from(url).ok()).unwrap_or(given.clone());
            // Inserted, so that there is one.
            headers.insert(name, value);
        }
    }
    if !headers.contains_key(header::SET_COOKIE) {
        return;
    }
    let cookies: Vec<_> =
        headers.get_all(header::SET_COOKIE).iter().map(|cookie| own.without_domain(cookie, front)).collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
}

impl OwnNames<'_> {
    /// Returns the front's URL for one of the old app's own; `None` for any other.
    fn moved(&self, url: &str, front: &Front) -> Option<String> {
        let (scheme, rest) = url.split_once("//")?;
        if !["http:", "https:", ""].contains(&&*scheme.to_ascii_lowercase()) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let is = |name: &str| usual(name).eq_ignore_ascii_case(usual(authority));
        // What leads to the front's own host is meant so: to HTTPS, or to a path beside the one where the front is mounted.
        if is(&front.host) || !self.0.iter().any(|own| is(own)) {
            return None;
        }
        let root = if is_below(path, &front.root) { "" } else { &front.root };
        Some(format!("{}://{}{root}{path}", front.scheme, front.host))
    }

    /// Returns the cookie without a `Domain` that is the old app's and not the front's, which browsers would refuse.
    fn without_domain(&self, cookie: &HeaderValue, front: &Front) -> HeaderValue {
        let Ok(text) = cookie.to_str() else { return cookie.clone() };
        let is_foreign = |attribute: &str| {
            let domain = attribute.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("domain"));
            let domain = domain.map(|(_, domain)| domain.trim().trim_start_matches('.').to_ascii_lowercase());
            domain.is_some_and(|domain| {
                self.0.iter().any(|own| is_in(without_port(own), &domain)) && !is_in(without_port(&front.host), &domain)
            })
        };
        let parts: Vec<_> = text.split(';').collect();
        let kept: Vec<_> = parts
            .iter()
            .enumerate()
            .filter(|(at, part)| *at == 0 || !is_foreign(part))
            .map(|(_, part)| *part)
            .collect();
        if kept.len() == parts.len() {
            return cookie.clone();
        }
        HeaderValue::try_from(kept.join(";")).unwrap_or(cookie.clone())
    }
}

/// Whether the front's root is the beginning of `path`.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// Whether `host` is `domain`, or below it.
fn is_in(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The authority without the port that is its scheme's own.
fn usual(authority: &str) -> &str {
    authority.strip_suffix(":80").or(authority.strip_suffix(":443")).unwrap_or(authority)
}

fn without_port(authority: &str) -> &str {
    authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(host, _)| host)
}

/// The cookies that the old app has set, as an extension of its response.
#[derive(Clone)]
struct OldCookies(Vec<HeaderValue>);

/// Notes the cookies that the old app has set, for [`set_each_cookie_once`].
pub(crate) fn note_cookies(response: &mut Response) {
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    if !cookies.is_empty() {
        response.extensions_mut().insert(OldCookies(cookies));
    }
}

/// Leaves one of two lines with which the old app and the front have set the same cookie: of the session the old app's, because
/// it was changed there, and one that the old app deletes, because the front has only refreshed what the client sent; of
/// others the front's, because it was set later.
pub(crate) fn set_each_cookie_once(request: &Request, response: &mut Response) {
    // Left in its place, because functions that see the response later may set cookies too.
    let Some(OldCookies(mut old)) = response.extensions().get::<OldCookies>().cloned() else { return };
    let path = format!("{}{}", request.script_root(), request.path());
    let cookies = response.headers().get_all(header::SET_COOKIE).iter();
    // Taken out of the list when they are met, because the front may have set the same text once more.
    let cookies: Vec<_> = cookies.map(|line| Line::new(line.clone(), take(&mut old, line), &path)).collect();
    if cookies.iter().all(|line| line.is_old) {
        return;
    }
    let session = current_app().config().session_cookie_name.clone();
    let headers = response.headers_mut();
    headers.remove(header::SET_COOKIE);
    for line in cookies.iter().filter(|line| !line.loses(&cookies, &session)) {
        headers.append(header::SET_COOKIE, line.text.clone());
    }
}

/// A line of `Set-Cookie`.
struct Line {
    text: HeaderValue,
    is_old: bool,
    cookie: Cookie,
}

/// What makes two cookies the same one for browsers; RFC 6265, 5.3, where a cookie without a domain is for one host.
#[derive(PartialEq, Eq)]
struct Cookie {
    name: String,
    domain: Option<String>,
    path: String,
}

impl Line {
    fn new(text: HeaderValue, is_old: bool, request_path: &str) -> Self {
        let cookie = Cookie::read(&String::from_utf8_lossy(text.as_bytes()), request_path);
        Self { text, is_old, cookie }
    }

    /// Whether the line gives way to another of the other side.
    fn loses(&self, all: &[Self], session: &str) -> bool {
        let same = || all.iter().filter(|line| line.cookie == self.cookie);
        let is_the_old_apps = self.cookie.name == session || same().any(|line| line.is_old && deletes(&line.text));
        is_the_old_apps != self.is_old && same().any(|line| line.is_old != self.is_old)
    }
}

impl Cookie {
    fn read(line: &str, request_path: &str) -> Self {
        let name = line.split(['=', ';']).next().unwrap_or_default().trim().to_owned();
        let domain = attribute(line, "domain").map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
        let path = attribute(line, "path").filter(|path| path.starts_with('/'));
        let path = path.unwrap_or(folder(request_path)).to_owned();
        Self { name, domain: domain.filter(|domain| !domain.is_empty()), path }
    }
}

/// The value of an attribute; of the last one, if several have this name.
fn attribute<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let pairs = line.split(';').skip(1).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).last()
}

/// The path of a cookie that names none: RFC 6265, 5.1.4.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// Whether the client forgets the cookie by this line.
fn deletes(cookie: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(cookie.as_bytes()).to_lowercase();
    let has = |beginning: &str| text.split(';').skip(1).any(|attribute| attribute.trim().starts_with(beginning));
    has("max-age=0") || has("max-age=-") || has("expires=thu, 01 jan 1970") || has("expires=thu, 01-jan-1970")
}

/// Takes a cookie out of the list; returns whether it was there.
fn take(cookies: &mut Vec<HeaderValue>, cookie: &HeaderValue) -> bool {
    let at = cookies.iter().position(|known| known == cookie);
    at.map(|at| cookies.remove(at)).is_some()
}

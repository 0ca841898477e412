//! The cookie jar of the test client.

use std::net::IpAddr;

use cookie::Cookie;
use cookie::time::OffsetDateTime;
use http::HeaderMap;
use http::header::{self, HeaderValue};

/// Cookies as a browser keeps them: by name, domain and path, until they expire.
#[derive(Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    cookie: Cookie<'static>,
    /// The host that set the cookie, which counts if the cookie names no domain.
    host: String,
}

impl Jar {
    /// Keeps or removes the cookies that a response of `host`, to a request for `path`, sets.
    pub(super) fn keep(&mut self, headers: &HeaderMap, host: &str, path: &str) {
        let set = headers.get_all(header::SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        for mut cookie in set.filter_map(|text| Cookie::parse(text.to_owned()).ok()) {
            if !cookie.path().is_some_and(|path| path.starts_with('/')) {
                // RFC 6265: a cookie without a path is for the folder it came from.
                cookie.set_path(directory(path).to_owned());
            }
            // RFC 6265 5.3: a host sets cookies for itself and for the domains that it is in.
            if cookie.domain().is_none_or(|domain| is_within(&bare(host), domain)) {
                self.set(cookie, host);
            }
        }
    }

    /// Keeps a cookie, or removes it if it has expired.
    pub(super) fn set(&mut self, cookie: Cookie<'static>, host: &str) {
        let same = |kept: &Kept| {
            kept.host == bare(host)
                && kept.cookie.name() == cookie.name()
                && kept.cookie.path() == cookie.path()
                && kept.cookie.domain() == cookie.domain()
        };
        self.cookies.retain(|kept| !same(kept));
        if !is_over(&cookie) {
            self.cookies.push(Kept { cookie, host: bare(host) });
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|kept| kept.cookie.name() == name).map(|kept| kept.cookie.value())
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.cookies.retain(|kept| kept.cookie.name() != name);
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|kept| kept.cookie.name())
    }

    /// Returns the `Cookie` header for a request.
    pub(super) fn header(&self, host: &str, path: &str, secure: bool) -> Option<HeaderValue> {
        let wanted = self.cookies.iter().filter(|kept| kept.is_for(&bare(host), path, secure));
        let pairs: Vec<_> = wanted.map(|Kept { cookie, .. }| format!("{}={}", cookie.name(), cookie.value())).collect();
        HeaderValue::try_from(pairs.join("; ")).ok().filter(|header| !header.is_empty())
    }
}

impl Kept {
    fn is_for(&self, host: &str, path: &str, secure: bool) -> bool {
        let domain_fits = match self.cookie.domain() {
            Some(domain) => is_within(host, domain),
            None => host == self.host,
        };
        let own = self.cookie.path().unwrap_or("/");
        let below =
            path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || own.ends_with('/') || rest.starts_with('/'));
        domain_fits && below && (secure || self.cookie.secure() != Some(true)) && !is_over(&self.cookie)
    }
}

fn is_over(cookie: &Cookie<'_>) -> bool {
    match cookie.max_age() {
        Some(age) => !age.is_positive(),
        None => cookie.expires_datetime().is_some_and(|time| time <= OffsetDateTime::now_utc()),
    }
}

fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

/// Whether `host` is `domain` or a part of it; an address is no part of another.
fn is_within(host: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let is_below = || host.strip_suffix(&*domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || (is_below() && host.parse::<IpAddr>().is_err())
}

/// The host without its port, in lower case.
fn bare(host: &str) -> String {
    let has_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    host.rsplit_once(':').filter(|(_, port)| has_port(port)).map_or(host, |(host, _)| host).to_ascii_lowercase()
}

//! The cookie jar of the test client.

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
            self.set(cookie, host);
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
            self.cookies.push(Kept { cookie, host: bare(host).to_owned() });
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
        let wanted = self.cookies.iter().filter(|kept| kept.is_for(bare(host), path, secure));
        let pairs: Vec<_> = wanted.map(|Kept { cookie, .. }| format!("{}={}", cookie.name(), cookie.value())).collect();
        HeaderValue::try_from(pairs.join("; ")).ok().filter(|header| !header.is_empty())
    }
}

impl Kept {
    fn is_for(&self, host: &str, path: &str, secure: bool) -> bool {
        let domain_fits = match self.cookie.domain() {
            Some(domain) => host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
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

/// The host without its port.
fn bare(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

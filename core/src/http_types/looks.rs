//! The parts of a request that code has looked at, so that a cache can tell for whom a response is.

use std::sync::atomic::{AtomicU16, Ordering};

use http::HeaderName;
use http::header;
use parking_lot::Mutex;

/// The things in a request that code has looked at, and that may differ from client to client: cookies, headers, the body,
/// the client's address, what a tower layer attached. A [`Watch`](crate::Watch) collects them.
///
/// Method, path, query, scheme and host do not count: they say where the request goes, not whom it is from. What the key of a cache
/// leaves out of these has questions of its own: [`host`](Self::host) and [`target`](Self::target).
#[derive(Clone, Debug, Default)]
pub struct Looks {
    bits: u16,
    before: u16,
    headers: Vec<HeaderName>,
}

impl Looks {
    /// Whether code has looked at anything that may differ from client to client.
    pub fn is_any(&self) -> bool {
        self.bits & !UNCOUNTED != 0
    }

    /// Whether code had looked at anything before the watch began, such as a hook that keeps what it found on `g`.
    pub fn any_before(&self) -> bool {
        self.before & !UNCOUNTED != 0
    }

    /// Whether all that code has done is to hand the request on to a tower service, which may have looked at anything.
    pub fn only_handed_on(&self) -> bool {
        self.bits & !UNCOUNTED == HANDED_ON
    }

    /// Whether code may have looked at the host or the scheme of the request, as [`url_for`](crate::url_for) does for an external
    /// URL. A client may send any host, so a cache without it in its key would give one client's to all.
    ///
    /// ```
    /// use costrel::{App, request, url_for};
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").endpoint("index").view(|| {
    ///     let looks = [false, true].map(|external| {
    ///         let watch = request().watch();
    ///         url_for("index").external(external).build().map(|_| watch.end().host())
    ///     });
    ///     format!("{looks:?}")
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "[Ok(false), Ok(true)]");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn host(&self) -> bool {
        self.bits & (HOST | ALL_HEADERS | HANDED_ON) != 0 || self.headers.contains(&header::HOST)
    }

    /// Whether code may have looked at the path or the query of the request, or at what the rule has made of them: the endpoint
    /// and its arguments.
    pub fn target(&self) -> bool {
        self.bits & (TARGET | HANDED_ON) != 0
    }

    /// The names of the headers that code has looked at one by one, `cookie` among them.
    pub fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    /// Whether code has looked only at single headers, whose names are all in [`headers`](Self::headers): what a `Vary`
    /// can say.
    pub fn only_headers(&self) -> bool {
        self.bits & !(UNCOUNTED | NAMED) == 0
    }

    /// Returns these looks without those at what `other` has looked at too: for a cache whose key is made of that. Cookies
    /// and what a tower layer attached stay, because either may have looked at another part of them.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || {
    ///     let by_key = request().watch();
    ///     request().header("accept-language");
    ///     let by_key = by_key.end();
    ///     let watch = request().watch();
    ///     request().header("accept-language");
    ///     request().header("x-user");
    ///     format!("{:?}", watch.end().without(&by_key).headers())
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "[\"x-user\"]");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let is_new = |name: &&HeaderName| **name == header::COOKIE || !other.headers.contains(name);
        let headers: Vec<_> = self.headers.iter().filter(is_new).cloned().collect();
        let named = if headers.is_empty() { 0 } else { NAMED };
        Self { bits: self.bits & !(NAMED | other.bits & (ADDRESS | BODY | HOST | TARGET)) | named, headers, ..*self }
    }
}

/// A watch is on, so the names of headers are kept.
const WATCHED: u16 = 1;
/// Single headers, by name; cookies count as the header `cookie`.
const NAMED: u16 = 2;
/// All headers at once, so that it is not known which of them count.
pub(super) const ALL_HEADERS: u16 = 4;
/// The client's address.
pub(super) const ADDRESS: u16 = 8;
/// A value that a tower layer attached to the request.
pub(super) const EXTENSIONS: u16 = 16;
/// The whole request, which was handed on to a tower service.
pub(super) const HANDED_ON: u16 = 32;
/// The body.
pub(super) const BODY: u16 = 64;

/// Scheme and host.
pub(super) const HOST: u16 = 128;
/// The path, the query, and what the rule has made of them.
pub(super) const TARGET: u16 = 256;
/// Headers that say nothing of whom the request is from.
const UNCOUNTED: u16 = WATCHED | HOST | TARGET;

/// The looks at one request so far, or since a watch began. Names of headers are kept only while a watch is on.
#[derive(Debug, Default)]
pub(super) struct Looked {
    bits: AtomicU16,
    headers: Mutex<Vec<HeaderName>>,
}

impl Looked {
    /// Begins a watch, with nothing looked at; returns what was looked at before.
    pub(super) fn begin(&self) -> Looks {
        let before = self.bits.swap(WATCHED, Ordering::Relaxed);
        Looks { bits: before, before: 0, headers: std::mem::take(&mut *self.headers.lock()) }
    }

    /// The looks since the watch began, which began after `before`.
    pub(super) fn since(&self, before: &Looks) -> Looks {
        let bits = self.bits.load(Ordering::Relaxed);
        Looks { bits, before: before.bits, headers: self.headers.lock().clone() }
    }

    /// Forgets what was looked at since the watch began.
    pub(super) fn forget(&self) {
        self.bits.store(WATCHED, Ordering::Relaxed);
        self.headers.lock().clear();
    }

    /// Ends a watch: adds its looks to those of `before`, the names of headers only if a watch was on then too.
    pub(super) fn end(&self, before: Looks) {
        let inner = self.bits.swap(before.bits, Ordering::Relaxed);
        self.bits.fetch_or(inner & !WATCHED, Ordering::Relaxed);
        let mut headers = self.headers.lock();
        let inner = std::mem::replace(&mut *headers, before.headers);
        if before.bits & WATCHED != 0 {
            for name in inner {
                add(&mut headers, name);
            }
        }
    }

    pub(super) fn note(&self, what: u16) {
        // Read first, because writing costs more and most looks are not the first of their kind.
        if self.bits.load(Ordering::Relaxed) & what != what {
            self.bits.fetch_or(what, Ordering::Relaxed);
        }
    }

    pub(super) fn note_header(&self, name: &str) {
        self.note(NAMED);
        if self.bits.load(Ordering::Relaxed) & WATCHED == 0 {
            return;
        }
        if let Ok(name) = HeaderName::try_from(name) {
            add(&mut self.headers.lock(), name);
        }
    }

    pub(super) fn note_cookies(&self) {
        self.note_header(header::COOKIE.as_str());
    }
}

fn add(names: &mut Vec<HeaderName>, name: HeaderName) {
    if !names.contains(&name) {
        names.push(name);
    }
}

//! The request, as views see it.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Uri};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::body::Body;
use super::cookies;
use super::decoded_path::decoded_path;
use super::form::{Files, Form};
use super::looks::{ADDRESS, ALL_HEADERS, BODY, EXTENSIONS, HANDED_ON, HOST, Looked, TARGET};
use super::multi_dict::MultiDict;
use super::peer::{Peer, Scheme, ScriptRoot};
use super::request_body::{BodyLimits, RequestBody};
use crate::error::Error;
use crate::execution::Waiting;
use crate::routing::ArgValue;
use crate::type_map::TypeMap;

/// The request being handled. A handle, cheap to clone: clones are the same request.
/// Views get the request from [`request()`](crate::request()), decorators as an argument.
#[doc = include_str!("request.md")]
#[derive(Clone)]
pub struct Request {
    inner: Arc<Inner>,
}

struct Inner {
    head: Parts,
    /// The decoded path, where it is another than the one sent.
    decoded_path: Option<String>,
    peer: Peer,
    route: RouteInfo,
    limits: BodyLimits,
    body: Mutex<RequestBody>,
    looked: Looked,
    /// The request of which this is a changed form.
    origin: Option<Request>,
}

/// The result of routing a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteInfo {
    pub(crate) endpoint: Option<Arc<str>>,
    pub(crate) blueprint: Option<Arc<str>>,
    pub(crate) view_args: Vec<(Arc<str>, ArgValue)>,
    pub(crate) markers: TypeMap,
}

impl Request {
    pub(crate) fn new(request: http::Request<Body>, peer: Peer, route: RouteInfo, limits: BodyLimits) -> Self {
        Self::changed_from(None, request, peer, route, limits)
    }

    fn changed_from(
        origin: Option<Self>,
        request: http::Request<Body>,
        peer: Peer,
        route: RouteInfo,
        limits: BodyLimits,
    ) -> Self {
        let (head, body) = request.into_parts();
        let body = Mutex::new(RequestBody::new(body, &head.headers, limits));
        let decoded_path = match decoded_path(&head.uri) {
            Cow::Owned(decoded) => Some(decoded),
            Cow::Borrowed(_) => None,
        };
        let looked = Looked::default();
        Self { inner: Arc::new(Inner { head, decoded_path, peer, route, limits, body, looked, origin }) }
    }

    /// Returns this request with another head and body, as a tower layer made them. Rule, view arguments and markers
    /// stay.
    #[must_use]
    pub fn with_http(&self, request: http::Request<Body>) -> Self {
        let inner = &self.inner;
        let peer = Peer::attached(&request);
        let again = Self::changed_from(Some(self.clone()), request, peer, inner.route.clone(), inner.limits);
        // The new request has no other owner, so its lock is free. If the old one is locked, it is being read and has
        // no form yet.
        if let (Ok(mut own), Ok(earlier)) = (again.inner.body.try_lock(), inner.body.try_lock()) {
            own.share_form(&earlier);
        }
        again
    }

    /// Returns head and body as the `http` crate's request, to hand to a tower service. The part of the body that was
    /// read already is in it; the rest streams through it, and fails with a 408 if nothing of it arrives for
    /// `config.server.body_timeout`, but for gRPC.
    ///
    /// # Errors
    /// The errors of [`get_data`](Self::get_data), if the body was read and that failed.
    #[doc(alias("stream", "input_stream"))]
    pub async fn to_http(&self) -> Result<http::Request<Body>, Error> {
        self.looked().note(HANDED_ON);
        let body = self.inner.body.lock().await.hand_on().await?;
        let mut request = http::Request::from_parts(self.inner.head.clone(), body);
        // Attached here, for the few requests that are handed on, because this costs more than all of routing.
        request.extensions_mut().extend(self.peer_extensions());
        Ok(request)
    }

    fn peer_extensions(&self) -> http::Extensions {
        let mut extensions = http::Extensions::new();
        self.inner.peer.address.map(|address| extensions.insert(address));
        self.inner.peer.scheme.map(|scheme| extensions.insert(scheme));
        self.inner.peer.root.clone().map(|root| extensions.insert(root));
        extensions
    }

    /// The looks so far, which all forms of a request share.
    pub(super) fn looked(&self) -> &Looked {
        self.inner.origin.as_ref().map_or(&self.inner.looked, Self::looked)
    }

    /// The value of type `T` that the server or a tower layer attached to the request.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let address = || self.inner.peer.address.as_ref().and_then(|address| (address as &dyn Any).downcast_ref());
        self.looked().note(if TypeId::of::<T>() == TypeId::of::<SocketAddr>() { ADDRESS } else { EXTENSIONS });
        // The address first, because a trusted proxy's header goes before what the server attached.
        address().or_else(|| self.inner.head.extensions.get())
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &Method {
        &self.inner.head.method
    }

    /// The path, percent-decoded and without the query.
    pub fn path(&self) -> &str {
        self.looked().note(TARGET);
        self.unwatched_path()
    }

    /// The path, for code whose looks need not be known.
    pub(crate) fn unwatched_path(&self) -> &str {
        self.inner.decoded_path.as_deref().unwrap_or_else(|| self.inner.head.uri.path())
    }

    /// The path with the query, as it was sent.
    pub fn full_path(&self) -> &str {
        self.looked().note(TARGET);
        self.unwatched_uri().path_and_query().map_or("/", |path| path.as_str())
    }

    /// The URI as it was sent.
    #[doc(alias = "query_string")]
    pub fn uri(&self) -> &Uri {
        self.looked().note(HOST | TARGET);
        self.unwatched_uri()
    }

    /// The URI, for code whose looks need not be known.
    pub(crate) fn unwatched_uri(&self) -> &Uri {
        &self.inner.head.uri
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.looked().note(ALL_HEADERS);
        self.unwatched_headers()
    }

    /// All headers, for code whose looks need not be known.
    pub(crate) fn unwatched_headers(&self) -> &HeaderMap {
        &self.inner.head.headers
    }

    /// A header's value, if it is there and readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).next()?.to_str().ok()
    }

    /// Every value of a header, in the order sent.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        self.looked().note_header(name);
        self.unwatched_headers().get_all(name).into_iter()
    }

    /// The value of the cookie `name`; of the first one, if several have this name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.looked().note_cookies();
        self.cookie_unwatched(name)
    }

    /// The value of a cookie, for code whose looks need not be known.
    pub(crate) fn cookie_unwatched(&self, name: &str) -> Option<String> {
        self.cookie_pairs().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Every cookie.
    pub fn cookies(&self) -> MultiDict {
        self.looked().note_cookies();
        let mut cookies = MultiDict::default();
        self.cookie_pairs().for_each(|(name, value)| cookies.add(name, value));
        cookies
    }

    fn cookie_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let headers = self.unwatched_headers().get_all(header::COOKIE).into_iter();
        // Decoded lossily, so that a cookie that is not UTF-8 does not hide the others, such as the session's.
        headers.flat_map(|value| cookies::parse(&String::from_utf8_lossy(value.as_bytes())))
    }

    /// The query's arguments.
    #[doc(alias = "Query")]
    pub fn args(&self) -> MultiDict {
        self.looked().note(TARGET);
        MultiDict::parse(self.unwatched_uri().query().unwrap_or_default().as_bytes())
    }

    /// The scheme of the request: `https` or `http`.
    pub fn scheme(&self) -> &str {
        self.looked().note(HOST);
        match self.inner.peer.scheme {
            Some(Scheme::Https) => "https",
            Some(Scheme::Http) => "http",
            None => self.unwatched_uri().scheme_str().unwrap_or("http"),
        }
    }

    /// Whether the scheme is `https`.
    pub fn is_secure(&self) -> bool {
        self.scheme() == "https"
    }

    /// The host the request is for, with its port if that is not the scheme's own: a host name or address, or nothing if the
    /// client of HTTP/1.0 sent none. A request with another text as its host is refused with a 400.
    pub fn host(&self) -> &str {
        // The target's host goes first, as in RFC 9112, 3.2.2.
        let in_target = self.unwatched_uri().authority().map(http::uri::Authority::as_str);
        let in_header = || self.unwatched_headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = in_target.or_else(in_header).unwrap_or_default();
        let usual = if self.is_secure() { ":443" } else { ":80" };
        host.strip_suffix(usual).unwrap_or(host)
    }

    /// The path below which the app is mounted, such as `/shop`; empty at the root. [`path`](Self::path) and
    /// [`full_path`](Self::full_path) come after it. Flask's `script_root`: the host's [`ScriptRoot`], or else
    /// [`Config::application_root`](crate::Config::application_root).
    pub fn script_root(&self) -> &str {
        self.inner.peer.root.as_ref().map_or("", ScriptRoot::as_str)
    }

    /// The URL of the app itself, with a slash at its end: Flask's `root_url`.
    #[doc(alias("host_url", "url_root"))]
    pub fn root_url(&self) -> String {
        format!("{}://{}{}/", self.scheme(), self.host(), self.script_root())
    }

    /// Scheme, host and path, as the client sent them: with the path below which the app is mounted.
    pub fn base_url(&self) -> String {
        format!("{}://{}{}{}", self.scheme(), self.host(), self.script_root(), self.uri().path())
    }

    /// Scheme, host, path and query, as the client sent them: with the path below which the app is mounted.
    pub fn url(&self) -> String {
        format!("{}://{}{}{}", self.scheme(), self.host(), self.script_root(), self.full_path())
    }

    /// The address of the client; `None` if there is no connection, or the address is not known.
    #[doc(alias = "ConnectInfo")]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.looked().note(ADDRESS);
        self.inner.peer.address
    }

    /// The endpoint of the rule that matched; `None` for a 404 or 405.
    pub fn endpoint(&self) -> Option<&str> {
        self.looked().note(TARGET);
        self.inner.route.endpoint.as_deref()
    }

    /// The name of the endpoint's blueprint, with those of the blueprints around it: `admin.users`.
    pub fn blueprint(&self) -> Option<&str> {
        self.looked().note(TARGET);
        self.inner.route.blueprint.as_deref()
    }

    /// The names of the blueprints the endpoint is in, the innermost first.
    pub fn blueprints(&self) -> Vec<&str> {
        std::iter::successors(self.blueprint(), |name| name.rsplit_once('.').map(|(outer, _)| outer)).collect()
    }

    /// The arguments the rule took from the path, in its order.
    pub fn view_args(&self) -> &[(Arc<str>, ArgValue)] {
        self.looked().note(TARGET);
        self.unwatched_view_args()
    }

    /// The arguments, for code whose looks need not be known.
    pub(crate) fn unwatched_view_args(&self) -> &[(Arc<str>, ArgValue)] {
        &self.inner.route.view_args
    }

    /// The marker of type `T` on the view that matched, if there is one; see [`View::marked`](crate::View::marked).
    pub fn marker<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner.route.markers.get()
    }

    /// The body's bytes, read once and kept. `.await` them in async code, `.wait()` for them in sync code. After
    /// the body was read as a multipart form nothing is left, as in Flask.
    /// Do not hold a half-awaited call while you make another: the second waits for the first to end or be dropped.
    ///
    /// # Errors
    /// 413 if there are more bytes than `max_content_length`, 400 if the client broke off.
    #[doc(alias = "data")]
    pub fn get_data(&self) -> Waiting<Bytes> {
        let request = self.clone();
        Waiting::new(async move { request.read_body().await })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The errors of [`get_data`](Self::get_data), 415 if the content type is not JSON, 400 if the text is not.
    #[doc(alias = "json")]
    pub fn get_json<T: DeserializeOwned + Send + 'static>(&self) -> Waiting<T> {
        let request = self.clone();
        Waiting::new(async move {
            if !request.is_json() {
                return Err(
                    Error::status(415).with_message("Send JSON, with the header Content-Type: application/json.")
                );
            }
            parse_json(&request.read_body().await?)
        })
    }

    /// The body as JSON, whatever the content type says: Flask's `get_json(force=True)`.
    ///
    /// # Errors
    /// The errors of [`get_data`](Self::get_data), 400 if the text is not JSON.
    pub fn get_json_forced<T: DeserializeOwned + Send + 'static>(&self) -> Waiting<T> {
        let request = self.clone();
        Waiting::new(async move { parse_json(&request.read_body().await?) })
    }

    /// The body as JSON, or `None` if the content type or the text is not JSON: Flask's `get_json(silent=True)`.
    ///
    /// # Errors
    /// The errors of [`get_data`](Self::get_data).
    pub fn get_json_silent<T: DeserializeOwned + Send + 'static>(&self) -> Waiting<Option<T>> {
        let request = self.clone();
        Waiting::new(async move {
            let body = request.read_body().await?;
            Ok(serde_json::from_slice(&body).ok().filter(|_| request.is_json()))
        })
    }

    /// The fields of an HTML form, urlencoded or multipart; empty if the body is neither.
    ///
    /// # Errors
    /// The errors of [`get_data`](Self::get_data), 400 for a broken multipart body, and 413 for more than
    /// `config.max_form_memory_size` bytes or `config.max_form_parts` parts.
    pub fn form(&self) -> Waiting<MultiDict> {
        let request = self.clone();
        Waiting::new(async move { Ok(request.read_form().await?.fields.clone()) })
    }

    /// The files of a multipart form. Large ones are kept on disk.
    ///
    /// ```
    /// use costrel::{App, Error, request};
    ///
    /// let mut app = App::new("docs");
    /// app.post("/", async || {
    ///     let files = request().files().await?;
    ///     let photo = files.get("photo").ok_or_else(|| Error::status(400))?;
    ///     Ok::<_, Error>(format!("{:?} has {} bytes", photo.filename(), photo.read().await?.len()))
    /// });
    /// let sent = app.test_client().post("/").file("photo", "me.png", "image/png", b"....");
    /// assert_eq!(sent.wait()?.text(), "\"me.png\" has 4 bytes");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`form`](Self::form).
    #[doc(alias = "Multipart")]
    pub fn files(&self) -> Waiting<Files> {
        let request = self.clone();
        Waiting::new(async move { Ok(request.read_form().await?.files.clone()) })
    }

    /// The query's arguments, then, where the method has a body, the form's fields.
    ///
    /// # Errors
    /// The errors of [`form`](Self::form).
    pub fn values(&self) -> Waiting<MultiDict> {
        let request = self.clone();
        Waiting::new(async move {
            if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
                return Ok(request.args());
            }
            Ok(request.args().combined_with(&request.read_form().await?.fields))
        })
    }

    /// Whether the content type is JSON, `application/json` or `application/*+json`.
    pub fn is_json(&self) -> bool {
        self.mimetype().is_some_and(|mimetype| {
            mimetype == "application/json" || (mimetype.starts_with("application/") && mimetype.ends_with("+json"))
        })
    }

    /// The content type without its parameters, in lower case.
    pub fn mimetype(&self) -> Option<String> {
        self.header("content-type")?.split(';').next().map(|mimetype| mimetype.trim().to_ascii_lowercase())
    }

    /// Reads the body ahead, so that sync code on a worker never waits for a slow client. A failure is kept for the
    /// code that asks for the body.
    pub(crate) async fn prefetch_body(&self) {
        let is_here = self.inner.body.try_lock().is_ok_and(|body| body.is_here());
        if !is_here {
            // Boxed, because most requests have no body and need no room for this.
            Box::pin(async { self.inner.body.lock().await.read_ahead().await }).await;
        }
    }

    async fn read_body(&self) -> Result<Bytes, Error> {
        self.looked().note(BODY);
        self.inner.body.lock().await.data().await
    }

    async fn read_form(&self) -> Result<Arc<Form>, Error> {
        self.looked().note(BODY);
        self.inner.body.lock().await.form().await
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method(), self.full_path())
    }
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::status(400).with_message(format!("The body is not the JSON expected here: {error}.")))
}

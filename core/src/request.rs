//! The request, as views see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::request::Parts;
use http::{Method, Uri};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::arg::ArgValue;
use crate::body::Body;
use crate::crossing::Waiting;
use crate::error::Error;
use crate::marker::Markers;

/// One request: a handle, cheap to clone, to the same data everywhere.
///
/// Views get it from [`request()`](crate::request()), decorators as an argument.
///
/// ```
/// # use costrel::{App, request};
/// # let mut app = App::new("docs");
/// app.route("/search", || format!("{} {:?}", request().method(), request().args().get("q")));
/// assert_eq!(app.test_client().get("/search?q=rust").wait()?.text(), "GET Some(\"rust\")");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Request {
    inner: Arc<Inner>,
}

struct Inner {
    head: Parts,
    path: String,
    remote_addr: Option<SocketAddr>,
    matched: Matched,
    max_content_length: Option<u64>,
    body: Mutex<Reading>,
}

/// How many bytes a form may have: every field costs more in memory than it has bytes.
const MAX_FORM_MEMORY_SIZE: usize = 500_000;

/// What routing found for a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matched {
    pub(crate) endpoint: Option<Arc<str>>,
    pub(crate) view_args: Vec<(Arc<str>, ArgValue)>,
    pub(crate) markers: Markers,
}

/// How far the body has been read. What has arrived is kept when a reader is cancelled.
struct Reading {
    body: Option<Body>,
    read: BytesMut,
    outcome: Option<Result<Bytes, Error>>,
}

impl Request {
    pub(crate) fn new(
        request: http::Request<Body>,
        path: String,
        matched: Matched,
        max_content_length: Option<u64>,
    ) -> Self {
        let (head, body) = request.into_parts();
        let remote_addr = head.extensions.get::<SocketAddr>().copied();
        let body = Mutex::new(Reading { body: Some(body), read: BytesMut::new(), outcome: None });
        Self { inner: Arc::new(Inner { head, path, remote_addr, matched, max_content_length, body }) }
    }

    /// This request with another head and body: what a tower layer made of it. Rule, view arguments and
    /// markers stay.
    #[must_use]
    pub fn with_http(&self, request: http::Request<Body>) -> Self {
        let inner = &self.inner;
        Self::new(request, inner.path.clone(), inner.matched.clone(), inner.max_content_length)
    }

    /// Head and body as the `http` crate's request, to hand to a tower service. What was read of the body
    /// already is in it; what was not streams through it.
    ///
    /// # Errors
    /// Those of [`get_data`](Self::get_data), if the body was read and that failed.
    pub async fn to_http(&self) -> Result<http::Request<Body>, Error> {
        let mut reading = self.inner.body.lock().await;
        let body = match &reading.outcome {
            Some(outcome) => Body::from(outcome.clone()?),
            None if reading.read.is_empty() => reading.body.take().unwrap_or_default(),
            None => {
                drop(reading);
                Body::from(self.read_body().await?)
            }
        };
        Ok(http::Request::from_parts(self.inner.head.clone(), body))
    }

    /// What the server or a tower layer attached to the request, by type.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner.head.extensions.get()
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &Method {
        &self.inner.head.method
    }

    /// The path, percent-decoded and without the query.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The path with the query, as it was sent.
    pub fn full_path(&self) -> &str {
        self.uri().path_and_query().map_or("/", |path| path.as_str())
    }

    /// The URI as it was sent.
    pub fn uri(&self) -> &Uri {
        &self.inner.head.uri
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.head.headers
    }

    /// A header's value, if it is there and readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// A cookie's value, as it was sent.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jars = self.headers().get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        jars.flat_map(|jar| cookie::Cookie::split_parse(jar).flatten())
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    /// The query's arguments.
    pub fn args(&self) -> MultiDict {
        MultiDict::parse(self.uri().query().unwrap_or_default().as_bytes())
    }

    /// Who is at the other end of the connection; `None` if there is none, or it is not known.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.inner.remote_addr
    }

    /// The endpoint of the rule that matched; `None` for a 404 or 405.
    pub fn endpoint(&self) -> Option<&str> {
        self.inner.matched.endpoint.as_deref()
    }

    /// The arguments the rule took from the path, in its order.
    pub fn view_args(&self) -> &[(Arc<str>, ArgValue)] {
        &self.inner.matched.view_args
    }

    /// The note of this type on the view that matched, if there is one; see [`View::marked`](crate::View::marked).
    pub fn marker<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner.matched.markers.get()
    }

    /// The body's bytes, read once and kept. `.await` it in async code, `.wait()` for it in sync code.
    ///
    /// # Errors
    /// 413 if there are more than `max_content_length`, 400 if the client broke off.
    pub fn get_data(&self) -> Waiting<Bytes> {
        let request = self.clone();
        Waiting::new(async move { request.read_body().await })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// Those of [`get_data`](Self::get_data), 415 if the content type is not JSON, 400 if the text is not.
    pub fn get_json<T: DeserializeOwned + Send + 'static>(&self) -> Waiting<T> {
        let request = self.clone();
        Waiting::new(async move {
            if !request.is_json() {
                return Err(
                    Error::status(415).with_message("Send JSON, with the header Content-Type: application/json.")
                );
            }
            let body = request.read_body().await?;
            serde_json::from_slice(&body).map_err(|error| {
                Error::status(400).with_message(format!("The body is not the JSON expected here: {error}."))
            })
        })
    }

    /// The fields of an HTML form. Empty unless the content type is `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// Those of [`get_data`](Self::get_data), and 413 for more than 500,000 bytes, as in Flask.
    pub fn form(&self) -> Waiting<MultiDict> {
        let request = self.clone();
        Waiting::new(async move {
            if request.mimetype().as_deref() != Some("application/x-www-form-urlencoded") {
                return Ok(MultiDict::default());
            }
            let body = request.read_body().await?;
            if body.len() > MAX_FORM_MEMORY_SIZE {
                return Err(Error::status(413).with_message("The form is too large."));
            }
            Ok(MultiDict::parse(&body))
        })
    }

    /// Whether the content type is JSON, `application/json` or `application/*+json`.
    pub fn is_json(&self) -> bool {
        self.mimetype().is_some_and(|mimetype| {
            mimetype == "application/json" || (mimetype.starts_with("application/") && mimetype.ends_with("+json"))
        })
    }

    fn mimetype(&self) -> Option<String> {
        self.header("content-type")?.split(';').next().map(|mimetype| mimetype.trim().to_ascii_lowercase())
    }

    /// Reads the body ahead, so that sync code on a worker never waits for a slow client. A failure is
    /// kept for whoever asks for the body.
    pub(crate) async fn prefetch_body(&self) {
        let _kept = self.read_body().await;
    }

    async fn read_body(&self) -> Result<Bytes, Error> {
        let mut reading = self.inner.body.lock().await;
        if reading.outcome.is_none() {
            let outcome = self.read_rest(&mut reading).await;
            reading.outcome = Some(outcome);
        }
        reading.outcome.clone().unwrap_or_else(|| Ok(Bytes::new()))
    }

    async fn read_rest(&self, reading: &mut Reading) -> Result<Bytes, Error> {
        self.check_size(self.announced_length())?;
        let Some(body) = &mut reading.body else { return Ok(Bytes::new()) };
        while let Some(chunk) = body.next_chunk().await {
            let chunk =
                chunk.map_err(|error| Error::status(400).with_message(format!("The body broke off: {error}.")))?;
            reading.read.extend_from_slice(&chunk);
            self.check_size(reading.read.len() as u64)?;
        }
        reading.body = None;
        Ok(std::mem::take(&mut reading.read).freeze())
    }

    fn announced_length(&self) -> u64 {
        self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    fn check_size(&self, size: u64) -> Result<(), Error> {
        match self.inner.max_content_length {
            Some(max) if size > max => {
                Err(Error::status(413).with_message(format!("The body may have {max} bytes at most.")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method(), self.full_path())
    }
}

/// Names with one or more values each, in the order they came.
///
/// ```
/// use costrel::MultiDict;
///
/// let query = MultiDict::parse(b"tag=a&tag=b%20c&page=2");
/// assert_eq!(query.get("page"), Some("2"));
/// assert_eq!(query.get_list("tag").collect::<Vec<_>>(), ["a", "b c"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiDict {
    pairs: Vec<(String, String)>,
}

impl MultiDict {
    /// Reads `a=1&b=2`, percent-encoded. Bytes that are no text become the replacement character.
    pub fn parse(encoded: &[u8]) -> Self {
        Self { pairs: form_urlencoded::parse(encoded).into_owned().collect() }
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`.
    pub fn get_list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

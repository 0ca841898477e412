//! Server-sent events, as browsers' `EventSource` reads them.

use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use http::header::{self, HeaderMap};
use tokio::time;

use super::body::{Body, IntoChunk};
use super::response::{IntoResponse, Response};
use crate::error::Error;
use crate::execution::iterate;

/// The silence after which a comment is sent, so that no proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An event of an [`EventStream`]; its fields are those of the HTML standard, section 9.2.
///
/// ```
/// use costrel::{Event, convert::IntoChunk};
///
/// let event = Event::new("one\ntwo").event("news").id("7").retry(std::time::Duration::from_secs(3));
/// assert_eq!(event.into_chunk()?, "event: news\nid: 7\nretry: 3000\ndata: one\ndata: two\n\n");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    text: String,
    data: Option<String>,
}

impl Event {
    /// Builds an event with this text, of any number of lines.
    pub fn new(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// Builds an event with this value as JSON.
    ///
    /// # Errors
    /// If `value` cannot be written as JSON.
    pub fn json(value: &impl serde::Serialize) -> Result<Self, Error> {
        Ok(Self::new(serde_json::to_string(value)?))
    }

    /// Sets the type of the event, for `addEventListener`; without one the event is a `message`.
    pub fn event(self, name: &str) -> Self {
        self.field("event", name)
    }

    /// Sets the id of the event, which the client sends as `Last-Event-ID` when it reconnects;
    /// [`Request::last_event_id`](crate::Request::last_event_id) reads it.
    pub fn id(self, id: &str) -> Self {
        self.field("id", id)
    }

    /// Sets the time, to the millisecond, that the client waits before it reconnects.
    pub fn retry(self, wait: Duration) -> Self {
        self.field("retry", &wait.as_millis().to_string())
    }

    /// Adds a comment, a line that clients ignore.
    pub fn comment(self, text: &str) -> Self {
        self.field("", text)
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        // Replaced, because a line break would start another field, and clients ignore an id with a NUL in it.
        let value = value.replace(['\r', '\n', '\0'], " ");
        let _infallible = writeln!(self.text, "{name}: {value}");
        self
    }
}

impl IntoChunk for Event {
    fn into_chunk(mut self) -> Result<Bytes, Error> {
        // Normalised, because the standard has three line endings and each line is a field of its own.
        let data = self.data.map(|data| data.replace("\r\n", "\n").replace('\r', "\n"));
        for line in data.iter().flat_map(|data| data.split('\n')) {
            let _infallible = writeln!(self.text, "data: {line}");
        }
        self.text.push('\n');
        Ok(self.text.into())
    }
}

/// A response of server-sent events: `text/event-stream`, not to be cached, with a comment every 15 seconds of
/// silence. The stream ends when the server begins to shut down, and the browser connects anew.
///
/// Build it from an async stream or any iterator, of [`Event`]s or a `Result` of them, and return it from a view.
///
/// ```
/// use costrel::{App, Event, EventStream, request};
///
/// async fn ticks() -> EventStream {
///     let from = request().last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
///     EventStream::new(futures_util::stream::iter((from..3).map(|n| Event::new(format!("tick {n}")).id(&n.to_string()))))
/// }
/// let mut app = App::new("docs");
/// # app.route("/", ticks);
/// let client = app.test_client();
/// let response = client.get("/").header("last-event-id", "2").wait()?;
/// assert_eq!(response.header("content-type"), Some("text/event-stream"));
/// assert_eq!(response.text(), "id: 2\ndata: tick 2\n\n");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Streams and events](../costrel_book/streams/index.html).
#[doc(alias = "Sse")]
pub struct EventStream {
    chunks: BoxStream<'static, Result<Bytes, Error>>,
    keep_alive: Duration,
}

impl EventStream {
    /// Builds the response from an async stream.
    pub fn new<S: Stream<Item: IntoChunk> + Send + 'static>(events: S) -> Self {
        Self { chunks: events.map(IntoChunk::into_chunk).boxed(), keep_alive: KEEP_ALIVE }
    }

    /// Builds the response from an iterator, which may block: each step runs on a worker.
    pub fn from_iterator<I>(events: I) -> Self
    where
        I: IntoIterator<IntoIter: Send + 'static, Item: IntoChunk + Send + 'static> + 'static,
    {
        Self::new(iterate(events))
    }

    /// Sets the silence after which a comment is sent. Default: 15 seconds.
    pub fn keep_alive(mut self, silence: Duration) -> Self {
        self.keep_alive = silence;
        self
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Result<Response, Error> {
        let silence = Silence { chunks: self.chunks, longest: self.keep_alive, end: rest(self.keep_alive) };
        let headers = [("content-type", "text/event-stream"), ("cache-control", "no-cache")];
        (Body::from_stream(silence).until_shutdown(), headers).into_response()
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// The content type of server-sent events.
const EVENTS: &[u8] = b"text/event-stream";

/// Whether a response is a stream of events, by its type.
pub(crate) fn has_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..EVENTS.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS))
}

/// A stream of events, with a comment after each silence that is too long.
struct Silence {
    chunks: BoxStream<'static, Result<Bytes, Error>>,
    longest: Duration,
    end: BoxFuture<'static, ()>,
}

fn rest(silence: Duration) -> BoxFuture<'static, ()> {
    // The timer is made when it is first polled, so that it belongs to the event loop that sends the body.
    Box::pin(async move { time::sleep(silence).await })
}

impl Stream for Silence {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = match self.chunks.poll_next_unpin(context) {
            Poll::Pending => self.end.poll_unpin(context).map(|()| Some(Ok(Bytes::from_static(b":\n\n")))),
            Poll::Ready(chunk) => Poll::Ready(chunk),
        };
        if polled.is_ready() {
            self.end = rest(self.longest);
        }
        polled
    }
}

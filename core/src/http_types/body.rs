//! The body of a request or a response: whole in memory, or a stream.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};

use crate::error::Error;
use crate::execution::iterate;

/// The body of a request or a response.
///
/// ```
/// use costrel::Body;
///
/// assert_eq!(Body::from("hello").as_bytes().unwrap().as_ref(), b"hello");
/// ```
///
/// Book: [Streams and events](../costrel_book/streams/index.html).
#[derive(Default)]
pub struct Body {
    content: Content,
    /// The request that a streamed response answers, for the log.
    log_label: Option<Box<str>>,
}

enum Content {
    Whole(Bytes),
    Streamed { body: UnsyncBoxBody<Bytes, Error>, length: Option<u64>, until_shutdown: bool },
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Body {
    /// Returns an empty body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Wraps any other body type, whose frames are passed on one by one.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        // An empty body is whole and not a stream, so that it can be handed on more than once.
        if body.is_end_stream() {
            return Self::empty();
        }
        let body = body.map_err(|error| Error::from_boxed(error.into()));
        Self::streamed(UnsyncBoxBody::new(body))
    }

    /// Builds a body that is sent chunk by chunk, each as soon as the stream gives it: text, bytes, or a `Result` of
    /// these. An error is logged and ends the connection, because the head has been sent already.
    ///
    /// ```
    /// use costrel::{App, Body};
    /// use futures_util::stream;
    ///
    /// async fn numbers() -> Body {
    ///     Body::from_stream(stream::iter(["one ", "two"]))
    /// }
    /// let mut app = App::new("docs");
    /// # app.route("/", numbers);
    /// # assert_eq!(app.test_client().get("/").wait().unwrap().text(), "one two");
    /// ```
    pub fn from_stream<S>(stream: S) -> Self
    where
        S: Stream<Item: IntoChunk> + Send + 'static,
    {
        // Each chunk is a frame of its own, so that it leaves as soon as it is there. Fused, because a layer may ask for
        // a frame after the last one, and a stream may panic then.
        let frames = stream.fuse().map(|chunk| chunk.into_chunk().map(Frame::data));
        Self::streamed(UnsyncBoxBody::new(StreamBody::new(frames)))
    }

    /// Builds a body from any iterator, as Flask does from a generator. The iterator may block: each step runs on a
    /// worker, which is free for other jobs between the chunks.
    ///
    /// ```
    /// use costrel::{App, Body};
    ///
    /// fn rows() -> Body {
    ///     Body::from_iterator((1..=3).map(|n| format!("{n},")))
    /// }
    /// let mut app = App::new("docs");
    /// # app.route("/", rows);
    /// # assert_eq!(app.test_client().get("/").wait().unwrap().text(), "1,2,3,");
    /// ```
    pub fn from_iterator<I>(iterator: I) -> Self
    where
        I: IntoIterator<IntoIter: Send + 'static, Item: IntoChunk + Send + 'static> + 'static,
    {
        Self::from_stream(iterate(iterator))
    }

    fn streamed(body: UnsyncBoxBody<Bytes, Error>) -> Self {
        Self { content: Content::Streamed { body, length: None, until_shutdown: false }, log_label: None }
    }

    /// Sets the length of a stream in bytes, so that the response can have a `Content-Length`.
    #[must_use]
    pub fn with_length(mut self, bytes: u64) -> Self {
        if let Content::Streamed { length, .. } = &mut self.content {
            *length = Some(bytes);
        }
        self
    }

    /// Marks a stream that has no end of its own: it ends, as if its source had, when the server begins to shut down. A
    /// stream that is not marked has `config.server.shutdown_timeout` to end, and is then broken off, so that no client takes
    /// a part for the whole. An [`EventStream`](crate::EventStream), and any response whose content type is
    /// `text/event-stream`, is marked.
    ///
    /// ```
    /// use costrel::Body;
    ///
    /// fn frames() -> Body {
    ///     Body::from_iterator(std::iter::repeat("frame")).until_shutdown()
    /// }
    /// # drop(frames());
    /// ```
    #[must_use]
    pub fn until_shutdown(mut self) -> Self {
        if let Content::Streamed { until_shutdown, .. } = &mut self.content {
            *until_shutdown = true;
        }
        self
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.content, Content::Streamed { .. })
    }

    /// Whether the stream is marked as one that has no end of its own, by [`until_shutdown`](Self::until_shutdown). Code that
    /// wraps a body keeps the mark, or leaves the body as it is.
    pub fn is_until_shutdown(&self) -> bool {
        matches!(self.content, Content::Streamed { until_shutdown: true, .. })
    }

    /// Ends a stream between two of its chunks once `end` is ready.
    pub(crate) fn end_at(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        let source = std::mem::take(&mut self.content);
        self.content = match source {
            Content::Streamed { body, until_shutdown, .. } => {
                let body = UnsyncBoxBody::new(EndedStream { body: Some(body), end: Box::pin(end) });
                Content::Streamed { body, length: None, until_shutdown }
            }
            whole @ Content::Whole(_) => whole,
        };
    }

    /// Sets the label under which a stream's errors are logged, because no error handler can answer them any more.
    pub(crate) fn set_log_label(&mut self, label: String) {
        self.log_label = Some(label.into());
    }

    /// The length of the body in bytes, if it is known: always for a whole body, and for a stream if
    /// [`with_length`](Self::with_length) or the stream itself gives it.
    ///
    /// ```
    /// use costrel::Body;
    ///
    /// assert_eq!(Body::from("four").length(), Some(4));
    /// assert_eq!(Body::from_iterator(["four"]).length(), None);
    /// assert_eq!(Body::from_iterator(["four"]).with_length(4).length(), Some(4));
    /// ```
    pub fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// The bytes, if they are all there already; `None` for a stream.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes),
            Content::Streamed { .. } => None,
        }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// The errors of the stream.
    pub async fn collect(mut self) -> Result<Bytes, Error> {
        let mut collected = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await {
            collected.extend_from_slice(&chunk?);
        }
        Ok(collected.freeze())
    }

    /// Returns the next bytes, skipping trailers; `None` at the end.
    pub(super) async fn next_chunk(&mut self) -> Option<Result<Bytes, Error>> {
        loop {
            match self.frame().await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
            }
        }
    }
}

/// A chunk of a streamed body: text, bytes, or a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a chunk of a body",
    note = "stream `&'static str`, `String`, `Bytes`, `Vec<u8>`, or a `Result` of one of these"
)]
pub trait IntoChunk {
    /// Returns the chunk's bytes.
    ///
    /// # Errors
    /// The error that the stream gave in place of the chunk.
    fn into_chunk(self) -> Result<Bytes, Error>;
}

macro_rules! chunks {
    ($($chunk:ty),*) => {$(
        impl IntoChunk for $chunk {
            fn into_chunk(self) -> Result<Bytes, Error> {
                Ok(self.into())
            }
        }
    )*};
}

chunks!(&'static str, String, Bytes, Vec<u8>, &'static [u8]);

impl<T: IntoChunk, E: Into<Error>> IntoChunk for Result<T, E> {
    fn into_chunk(self) -> Result<Bytes, Error> {
        self.map_err(Into::into)?.into_chunk()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Streamed { body, .. } => {
                let body = Pin::new(body);
                let polled = panic::catch_unwind(AssertUnwindSafe(|| body.poll_frame(context)));
                let polled = polled.unwrap_or_else(|payload| Poll::Ready(Some(Err(Error::from_caught(payload)))));
                if let Poll::Ready(Some(Err(error))) = &polled {
                    if let Some(label) = &self.log_label {
                        tracing::error!("Exception in the body of {label}: {error:?}");
                    }
                    // A stream that failed or panicked must not be polled again.
                    self.content = Content::default();
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Streamed { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Streamed { length: Some(length), .. } => SizeHint::with_exact(*length),
            Content::Streamed { body, .. } => body.size_hint(),
        }
    }
}

/// A stream that ends when something else is ready.
struct EndedStream {
    /// `None` once it has ended.
    body: Option<UnsyncBoxBody<Bytes, Error>>,
    end: BoxFuture<'static, ()>,
}

impl HttpBody for EndedStream {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.body.is_some() && self.end.poll_unpin(context).is_ready() {
            self.body = None;
        }
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self { content: Content::Whole(bytes.into()), log_label: None }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Content::Streamed { .. } => f.write_str("Body(stream)"),
        }
    }
}

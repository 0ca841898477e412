//! Bytes in, bytes out: whole or as a stream.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};

use crate::error::Error;

/// The body of a request or a response.
///
/// ```
/// use costrel::Body;
///
/// assert_eq!(Body::from("hello").as_bytes().unwrap().as_ref(), b"hello");
/// ```
#[derive(Default)]
pub struct Body {
    content: Content,
}

enum Content {
    Whole(Bytes),
    Streamed { body: UnsyncBoxBody<Bytes, Error>, length: Option<u64> },
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Body {
    /// A body without a byte.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Any other body type, passed on frame by frame.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        // What has nothing to give is whole, and can be handed on again and again.
        if body.is_end_stream() {
            return Self::empty();
        }
        let body = body.map_err(|error| Error::from_boxed(error.into()));
        Self::streamed(UnsyncBoxBody::new(body))
    }

    /// A body sent chunk by chunk, each as soon as the stream gives it.
    ///
    /// ```
    /// # use costrel::{App, Body, Error};
    /// use futures_util::stream;
    ///
    /// fn numbers() -> Body {
    ///     Body::from_stream(stream::iter(["one ", "two"]).map(Ok::<_, Error>))
    /// }
    /// # use futures_util::StreamExt;
    /// # let mut app = App::new("docs");
    /// # app.route("/", numbers);
    /// # assert_eq!(app.test_client().get("/").wait().unwrap().text(), "one two");
    /// ```
    pub fn from_stream<S, T, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<Bytes>,
        E: Into<Error>,
    {
        // Each chunk is a frame of its own, so that it leaves as soon as it is there.
        let frames = stream.map(|chunk| chunk.map(|data| Frame::data(data.into())).map_err(Into::into));
        Self::streamed(UnsyncBoxBody::new(StreamBody::new(frames)))
    }

    fn streamed(body: UnsyncBoxBody<Bytes, Error>) -> Self {
        Self { content: Content::Streamed { body, length: None } }
    }

    /// Says how many bytes a stream is going to give, so that the response can.
    #[must_use]
    pub fn with_length(mut self, bytes: u64) -> Self {
        if let Content::Streamed { length, .. } = &mut self.content {
            *length = Some(bytes);
        }
        self
    }

    /// The bytes, if they are all there already; `None` for a stream.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes),
            Content::Streamed { .. } => None,
        }
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Those of the stream.
    pub async fn collect(mut self) -> Result<Bytes, Error> {
        let mut collected = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await {
            collected.extend_from_slice(&chunk?);
        }
        Ok(collected.freeze())
    }

    /// The next bytes, skipping trailers; `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Option<Result<Bytes, Error>> {
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

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Streamed { body, .. } => {
                let body = Pin::new(body);
                panic::catch_unwind(AssertUnwindSafe(|| body.poll_frame(context))).unwrap_or_else(|payload| {
                    let error = Error::from_panic(&*payload);
                    tracing::error!("Exception in a body: {error}");
                    // Whatever is in there must not be polled again.
                    self.content = Content::default();
                    Poll::Ready(Some(Err(error)))
                })
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

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self { content: Content::Whole(bytes.into()) }
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

//! The test client's end of a WebSocket.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::call::TestCall;
use super::{TestClient, TestRequest, TestResponse};
use crate::error::{Error, ErrorKind};
use crate::websocket::{Message, Upgrade};

/// The number of bytes that may be under way in either direction.
const UNDER_WAY: usize = 64 << 10;

/// A handshake being made; sent by `.await` or [`wait`](Self::wait).
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited (async) or waited for (sync)"]
pub struct TestHandshake {
    client: TestClient,
    request: TestRequest,
}

impl TestClient {
    /// Asks for a WebSocket. If the handshake is refused, the [`TestWebSocket`] has the status of the refusal.
    #[track_caller]
    pub fn websocket(&self, path: &str) -> TestHandshake {
        let request = self.get(path).header("connection", "Upgrade").header("upgrade", "websocket");
        let request =
            request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        TestHandshake { client: self.clone(), request }
    }
}

impl TestHandshake {
    /// Adds a header.
    ///
    /// # Panics
    /// If name or value are not valid.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Offers these subprotocols, the best first.
    pub fn subprotocols<'p>(self, protocols: impl IntoIterator<Item = &'p str>) -> Self {
        let list = protocols.into_iter().collect::<Vec<_>>().join(", ");
        self.header("sec-websocket-protocol", &list)
    }

    /// Sends the handshake and blocks until it is answered; the sync form of `.await`.
    ///
    /// # Errors
    /// The errors of [`TestRequest::wait`].
    pub fn wait(self) -> Result<TestWebSocket, Error> {
        let client = self.client.clone();
        client.block_on(self.send())
    }

    async fn send(self) -> Result<TestWebSocket, Error> {
        let (ours, theirs) = duplex(UNDER_WAY);
        let response = self.request.extension(Upgrade::new(theirs)).await?;
        let line = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let line = (response.status() == StatusCode::SWITCHING_PROTOCOLS).then(|| {
            let (sink, stream) = line.split();
            Arc::new(Line { sink: Mutex::new(sink), stream: Mutex::new(stream) })
        });
        Ok(TestWebSocket { client: self.client, response, line })
    }
}

impl IntoFuture for TestHandshake {
    type Output = Result<TestWebSocket, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A client's WebSocket. Dropping it closes the connection without a close frame.
pub struct TestWebSocket {
    client: TestClient,
    response: TestResponse,
    /// `None` if the handshake was refused.
    line: Option<Arc<Line>>,
}

/// Both directions of the connection, so that one can wait while the other is used.
struct Line {
    sink: Mutex<SplitSink<WebSocketStream<DuplexStream>, Frame>>,
    stream: Mutex<SplitStream<WebSocketStream<DuplexStream>>>,
}

impl TestWebSocket {
    /// The status of the response to the handshake: 101 if it was accepted.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// All headers of the response to the handshake.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// A header of the response to the handshake.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// The text of the response that refused the handshake.
    pub fn text(&self) -> String {
        self.response.text()
    }

    /// Sends text or bytes.
    ///
    /// # Errors
    /// If the handshake was refused, or the server has closed the WebSocket.
    pub fn send(&self, message: impl Into<Message>) -> TestCall<()> {
        let frame = match message.into() {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        self.put(frame)
    }

    /// Sends a value as JSON text.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    #[track_caller]
    pub fn send_json(&self, value: &impl Serialize) -> TestCall<()> {
        match serde_json::to_string(value) {
            Ok(text) => self.send(text),
            Err(error) => panic!("no JSON: {error}"),
        }
    }

    /// Receives the next message.
    ///
    /// # Errors
    /// If the handshake was refused, or the server has closed the WebSocket; the message names the close code.
    pub fn receive(&self) -> TestCall<Message> {
        let line = self.line();
        TestCall::new(&self.client, async move {
            match line?.next().await {
                Ok(message) => Ok(message),
                Err(closed) => Err(failure(format!("the WebSocket was closed: {}", describe(closed.as_ref())))),
            }
        })
    }

    /// Receives the next message as JSON.
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive), or if the message is not this JSON.
    pub fn receive_json<T: DeserializeOwned + Send + 'static>(&self) -> TestCall<T> {
        let receiving = self.receive();
        TestCall::new(&self.client, async move { Ok(serde_json::from_slice(&receiving.await?.into_bytes())?) })
    }

    /// Waits until the server closes the WebSocket, and returns the close code; `None` if there was no close frame.
    ///
    /// # Errors
    /// If the handshake was refused, or there was another message.
    pub fn closed(&self) -> TestCall<Option<u16>> {
        let line = self.line();
        TestCall::new(&self.client, async move {
            match line?.next().await {
                Ok(message) => Err(failure(format!("there was another message: {message:?}"))),
                Err(frame) => Ok(frame.map(|frame| frame.code.into())),
            }
        })
    }

    /// Closes the WebSocket.
    ///
    /// # Errors
    /// If the handshake was refused, or the WebSocket is closed.
    pub fn close(&self, code: u16, reason: &str) -> TestCall<()> {
        self.put(Frame::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })))
    }

    fn put(&self, frame: Frame) -> TestCall<()> {
        let line = self.line();
        TestCall::new(&self.client, async move { Ok(line?.sink.lock().await.send(frame).await?) })
    }

    fn line(&self) -> Result<Arc<Line>, Error> {
        self.line.clone().ok_or_else(|| failure(format!("the WebSocket was refused with {}", self.status())))
    }
}

impl Line {
    /// Returns the next message, or the close frame, if there was one.
    async fn next(&self) -> Result<Message, Option<CloseFrame>> {
        loop {
            return match self.stream.lock().await.next().await {
                Some(Ok(Frame::Text(text))) => Ok(Message::Text(text.to_string())),
                Some(Ok(Frame::Binary(bytes))) => Ok(Message::Binary(bytes)),
                Some(Ok(Frame::Close(frame))) => Err(frame),
                Some(Ok(_)) => continue,
                // Closed without a close frame.
                Some(Err(_)) | None => Err(None),
            };
        }
    }
}

fn describe(frame: Option<&CloseFrame>) -> String {
    frame.map_or_else(
        || "without a close frame".to_owned(),
        |frame| format!("{} {}", u16::from(frame.code), frame.reason),
    )
}

fn failure(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}

impl fmt::Debug for TestWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWebSocket").field("status", &self.status()).finish_non_exhaustive()
    }
}

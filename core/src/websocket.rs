//! The WebSocket of a handler of either colour, and the messages that it receives and sends.
#![cfg_attr(
    not(feature = "websocket"),
    allow(dead_code, reason = "what needs no library stays, so that the rest need not ask")
)]

#[cfg(feature = "websocket")]
mod connection;
mod handshake;
mod origin;
#[cfg(feature = "websocket")]
mod inflate;
#[cfg(feature = "websocket")]
mod deflate;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind};
use crate::execution::Waiting;
use crate::http_types::{Body, Response, error_page};

#[cfg(feature = "websocket")]
pub(crate) use connection::{Connection, Permits, Upgrade};
#[cfg(feature = "websocket")]
pub(crate) use handshake::check_handshake;
pub(crate) use handshake::is_handshake;
pub(crate) use origin::check_origins;

/// The most messages that may wait in each direction; then the sender has to wait.
const MOST_WAITING: usize = 16;

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// The text of the message; `None` if it is binary.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The number of bytes of the message.
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Returns the bytes of the message, text or binary.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// The WebSocket that a handler talks over, as [`websocket()`](crate::websocket()) gives it. A handle, cheap to clone.
///
/// The first `receive` or `send` accepts the connection. When the client goes, an async handler is dropped at its
/// `.await`; a sync one gets an error of the kind [`Cancelled`](ErrorKind::Cancelled) where it waits.
///
/// ```
/// use costrel::{App, Error, websocket};
///
/// let mut app = App::new("docs");
/// app.websocket("/echo", async || -> Result<(), Error> {
///     loop {
///         let message = websocket().receive().await?; // sync: `.wait()?`
///         websocket().send(message).await?;
///     }
/// });
///
/// let client = app.test_client();
/// let echo = client.websocket("/echo").wait()?;
/// echo.send("hello").wait()?;
/// assert_eq!(echo.receive().wait()?.text(), Some("hello"));
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [WebSockets](../costrel_book/websockets/index.html).
#[derive(Clone)]
pub struct WebSocket {
    shared: Arc<Shared>,
}

struct Shared {
    requested_subprotocols: Vec<String>,
    /// The headers with which the handler accepted the connection.
    acceptance: Mutex<Option<HeaderMap>>,
    accepted: CancellationToken,
    /// Called when the handler accepts, in its own call, because what it does next is too late for the handshake.
    on_accept: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    incoming: AsyncMutex<mpsc::Receiver<Message>>,
    /// The number of bytes in messages that the handler has not taken yet.
    waiting_bytes: AtomicUsize,
    /// Notified when the handler has taken a message.
    taken: Notify,
    outgoing: mpsc::Sender<Outgoing>,
    closed: AtomicBool,
    /// Cancelled when `receive` or `send` finds that the client has gone.
    client_gone: CancellationToken,
    /// Cancelled when the handler has ended or was dropped.
    ended: CancellationToken,
}

/// A message or a close frame on its way to the client.
enum Outgoing {
    Message(Message),
    Close(u16, String),
}

/// The connection's ends of the channels of a [`WebSocket`].
struct HandlerChannels {
    incoming: mpsc::Sender<Message>,
    outgoing: mpsc::Receiver<Outgoing>,
}

impl WebSocket {
    fn new(headers: &HeaderMap) -> (Self, HandlerChannels) {
        let (put, incoming) = mpsc::channel(MOST_WAITING);
        let (outgoing, take) = mpsc::channel(MOST_WAITING);
        let (acceptance, accepted, on_accept, closed, client_gone, ended) = Default::default();
        let (waiting_bytes, taken) = Default::default();
        let requested_subprotocols = listed(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let incoming = AsyncMutex::new(incoming);
        let shared = Shared {
            requested_subprotocols,
            acceptance,
            accepted,
            on_accept,
            incoming,
            waiting_bytes,
            taken,
            outgoing,
            closed,
            client_gone,
            ended,
        };
        (Self { shared: Arc::new(shared) }, HandlerChannels { incoming: put, outgoing: take })
    }

    /// The subprotocols that the client offers, the best first.
    pub fn requested_subprotocols(&self) -> &[String] {
        &self.shared.requested_subprotocols
    }

    /// Accepts the connection. Once is enough; `receive` and `send` do it too. If the handler ends before, its
    /// response or error becomes an HTTP response.
    ///
    /// The response to the handshake leaves with it: what the session holds now goes along in its cookie, and so does what
    /// the functions of [`after_this_request`](crate::after_this_request) do. Later changes are errors.
    pub fn accept(&self) {
        self.accept_with(HeaderMap::new(), None);
    }

    /// Accepts the connection with additional headers and one of the client's subprotocols.
    ///
    /// ```
    /// use costrel::{App, HeaderMap, websocket};
    ///
    /// let mut app = App::new("docs");
    /// app.websocket("/", async || {
    ///     let chosen = websocket().requested_subprotocols().first().cloned();
    ///     websocket().accept_with(HeaderMap::new(), chosen.as_deref());
    /// });
    /// let socket = app.test_client().websocket("/").subprotocols(["chat", "old"]).wait()?;
    /// assert_eq!(socket.header("sec-websocket-protocol"), Some("chat"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn accept_with(&self, mut headers: HeaderMap, subprotocol: Option<&str>) {
        if let Some(Ok(subprotocol)) = subprotocol.map(HeaderValue::from_str) {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        let mut acceptance = self.shared.acceptance.lock();
        if acceptance.is_none() {
            *acceptance = Some(headers);
            if let Some(on_accept) = self.shared.on_accept.lock().take() {
                on_accept();
            }
            self.shared.accepted.cancel();
        }
    }

    /// Sets the function that is called when the handler accepts.
    pub(crate) fn set_on_accept(&self, on_accept: impl FnOnce() + Send + 'static) {
        *self.shared.on_accept.lock() = Some(Box::new(on_accept));
    }

    /// Whether the handler has accepted the connection.
    pub(crate) fn is_accepted(&self) -> bool {
        self.shared.accepted.is_cancelled()
    }

    /// Receives the next message. `.await` it in async code, `.wait()` for it in sync code.
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled) if the client has gone and no message is left.
    pub fn receive(&self) -> Waiting<Message> {
        let socket = self.clone();
        Waiting::new(async move {
            socket.accept();
            let message = socket.shared.incoming.lock().await.recv().await;
            match message {
                Some(message) => {
                    socket.shared.waiting_bytes.fetch_sub(message.len(), Ordering::SeqCst);
                    socket.shared.taken.notify_one();
                    Ok(message)
                }
                None => Err(socket.client_has_gone().await),
            }
        })
    }

    /// Receives the next message as JSON.
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive), and 400 if the message is not the JSON expected.
    pub fn receive_json<T: DeserializeOwned + Send + 'static>(&self) -> Waiting<T> {
        let message = self.receive();
        Waiting::new(async move {
            serde_json::from_slice(&message.await?.into_bytes()).map_err(|error| {
                Error::status(400).with_message(format!("The message is not the JSON expected here: {error}."))
            })
        })
    }

    /// Sends text or bytes, and waits while too many earlier messages have not been sent yet.
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled) if the client has gone or the connection was closed.
    pub fn send(&self, message: impl Into<Message>) -> Waiting<()> {
        self.put(Outgoing::Message(message.into()))
    }

    /// Sends a value as JSON text.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send), and one if `value` cannot be written as JSON.
    pub fn send_json(&self, value: &impl Serialize) -> Waiting<()> {
        match serde_json::to_string(value) {
            Ok(text) => self.send(text),
            Err(error) => Waiting::ready(Err(error.into())),
        }
    }

    /// Closes the connection after the messages sent before: code 1000 is a normal close, 4000 to 4999 are the app's
    /// own. When the handler returns, the connection is closed with 1000, after an error with 1011, or
    /// with 1008 if the error is the client's fault (a status of 4xx).
    ///
    /// # Errors
    /// If the connection was closed here before, or the code may not be sent.
    pub fn close(&self, code: u16, reason: &str) -> Waiting<()> {
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            let message =
                format!("a WebSocket cannot be closed with {code}: use 1000, or 4000 to 4999 for a code of the app");
            return Waiting::ready(Err(Error::new(ErrorKind::Other, message)));
        }
        let (socket, closing) = (self.clone(), self.put(Outgoing::Close(code, reason.to_owned())));
        Waiting::new(async move {
            if socket.shared.closed.swap(true, Ordering::SeqCst) {
                return Err(Error::new(ErrorKind::Other, "Cannot close websocket multiple times."));
            }
            closing.await
        })
    }

    fn put(&self, outgoing: Outgoing) -> Waiting<()> {
        let socket = self.clone();
        Waiting::new(async move {
            socket.accept();
            if socket.shared.closed.load(Ordering::SeqCst) && matches!(outgoing, Outgoing::Message(_)) {
                return Err(gone());
            }
            match socket.shared.outgoing.send(outgoing).await {
                Ok(()) => Ok(()),
                Err(_) => Err(socket.client_has_gone().await),
            }
        })
    }

    /// Ends the conversation, and returns the error for those who outlive it: sync code and other tasks. An async
    /// handler is dropped here, so that it ends in one way, whether it had messages left to read or not.
    async fn client_has_gone(&self) -> Error {
        self.shared.client_gone.cancel();
        self.shared.ended.cancelled().await;
        gone()
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Cancelled, "the WebSocket is closed: its client has gone, or it was closed here")
}

/// The placeholder for the response of a handler that returns none.
pub(crate) fn ended() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
}

/// Returns the response to a handshake that ended with `response`, which is no acceptance: a handler that ended without
/// accepting has refused.
pub(crate) fn refusal(response: Response) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return error_page(&Error::status(403).with_message("The WebSocket was not accepted."));
    }
    response
}

/// Returns the parts of a header that is a list.
fn listed(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("accepted", &self.shared.accepted.is_cancelled()).finish_non_exhaustive()
    }
}

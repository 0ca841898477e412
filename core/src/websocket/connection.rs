//! The connection beneath a WebSocket: its handshake, its frames, its close.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use http::header::{self, HeaderValue};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame as DataFrame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{
    Error as ProtocolError, Message as Frame, error::CapacityError, error::ProtocolError as Violation,
};
use tokio_util::sync::CancellationToken;

use super::deflate::{Agreement, Deflater};
use super::handshake::accept_key;
use super::inflate::{Io, Transport};
use super::{HandlerChannels, Message, Outgoing, Shared, WebSocket, refusal};
use crate::config::ServerConfig;
use crate::error::Error;
use crate::execution::{catch_panic, timeout};
use crate::http_types::{Body, Response, error_page};

/// The timeout for the client's close frame, and for a handler to take the messages of a client that has gone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

type Upgrading = BoxFuture<'static, Result<Box<dyn Io>, Error>>;

/// The byte stream of a request that did not come through hyper, as an extension of the request.
#[derive(Clone)]
pub(crate) struct Upgrade(Arc<Mutex<Option<Upgrading>>>);

impl Upgrade {
    pub(crate) fn new(io: impl Io + 'static) -> Self {
        let io: Box<dyn Io> = Box::new(io);
        Self(Arc::new(Mutex::new(Some(Box::pin(async { Ok(io) })))))
    }
}

/// The server's permits for the connection and the request of a handshake, as an extension of the request. The
/// conversation holds them to its end.
#[derive(Clone)]
pub(crate) struct Permits {
    _held: [Option<Arc<OwnedSemaphorePermit>>; 2],
}

impl Permits {
    pub(crate) fn new(held: [Option<Arc<OwnedSemaphorePermit>>; 2]) -> Self {
        Self { _held: held }
    }
}

/// A connection that is to become a WebSocket.
pub(crate) struct Connection {
    socket: WebSocket,
    channels: HandlerChannels,
    upgrading: Upgrading,
    accept_key: String,
    /// The agreement on compressed messages, if there is one.
    deflate: Option<Agreement>,
    settings: ServerConfig,
    permits: Option<Permits>,
    /// Dropped after the handler, because it ends the calls of all who outlive the handler.
    _end: End,
}

/// The end of a conversation, or of a handshake that was refused.
struct End(WebSocket);

impl Drop for End {
    fn drop(&mut self) {
        let Shared { on_accept, ended, .. } = &*self.0.shared;
        // The function holds the request's context, which holds the socket.
        let unused = on_accept.lock().take();
        drop(unused);
        ended.cancel();
    }
}

impl Connection {
    /// Takes the connection that `request`, a handshake that was checked, came over.
    pub(crate) fn new(request: &mut http::Request<Body>, settings: ServerConfig) -> Self {
        let accept_key = accept_key(request.headers());
        let keeps_context = settings.websocket_context_takeover;
        let deflate = settings.websocket_compression.then(|| Agreement::negotiate(request.headers(), keeps_context));
        let (socket, channels) = WebSocket::new(request.headers());
        let end = End(socket.clone());
        let permits = request.extensions_mut().remove::<Permits>();
        let given = request.extensions_mut().remove::<Upgrade>().and_then(|given| given.0.lock().take());
        let upgrading = given.unwrap_or_else(|| {
            let upgrade = hyper::upgrade::on(request);
            // hyper panics if two handlers take the same connection, so the panic is caught and becomes an error.
            Box::pin(catch_panic(async {
                let io: Box<dyn Io> = Box::new(TokioIo::new(upgrade.await?));
                Ok(io)
            }))
        });
        Self { socket, channels, upgrading, accept_key, deflate: deflate.flatten(), settings, permits, _end: end }
    }

    pub(crate) fn socket(&self) -> WebSocket {
        self.socket.clone()
    }

    /// Handles the conversation up to its handshake. If the handler accepts, the caller must spawn the returned
    /// future, which runs the rest. `life` is the whole request, its teardown included; `finish` makes the response to
    /// the handshake complete.
    pub(crate) async fn shake_hands(
        self,
        mut life: BoxFuture<'static, Response>,
        finish: impl AsyncFnOnce(Response) -> Result<Response, Error>,
        stopping: CancellationToken,
    ) -> (Response, Option<BoxFuture<'static, ()>>) {
        let socket = self.socket();
        let ended = tokio::select! {
            response = &mut life => Some(response),
            () = socket.shared.accepted.cancelled() => None,
        };
        if let Some(response) = ended {
            if !socket.shared.accepted.is_cancelled() {
                return (refusal(response), None);
            }
            // The handler accepted and has finished already; the messages it sent are still to be delivered.
            life = Box::pin(std::future::ready(response));
        }
        match finish(self.acceptance()).await {
            Ok(response) => (response, Some(Box::pin(self.converse(life, stopping)))),
            Err(error) => (error_page(&error), None),
        }
    }

    fn acceptance(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.extend(self.socket.shared.acceptance.lock().clone().unwrap_or_default());
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(key) = HeaderValue::try_from(&self.accept_key) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
        }
        // An extension changes what is on the wire, so that no handler can promise one.
        headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        self.deflate.map(|agreed| headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed.header()));
        response
    }

    /// Runs handler and frame loop side by side. When the client goes, the handler is dropped.
    async fn converse(self, life: BoxFuture<'static, Response>, stopping: CancellationToken) {
        let io = match self.upgrading.await {
            Ok(io) => io,
            Err(error) => return tracing::debug!("a WebSocket's client left in its handshake: {error}"),
        };
        let most = Some(self.settings.websocket_max_message_size);
        let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
        let io = Transport::new(io, self.deflate);
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let (finish, finished) = oneshot::channel();
        let (channels, socket, _permits) = (self.channels, self.socket, self.permits);
        let deflater = self.deflate.map(Deflater::new);
        let frames = FrameLoop::new(stream, deflater, channels, socket, &self.settings);
        match select(life, pin!(frames.run(finished, stopping))).await {
            Either::Left((response, carrying)) => {
                // The send fails if the connection is closed already, and then needs no close frame.
                let _ = finish.send(close_code(response.status()));
                carrying.await;
            }
            Either::Right(((), life)) => drop(life),
        }
    }
}

/// The loop that carries the frames of an upgraded connection.
struct FrameLoop {
    stream: WebSocketStream<Transport>,
    /// The compressor of messages, if the client takes compressed ones.
    deflater: Option<Deflater>,
    channels: HandlerChannels,
    socket: WebSocket,
    /// The number of bytes in waiting messages from which on no more frames are read.
    most_waiting: usize,
    /// The silence after which the client is pinged.
    ping_interval: Option<Duration>,
    /// The time of the next ping, if the client stays silent.
    next_ping: Option<Instant>,
    was_pinged: bool,
    /// The end of our wait for the client's close frame; `None` before we have sent ours.
    close_deadline: Option<Instant>,
}

impl FrameLoop {
    fn new(
        stream: WebSocketStream<Transport>,
        deflater: Option<Deflater>,
        channels: HandlerChannels,
        socket: WebSocket,
        settings: &ServerConfig,
    ) -> Self {
        let (next_ping, was_pinged, close_deadline) = Default::default();
        let (most_waiting, ping_interval) = (settings.websocket_max_message_size, settings.websocket_ping_interval);
        let mut frames = Self {
            stream,
            deflater,
            channels,
            socket,
            most_waiting,
            ping_interval,
            next_ping,
            was_pinged,
            close_deadline,
        };
        frames.client_heard();
        frames
    }

    /// Notes that the client is alive, which puts the next ping off.
    fn client_heard(&mut self) {
        self.was_pinged = false;
        self.next_ping = self.ping_interval.and_then(|ping_interval| Instant::now().checked_add(ping_interval));
    }

    /// Runs until one side has gone.
    async fn run(mut self, mut finished: oneshot::Receiver<u16>, stopping: CancellationToken) {
        let _ = self.carry(&mut finished, &stopping).await;
        if self.close_deadline.is_none() {
            self.drain_to_handler().await;
        }
    }

    /// Carries messages both ways; an error means that the connection is lost.
    async fn carry(
        &mut self,
        finished: &mut oneshot::Receiver<u16>,
        stopping: &CancellationToken,
    ) -> Result<(), ProtocolError> {
        let (mut is_finished, socket) = (false, self.socket.clone());
        loop {
            // Frames are read only while the queue has room, so that a client waits for a handler that does not read.
            let is_closing = self.close_deadline.is_some();
            let has_room = is_closing || self.has_room();
            tokio::select! {
                frame = self.stream.next(), if has_room => match frame {
                    Some(Ok(frame)) => self.read_frame(frame).await?,
                    Some(Err(error)) => return self.fail(error).await,
                    None => return Ok(()),
                },
                () = socket.shared.taken.notified(), if !has_room => {
                    // A full queue also kept the client's pongs from being read, so the silence counts from now.
                    if self.has_room() {
                        self.client_heard();
                    }
                }
                Some(outgoing) = self.channels.outgoing.recv() => self.write_message(outgoing).await?,
                code = &mut *finished, if !is_finished => {
                    is_finished = true;
                    while let Ok(outgoing) = self.channels.outgoing.try_recv() {
                        self.write_message(outgoing).await?;
                    }
                    self.close(code.unwrap_or(1000), "").await?;
                }
                () = stopping.cancelled(), if !is_closing => self.close(1001, "The server is stopping.").await?,
                () = until(self.next_ping), if !is_closing => self.ping(has_room).await?,
                () = until(self.close_deadline), if is_closing => return Ok(()),
            }
        }
    }

    /// Whether the handler has few messages left to take, and few bytes.
    fn has_room(&self) -> bool {
        self.channels.incoming.capacity() > 0
            && self.socket.shared.waiting_bytes.load(Ordering::SeqCst) < self.most_waiting
    }

    async fn read_frame(&mut self, frame: Frame) -> Result<(), ProtocolError> {
        self.client_heard();
        let message = match frame {
            Frame::Text(text) => Message::Text(text.to_string()),
            Frame::Binary(bytes) => Message::Binary(bytes),
            // tungstenite has made the answer. It leaves before more is read, or the answers to a client that takes none pile up.
            Frame::Ping(_) => return self.stream.flush().await,
            _ => return Ok(()),
        };
        let length = message.len();
        // Before the handler can take the message, which takes its length off again.
        self.socket.shared.waiting_bytes.fetch_add(length, Ordering::SeqCst);
        // There is room, unless the connection is closing; then the message may be lost.
        let _ = self.channels.incoming.try_send(message);
        Ok(())
    }

    async fn write_message(&mut self, outgoing: Outgoing) -> Result<(), ProtocolError> {
        match outgoing {
            Outgoing::Message(message) => {
                let frame = match self.deflated(&message).await? {
                    Some(frame) => Frame::Frame(frame),
                    None => match message {
                        Message::Text(text) => Frame::text(text),
                        Message::Binary(bytes) => Frame::binary(bytes),
                    },
                };
                self.write(frame).await
            }
            Outgoing::Close(code, reason) => self.close(code, &reason).await,
        }
    }

    /// Returns the frame of a message that goes compressed.
    async fn deflated(&mut self, message: &Message) -> Result<Option<DataFrame>, ProtocolError> {
        let Some(deflater) = &mut self.deflater else { return Ok(None) };
        let (data, bytes) = match message {
            Message::Text(text) => (Data::Text, text.as_bytes()),
            Message::Binary(bytes) => (Data::Binary, &bytes[..]),
        };
        let header = FrameHeader { rsv1: true, opcode: OpCode::Data(data), ..FrameHeader::default() };
        let payload = deflater.deflate(bytes).await?;
        Ok(payload.map(|payload| DataFrame::from_payload(header, payload.into())))
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<(), ProtocolError> {
        if self.close_deadline.is_some() {
            return Ok(());
        }
        // A control frame has 125 bytes at most, two of them for the code.
        let end = (0..=reason.len().min(123)).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason[..end].into() };
        let written = self.write(Frame::Close(Some(frame))).await;
        self.close_deadline = Some(Instant::now() + CLOSE_TIMEOUT);
        written
    }

    /// Pings the client. If its answers are read, the one to the last ping must have come; if not, writing fails once the
    /// client has gone.
    async fn ping(&mut self, has_room: bool) -> Result<(), ProtocolError> {
        if has_room && std::mem::replace(&mut self.was_pinged, true) {
            return Err(ProtocolError::ConnectionClosed);
        }
        self.next_ping = self.ping_interval.and_then(|ping_interval| Instant::now().checked_add(ping_interval));
        self.write(Frame::Ping(bytes::Bytes::new())).await
    }

    /// Writes a frame without a timeout, because the stream beneath fails if the client takes nothing for too long.
    async fn write(&mut self, frame: Frame) -> Result<(), ProtocolError> {
        match self.stream.send(frame).await {
            // The client has sent its close frame and waits for ours, which the next read sends.
            Err(ProtocolError::Protocol(Violation::SendAfterClosing)) => Ok(()),
            written => written,
        }
    }

    /// Closes the connection with the code for `error`, if the client is still there to receive it.
    async fn fail(&mut self, error: ProtocolError) -> Result<(), ProtocolError> {
        match &error {
            ProtocolError::Capacity(CapacityError::MessageTooLong { .. }) => {
                self.close(1009, "The message is too long.").await?;
            }
            ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.close(1007, "The message is not compressed as was agreed.").await?;
            }
            ProtocolError::Utf8(_) => self.close(1007, "The text is not UTF-8.").await?,
            // The client has gone without a close frame.
            ProtocolError::Protocol(Violation::ResetWithoutClosingHandshake) => return Err(error),
            ProtocolError::Protocol(_) => self.close(1002, "The frame violates RFC 6455.").await?,
            _ => return Err(error),
        }
        // Closing a socket with unread input sends RST, which can discard our close frame; so drain it first.
        let _ = timeout(Some(CLOSE_TIMEOUT), io::copy(self.stream.get_mut().raw(), &mut io::sink())).await;
        Err(error)
    }

    /// Lets the handler read the messages that arrived before the client went; it is dropped when it asks for more.
    async fn drain_to_handler(mut self) {
        let unread = self.channels.incoming.max_capacity() - self.channels.incoming.capacity();
        self.channels.outgoing.close();
        drop(self.channels);
        if unread > 0 {
            let _ = timeout(Some(CLOSE_TIMEOUT), self.socket.shared.client_gone.cancelled()).await;
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The close code that the client gets at the end of a handler.
fn close_code(status: StatusCode) -> u16 {
    match status {
        status if status.is_server_error() => 1011,
        status if status.is_client_error() => 1008,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests;

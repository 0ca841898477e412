//! A visitor that listens to a WebSocket.

use std::net::SocketAddr;

use costrel::{Application, Body, Bytes, Error, HeaderMap, StatusCode, http};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

type Heard = (StatusCode, HeaderMap, Bytes);

/// Through the app's own test client, without a socket.
pub(super) async fn in_process(application: &Application, request: http::Request<Body>) -> Result<Heard, Error> {
    let client = application.test_client_without_cookies();
    let handshake =
        request.headers().iter().fold(client.websocket(request.uri().path()), |handshake, (name, value)| {
            handshake.header(name.as_str(), value.to_str().unwrap_or_default())
        });
    let socket = handshake.await?;
    if socket.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok((socket.status(), socket.headers().clone(), socket.text().into()));
    }
    let mut heard = Vec::new();
    while let Ok(message) = socket.receive().await {
        heard.extend(message.into_bytes());
    }
    Ok((socket.status(), socket.headers().clone(), heard.into()))
}

/// Over a connection of its own.
pub(super) async fn over_socket(address: SocketAddr, request: http::Request<Body>) -> Result<Heard, Error> {
    let mut handshake = format!("ws://localhost{}", request.uri()).into_client_request()?;
    handshake.headers_mut().extend(request.headers().clone());
    let (mut socket, response) = match client_async(handshake, TcpStream::connect(address).await?).await {
        Ok(accepted) => accepted,
        Err(SocketError::Http(refusal)) => {
            let (head, body) = refusal.into_parts();
            return Ok((head.status, head.headers, body.unwrap_or_default().into()));
        }
        Err(error) => return Err(error.into()),
    };
    let mut heard = Vec::new();
    while let Some(Ok(frame)) = socket.next().await {
        if frame.is_text() || frame.is_binary() {
            heard.extend(frame.into_data());
        }
    }
    Ok((response.status(), response.headers().clone(), heard.into()))
}

//! A connection after its upgrade: bytes in both directions, until either side ends.

use std::sync::Arc;

use costrel::http::{Extensions, Request};
use costrel::{Body, Error, Response, StatusCode, current_app};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::copy_bidirectional;

/// The client's side of an upgrade.
pub(crate) struct ClientSide {
    upgrade: OnUpgrade,
    /// Kept to the end, because the server's permits for the connection are in it.
    extensions: Extensions,
}

impl ClientSide {
    /// Takes the client's side out of a request.
    ///
    /// # Errors
    /// A 501 if the request came without a connection, as from a test client.
    pub(crate) fn of(request: &mut Request<Body>) -> Result<Self, Error> {
        if request.extensions().get::<OnUpgrade>().is_none() {
            return Err(Error::status(501).with_message("A WebSocket of the old app needs a connection over a socket."));
        }
        Ok(Self { upgrade: on(&mut *request), extensions: request.extensions().clone() })
    }

    /// Connects the client with the old app, beside the request, until one of them leaves or the server shuts down.
    fn join(self, response: costrel::http::Response<Incoming>) {
        let stopping = current_app().until_shutdown();
        current_app().add_background_task(async move || {
            let Self { upgrade, extensions: _held } = self;
            let carrying = async {
                let (client, old) = (upgrade.await?, on(response).await?);
                copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(old)).await?;
                Ok::<_, Error>(())
            };
            tokio::select! {
                // A side that is gone is how most of them end, and the other has been told.
                ended = carrying => drop(ended.inspect_err(|error| tracing::debug!("a WebSocket of the old app: {error}"))),
                _ = stopping => {}
            }
        });
    }
}

/// Both sides of an upgrade, as an extension of the 101 that agrees to it. Dropped with a response that takes the place of the
/// 101, so that the old app's connection ends.
#[derive(Clone)]
pub(crate) struct Tunnel(Arc<Mutex<Option<Sides>>>);

type Sides = (ClientSide, costrel::http::Response<Incoming>);

impl Tunnel {
    pub(crate) fn new(client: ClientSide, response: costrel::http::Response<Incoming>) -> Self {
        Self(Arc::new(Mutex::new(Some((client, response)))))
    }

    /// Opens the tunnel of a response that leaves as a 101.
    pub(crate) fn open(response: &mut Response) {
        let is_agreed = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let tunnel = response.extensions_mut().remove::<Self>().filter(|_| is_agreed);
        if let Some((client, old)) = tunnel.and_then(|tunnel| tunnel.0.lock().take()) {
            client.join(old);
        }
    }
}

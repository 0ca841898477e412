//! Finds out that a client has left though the server does not read from it: while its body, or its next request, waits to be read.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, Ready};
use tokio::net::TcpStream;
use tokio::time::{self, Instant, Sleep};

/// The interval at which the server looks whether the client of unread bytes has left.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection to a client.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Whether the client sends no more, also if bytes it has sent are still unread.
    fn is_closed_by_client(&self) -> bool;
}

impl Socket for TcpStream {
    fn is_closed_by_client(&self) -> bool {
        self.ready(Interest::READABLE).now_or_never().is_some_and(|ready| ready.is_ok_and(Ready::is_read_closed))
    }
}

#[cfg(feature = "tls")]
impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn is_closed_by_client(&self) -> bool {
        self.get_ref().0.is_closed_by_client()
    }
}

#[cfg(test)]
impl Socket for tokio::io::DuplexStream {
    fn is_closed_by_client(&self) -> bool {
        false
    }
}

/// The timer of the looks.
#[derive(Default)]
pub(super) struct HangUpTimer {
    timer: Option<Pin<Box<Sleep>>>,
}

impl HangUpTimer {
    /// Whether it is time for a look, if there is anything to look after.
    pub(super) fn is_due(&mut self, is_needed: bool, context: &mut Context<'_>) -> bool {
        if !is_needed {
            self.timer = None;
            return false;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(time::sleep(LOOK_EVERY)));
        let is_due = timer.as_mut().poll(context).is_ready();
        if is_due {
            timer.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
        is_due
    }
}

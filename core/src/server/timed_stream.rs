//! The stream of a connection, as hyper sees it: its bytes checked, its waits limited, its end orderly.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection_clock::ConnectionClock;
use super::hang_up::Socket;
use super::http1_check::{Found, Http1Check};
use super::http2_answers::Http2Answers;
use super::lingering::Lingering;
use super::stall::Stall;

/// A stream that reports its activity to the clock, and fails when the client takes no bytes for too long.
pub(super) struct TimedStream<S> {
    stream: S,
    clock: Arc<ConnectionClock>,
    /// The clock of a write that has to wait.
    stall: Stall,
    faults: Arc<Faults>,
    check: Http1Check,
    answers: Http2Answers,
    /// Whether nothing more may be read, because the body has a fault.
    is_spoilt: bool,
    lingering: Lingering,
}

/// The findings of the check of a connection, for the service that answers and for the log.
#[derive(Debug, Default)]
pub(super) struct Faults {
    fault: OnceLock<&'static str>,
}

impl Faults {
    /// The fault that makes the server close the connection.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault.get().copied()
    }
}

impl<S> TimedStream<S> {
    pub(super) fn new(
        stream: S,
        peer: Option<SocketAddr>,
        clock: Arc<ConnectionClock>,
        faults: Arc<Faults>,
        lingering: Lingering,
    ) -> Self {
        let (stall, check) = (Stall::new(lingering.response_timeout()), Http1Check::default());
        let answers = Http2Answers::to(peer);
        Self { stream, clock, stall, faults, check, answers, is_spoilt: false, lingering }
    }

    /// Checks the bytes that were read, and takes back those that hyper must not see.
    fn check(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let found = self.check.received(&mut buffer.filled_mut()[before..]);
        self.clock.followed(self.check.followed());
        match found {
            Found::Nothing => {}
            Found::BadHead(fault) => drop(self.faults.fault.set(fault)),
            Found::BadBody(good, fault) => {
                let _ = self.faults.fault.set(fault);
                self.is_spoilt = true;
                buffer.set_filled(before + good);
                if good == 0 {
                    return Err(spoilt(fault));
                }
            }
        }
        Ok(())
    }

    fn with_write_timeout<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stall.end();
            return polled;
        }
        ready!(self.stall.poll(self.clock.permit().as_ref(), context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "write timeout: the client read none of the response")))
    }

    /// Notes what was written of `parts`.
    fn written(
        &mut self,
        polled: Poll<io::Result<usize>>,
        parts: &[io::IoSlice<'_>],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.clock.bytes_written();
        }
        if let Poll::Ready(Ok(mut left)) = polled {
            for part in parts {
                let (written, _) = part.split_at(left.min(part.len()));
                self.answers.written(written);
                left -= written.len();
            }
        }
        self.with_write_timeout(polled, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_spoilt {
            return Poll::Ready(Err(spoilt(self.faults.fault().unwrap_or_default())));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.clock.bytes_read();
            self.check(buffer, before)?;
        }
        polled
    }
}

impl<S: Socket> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check.sent(bytes);
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(polled, &[io::IoSlice::new(bytes)], context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check.sent(bytes.first().map_or(&[], |first| first));
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(polled, bytes, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.clock.takes_look() && self.stream.is_closed_by_client() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the client has left")));
        }
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.with_write_timeout(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.lingering.has_begun() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.check.is_inside_request() {
                return Poll::Ready(Ok(()));
            }
        }
        this.lingering.poll(&mut this.stream, context).map(Ok)
    }
}

fn spoilt(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::ServerConfig;

    const LIMIT: Duration = Duration::from_secs(5);

    fn timed<S>(stream: S, settings: ServerConfig) -> TimedStream<S> {
        let lingering = Lingering::new(&settings, CancellationToken::new());
        TimedStream::new(stream, None, Arc::new(ConnectionClock::new()), Arc::default(), lingering)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_after_its_timeout() {
        let (client, server) = duplex(4);
        let mut timed = timed(server, ServerConfig { response_timeout: Some(LIMIT), ..ServerConfig::default() });
        let began = Instant::now();
        let error = timed.write_all(b"more than four").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 5));
        drop(client);
    }

    /// A client that sends on, though it has its answer, is read from until it ends, or a limit is reached.
    #[tokio::test(start_paused = true)]
    async fn an_end_in_the_middle_of_a_body_lingers() {
        for (size, says_bye, seconds) in [(1 << 20, false, 5), (1 << 20, true, 0), (1_000, false, 0)] {
            let (mut client, server) = duplex(100_000);
            let settings = ServerConfig { linger_timeout: LIMIT, linger_size: size, ..ServerConfig::default() };
            let mut server = timed(server, settings);
            client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n").await.unwrap();
            server.read_u8().await.unwrap();
            let began = Instant::now();
            let sends_on = async {
                let _ = client.write_all(&vec![b'.'; 150_000]).await;
                if says_bye {
                    client.shutdown().await.unwrap();
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                ended = server.shutdown() => ended.unwrap(),
                () = sends_on => {}
            }
            assert_eq!(began.elapsed().as_secs(), seconds, "{size} {says_bye}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_between_requests_does_not_linger() {
        let (mut client, server) = duplex(1_000);
        let mut server = timed(server, ServerConfig::default());
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        server.read_buf(&mut Vec::with_capacity(1_000)).await.unwrap();
        let began = Instant::now();
        server.shutdown().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

//! The clock behind a connection's timeouts: the state of the connection, and since when it lasts.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Version;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Instant, Sleep};

/// The state of a connection, and since when it lasts.
pub(super) struct ConnectionClock {
    current: Mutex<Current>,
    /// Whether the connection is HTTP/2: it has concurrent requests, and other frames between them.
    is_http2: AtomicBool,
}

#[derive(Clone, Copy)]
struct Current {
    state: ConnectionState,
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    /// No request is in flight, since the last response or the beginning of the connection.
    Idle,
    /// The client is sending the head of a request.
    ReadingHead,
    /// This many requests are in flight; since when is not noted.
    Serving(usize),
}

impl ConnectionClock {
    pub(crate) fn new() -> Self {
        let current = Current { state: ConnectionState::Idle, since: Instant::now() };
        Self { current: Mutex::new(current), is_http2: AtomicBool::new(false) }
    }

    /// Waits until a timeout has passed: that of a head which is not complete, or of an idle connection.
    pub(super) fn timed_out(self: &Arc<Self>, head: Duration, idle: Duration) -> impl Future<Output = ()> + use<> {
        let clock = Arc::clone(self);
        async move { clock.wait_for_silence(head, idle).await }
    }

    async fn wait_for_silence(&self, head: Duration, idle: Duration) {
        // A busy client changes the state often, so this task checks it at intervals instead of waking each time.
        let longest_sleep = (head.min(idle) / 4).max(Duration::from_millis(10));
        loop {
            let now = *self.current.lock();
            let limit = match now.state {
                ConnectionState::Idle => idle,
                ConnectionState::ReadingHead => head,
                ConnectionState::Serving(_) => Duration::MAX,
            };
            let left = limit.saturating_sub(now.since.elapsed());
            if left.is_zero() {
                return;
            }
            time::sleep(left.min(longest_sleep)).await;
        }
    }

    /// Notes that bytes were read. Between the requests of HTTP/2 they are other frames, which begin no head.
    fn bytes_read(&self) {
        let is_http2 = self.is_http2.load(Ordering::Relaxed);
        self.change(
            |state| if state == ConnectionState::Idle && !is_http2 { ConnectionState::ReadingHead } else { state },
        );
    }

    /// Restarts the idle timeout when bytes are written, because hyper may still be sending the last response.
    fn bytes_written(&self) {
        let mut now = self.current.lock();
        if now.state == ConnectionState::Idle {
            now.since = Instant::now();
        }
    }

    fn change(&self, next: impl FnOnce(ConnectionState) -> ConnectionState) {
        let mut now = self.current.lock();
        let next = next(now.state);
        if next != now.state {
            // The time is not read while requests are in flight, because that state has no timeout.
            let since = if matches!(next, ConnectionState::Serving(_)) { now.since } else { Instant::now() };
            *now = Current { state: next, since };
        }
    }
}

/// A request in flight, until its response has been sent.
pub(super) struct InFlightRequest {
    clock: Arc<ConnectionClock>,
}

impl InFlightRequest {
    pub(super) fn begin(clock: &Arc<ConnectionClock>, version: Version) -> Self {
        clock.is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
        clock.change(|state| match state {
            ConnectionState::Serving(others) => ConnectionState::Serving(others + 1),
            ConnectionState::Idle | ConnectionState::ReadingHead => ConnectionState::Serving(1),
        });
        Self { clock: Arc::clone(clock) }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.clock.change(|state| match state {
            ConnectionState::Serving(others) if others > 1 => ConnectionState::Serving(others - 1),
            _ => ConnectionState::Idle,
        });
    }
}

/// A stream that reports its activity to the clock, and fails when the client takes no bytes for too long.
pub(super) struct TimedStream<S> {
    stream: S,
    clock: Arc<ConnectionClock>,
    write_timeout: Option<Duration>,
    /// The timeout of a write that has to wait.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedStream<S> {
    pub(crate) fn new(stream: S, clock: Arc<ConnectionClock>, write_timeout: Option<Duration>) -> Self {
        Self { stream, clock, write_timeout, stalled: None }
    }

    fn with_write_timeout<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let Some(write_timeout) = self.write_timeout else { return Poll::Pending };
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(time::sleep(write_timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "write timeout: the client read none of the response")))
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.clock.bytes_written();
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
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.clock.bytes_read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.with_write_timeout(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::advance;

    use super::*;

    const HEAD: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(60);

    /// Returns after how many whole seconds the clock times out, while `happens` goes on.
    async fn quiet_after(clock: &ConnectionClock, happens: impl Future<Output = ()>) -> u64 {
        let began = Instant::now();
        let quiet = async {
            clock.wait_for_silence(HEAD, IDLE).await;
            began.elapsed().as_secs()
        };
        tokio::select! {
            seconds = quiet => seconds,
            () = async { happens.await; std::future::pending().await } => unreachable!("it is pending"),
        }
    }

    async fn every_second(times: u64, happens: impl Fn()) {
        for _ in 0..times {
            time::sleep(Duration::from_secs(1)).await;
            happens();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_go_out_are_no_silence() {
        let clock = ConnectionClock::new();
        assert_eq!(quiet_after(&clock, every_second(100, || clock.bytes_written())).await, 160);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_however_its_bytes_come() {
        let clock = ConnectionClock::new();
        clock.bytes_read();
        assert_eq!(quiet_after(&clock, every_second(100, || clock.bytes_read())).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_http_2_sends_between_requests_is_no_head() {
        let clock = Arc::new(ConnectionClock::new());
        drop(InFlightRequest::begin(&clock, Version::HTTP_2));
        clock.bytes_read();
        assert_eq!(quiet_after(&clock, std::future::ready(())).await, 60);
        drop(InFlightRequest::begin(&clock, Version::HTTP_11));
        clock.bytes_read();
        assert_eq!(quiet_after(&clock, std::future::ready(())).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_never_too_quiet() {
        let clock = Arc::new(ConnectionClock::new());
        let (one, other) =
            (InFlightRequest::begin(&clock, Version::HTTP_2), InFlightRequest::begin(&clock, Version::HTTP_2));
        drop(one);
        let ends = async {
            advance(Duration::from_secs(3_600)).await;
            drop(other);
        };
        assert_eq!(quiet_after(&clock, ends).await, 3_660);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_after_its_timeout() {
        let (client, server) = duplex(4);
        let mut timed = TimedStream::new(server, Arc::new(ConnectionClock::new()), Some(HEAD));
        let began = Instant::now();
        let error = timed.write_all(b"more than four").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 5));
        drop(client);
    }
}

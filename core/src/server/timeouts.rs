//! What a connection is doing, and since when: the clock behind its timeouts.

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

/// What a connection is doing.
pub(super) struct Activity {
    now: Mutex<Now>,
    /// Whether it has requests side by side, and other frames between them.
    is_http2: AtomicBool,
}

#[derive(Clone, Copy)]
struct Now {
    doing: Doing,
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing, since its last response or its beginning.
    Nothing,
    /// It sends a request's head.
    Head,
    /// So many requests are in flight.
    Requests(usize),
}

impl Activity {
    pub(super) fn new() -> Self {
        let now = Now { doing: Doing::Nothing, since: Instant::now() };
        Self { now: Mutex::new(now), is_http2: AtomicBool::new(false) }
    }

    /// Ready when the client has been silent for too long: in the middle of a head, or between requests.
    pub(super) async fn too_quiet(&self, head: Duration, idle: Duration) {
        // A client in a hurry changes what it does many times; nobody is woken for that, it is looked at now and then.
        let longest_sleep = (head.min(idle) / 4).max(Duration::from_millis(10));
        loop {
            let now = *self.now.lock();
            let patience = match now.doing {
                Doing::Nothing => idle,
                Doing::Head => head,
                Doing::Requests(_) => Duration::MAX,
            };
            let left = patience.saturating_sub(now.since.elapsed());
            if left.is_zero() {
                return;
            }
            time::sleep(left.min(longest_sleep)).await;
        }
    }

    /// Bytes have come. Between the requests of HTTP/2 they are frames that nobody need wait for.
    fn heard(&self) {
        let is_http2 = self.is_http2.load(Ordering::Relaxed);
        self.change(|doing| if doing == Doing::Nothing && !is_http2 { Doing::Head } else { doing });
    }

    /// Bytes have gone out: of a response whose last chunk hyper has taken, that is no silence.
    fn wrote(&self) {
        let mut now = self.now.lock();
        if now.doing == Doing::Nothing {
            now.since = Instant::now();
        }
    }

    fn change(&self, next: impl FnOnce(Doing) -> Doing) {
        let mut now = self.now.lock();
        let next = next(now.doing);
        if next != now.doing {
            *now = Now { doing: next, since: Instant::now() };
        }
    }
}

/// A request in flight, until its response has been sent.
pub(super) struct Request {
    of: Arc<Activity>,
}

impl Request {
    pub(super) fn begin(of: &Arc<Activity>, version: Version) -> Self {
        of.is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
        of.change(|doing| match doing {
            Doing::Requests(others) => Doing::Requests(others + 1),
            Doing::Nothing | Doing::Head => Doing::Requests(1),
        });
        Self { of: Arc::clone(of) }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.of.change(|doing| match doing {
            Doing::Requests(others) if others > 1 => Doing::Requests(others - 1),
            _ => Doing::Nothing,
        });
    }
}

/// A stream whose activity is noted, and which fails when the other side takes nothing for too long.
pub(super) struct Observed<S> {
    stream: S,
    activity: Arc<Activity>,
    patience: Option<Duration>,
    /// Since a write had to wait.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, patience: Option<Duration>) -> Self {
        Self { stream, activity, patience, stalled: None }
    }

    fn patiently<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(time::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client took nothing of the response")))
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.activity.wrote();
        }
        self.patiently(polled, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.heard();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
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
        self.patiently(polled, context)
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

    /// After how long it is too quiet, to the nearest second, while `happens` goes on.
    async fn quiet_after(activity: &Activity, happens: impl Future<Output = ()>) -> u64 {
        let began = Instant::now();
        let quiet = async {
            activity.too_quiet(HEAD, IDLE).await;
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
        let activity = Activity::new();
        assert_eq!(quiet_after(&activity, every_second(100, || activity.wrote())).await, 160);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_however_its_bytes_come() {
        let activity = Activity::new();
        activity.heard();
        assert_eq!(quiet_after(&activity, every_second(100, || activity.heard())).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_http_2_sends_between_requests_is_no_head() {
        let activity = Arc::new(Activity::new());
        drop(Request::begin(&activity, Version::HTTP_2));
        activity.heard();
        assert_eq!(quiet_after(&activity, std::future::ready(())).await, 60);
        drop(Request::begin(&activity, Version::HTTP_11));
        activity.heard();
        assert_eq!(quiet_after(&activity, std::future::ready(())).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_never_too_quiet() {
        let activity = Arc::new(Activity::new());
        let (one, other) = (Request::begin(&activity, Version::HTTP_2), Request::begin(&activity, Version::HTTP_2));
        drop(one);
        let ends = async {
            advance(Duration::from_secs(3_600)).await;
            drop(other);
        };
        assert_eq!(quiet_after(&activity, ends).await, 3_660);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_as_long_as_it_has_patience() {
        let (client, server) = duplex(4);
        let mut observed = Observed::new(server, Arc::new(Activity::new()), Some(HEAD));
        let began = Instant::now();
        let error = observed.write_all(b"more than four").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 5));
        drop(client);
    }
}

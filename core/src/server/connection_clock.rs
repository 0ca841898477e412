//! The clock behind a connection's timeouts: the state of the connection, and since when it lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Version;
use parking_lot::Mutex;
use tokio::time::{self, Instant};

use super::stall::{RequestPermit, WeakPermit};

/// The state of a connection, and since when it lasts.
pub(super) struct ConnectionClock {
    current: Mutex<Current>,
    /// Whether the connection is HTTP/2: it has concurrent requests, and other frames between them.
    is_http2: AtomicBool,
    /// The requests of HTTP/1 in flight that came with a body.
    bodies: AtomicUsize,
    /// The number of requests of HTTP/1 that have begun.
    begun: AtomicUsize,
    /// The number of the last request of HTTP/1, counted from 1, behind which more bytes have arrived.
    followed: AtomicUsize,
    /// Whether the stream is to look whether its client has left.
    looks: AtomicBool,
    /// The permit of the request of HTTP/1 in flight.
    permit: Mutex<WeakPermit>,
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
    /// The number of requests in flight; since when is not noted.
    Serving(usize),
}

impl ConnectionClock {
    pub(crate) fn new() -> Self {
        let current = Current { state: ConnectionState::Idle, since: Instant::now() };
        let (is_http2, bodies, begun, followed, looks, permit) = Default::default();
        Self { current: Mutex::new(current), is_http2, bodies, begun, followed, looks, permit }
    }

    /// Whether there may be bytes that the server does not read yet: of a body, or behind the request in flight. Then it does
    /// not see the end of the connection either.
    pub(super) fn has_unread_bytes(&self) -> bool {
        let begun = self.begun.load(Ordering::Relaxed);
        self.bodies.load(Ordering::Relaxed) > 0 || (begun > 0 && self.followed.load(Ordering::Relaxed) >= begun)
    }

    /// Notes the number of the last request behind which more bytes have arrived.
    pub(super) fn followed(&self, request: usize) {
        self.followed.store(request, Ordering::Relaxed);
    }

    /// Makes the stream fail at its next flush if the client has left.
    pub(super) fn look_for_client(&self) {
        self.looks.store(true, Ordering::Relaxed);
    }

    /// Whether the stream is to look whether its client is still there, which it does once.
    pub(super) fn takes_look(&self) -> bool {
        self.looks.load(Ordering::Relaxed) && self.looks.swap(false, Ordering::Relaxed)
    }

    /// The permit of the request of HTTP/1 in flight.
    pub(super) fn permit(&self) -> Option<RequestPermit> {
        self.permit.lock().upgrade()
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
    pub(super) fn bytes_read(&self) {
        let is_http2 = self.is_http2.load(Ordering::Relaxed);
        self.change(
            |state| if state == ConnectionState::Idle && !is_http2 { ConnectionState::ReadingHead } else { state },
        );
    }

    /// Restarts the idle timeout when bytes are written, because hyper may still be sending the last response. In HTTP/2
    /// they may be answers to pings, and at most a frame of each response is left.
    pub(super) fn bytes_written(&self) {
        if self.is_http2.load(Ordering::Relaxed) {
            return;
        }
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
    is_http2: bool,
    has_body: bool,
}

impl InFlightRequest {
    pub(super) fn begin(clock: &Arc<ConnectionClock>, version: Version, has_body: bool) -> Self {
        let is_http2 = version == Version::HTTP_2;
        clock.is_http2.store(is_http2, Ordering::Relaxed);
        // The frames of HTTP/2 are read whether or not a body is.
        let has_body = has_body && !is_http2;
        if !is_http2 {
            clock.begun.fetch_add(1, Ordering::Relaxed);
        }
        if has_body {
            clock.bodies.fetch_add(1, Ordering::Relaxed);
        }
        clock.change(|state| match state {
            ConnectionState::Serving(others) => ConnectionState::Serving(others + 1),
            ConnectionState::Idle | ConnectionState::ReadingHead => ConnectionState::Serving(1),
        });
        Self { clock: Arc::clone(clock), is_http2, has_body }
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2
    }

    /// Lets the connection release the permit of this request if its client does not take the response. In HTTP/2 the
    /// task of the stream does that.
    pub(super) fn may_release(&self, permit: &RequestPermit) {
        if !self.is_http2 {
            *self.clock.permit.lock() = permit.downgrade();
        }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        if self.has_body {
            self.clock.bodies.fetch_sub(1, Ordering::Relaxed);
        }
        self.clock.change(|state| match state {
            ConnectionState::Serving(others) if others > 1 => ConnectionState::Serving(others - 1),
            _ => ConnectionState::Idle,
        });
    }
}

#[cfg(test)]
mod tests {
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
        drop(InFlightRequest::begin(&clock, Version::HTTP_2, false));
        clock.bytes_read();
        assert_eq!(quiet_after(&clock, std::future::ready(())).await, 60);
        drop(InFlightRequest::begin(&clock, Version::HTTP_11, false));
        clock.bytes_read();
        assert_eq!(quiet_after(&clock, std::future::ready(())).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_never_too_quiet() {
        let clock = Arc::new(ConnectionClock::new());
        let (one, other) = (
            InFlightRequest::begin(&clock, Version::HTTP_2, false),
            InFlightRequest::begin(&clock, Version::HTTP_2, false),
        );
        drop(one);
        let ends = async {
            advance(Duration::from_secs(3_600)).await;
            drop(other);
        };
        assert_eq!(quiet_after(&clock, ends).await, 3_660);
    }
}

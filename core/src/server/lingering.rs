//! The end of a connection whose client is still sending; RFC 9112, 9.6.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;

/// The bytes that a connection reads and throws away after its last response, so that the client can read that response: closing a
/// socket with unread input makes the system reset the connection.
pub(super) struct Lingering {
    settings: Settings,
    stopping: CancellationToken,
    /// Ready when the time is over or the server stops; there is none before the end has begun.
    over: Option<BoxFuture<'static, ()>>,
    read: usize,
}

#[derive(Clone, Copy)]
struct Settings {
    timeout: Duration,
    size: usize,
    response_timeout: Option<Duration>,
}

impl Lingering {
    pub(super) fn new(settings: &ServerConfig, stopping: CancellationToken) -> Self {
        let ServerConfig { linger_timeout: timeout, linger_size: size, response_timeout, .. } = *settings;
        Self { settings: Settings { timeout, size, response_timeout }, stopping, over: None, read: 0 }
    }

    pub(super) fn response_timeout(&self) -> Option<Duration> {
        self.settings.response_timeout
    }

    pub(super) fn has_begun(&self) -> bool {
        self.over.is_some()
    }

    /// Reads until the client has ended its side, or a limit is reached.
    pub(super) fn poll<S: AsyncRead + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<()> {
        let over = self.over.get_or_insert_with(|| over(self.settings.timeout, self.stopping.clone()));
        if over.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut unread = [0; 8 << 10];
        // As many reads as one poll may make, so that a fast client does not hold up the others of this thread.
        for _ in 0..32 {
            let mut buffer = ReadBuf::new(&mut unread);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.read += buffer.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            if self.read >= self.settings.size {
                return Poll::Ready(());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn over(timeout: Duration, stopping: CancellationToken) -> BoxFuture<'static, ()> {
    async move { drop(time::timeout(timeout, stopping.cancelled_owned()).await) }.boxed()
}

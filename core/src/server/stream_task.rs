//! The task of an HTTP/2 stream, which ends when the client does not take the response. The connection's own clock cannot see
//! that, because the connection may be busy with others of its streams.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use super::in_flight::StreamState;
use super::stall::Stall;

/// Starts the tasks of HTTP/2 streams.
#[derive(Clone)]
pub(super) struct StreamExecutor {
    /// The time that a client has to take a part of its response; `None` for no limit.
    pub(super) response_timeout: Option<Duration>,
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let stall = Stall::new(self.response_timeout);
        drop(tokio::spawn(StreamTask { stream, state: StreamState::default(), stall }));
    }
}

pin_project! {
    struct StreamTask<F> {
        #[pin]
        stream: F,
        state: StreamState,
        stall: Stall,
    }
}

impl<F: Future> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (stream, state, stall) = (this.stream, this.state, this.stall);
        if state.observe(|| stream.poll(context)).is_ready() {
            return Poll::Ready(());
        }
        if state.has_moved() || !state.waits_for_client() {
            stall.end();
        }
        if !state.waits_for_client() {
            return Poll::Pending;
        }
        ready!(stall.poll(state.permit(), context));
        // The end of the task drops the stream, which resets it.
        tracing::debug!(
            "a stream was reset: its client took none of the response for `config.server.response_timeout`"
        );
        Poll::Ready(())
    }
}

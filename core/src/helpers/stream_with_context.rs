//! The helper that keeps a request's context for a body that is sent after the view has returned.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::context::{Context, TeardownHold};
use crate::error::Error;
use crate::http_types::Body;

/// Keeps the request's context while `body` is being sent: `request`, `session` and `g` are there in its stream or
/// iterator, and teardown runs when that has ended or was dropped. Flask's `stream_with_context`.
///
/// The head of the response leaves before the body, so the session can be read there but not changed:
/// [`Session::set`](crate::Session::set) is an error, and [`after_this_request`](crate::after_this_request) panics.
/// Because the body may read the session, the response has `Vary: Cookie` if the app has sessions in cookies.
///
/// ```
/// use costrel::{App, Body, request, stream_with_context};
/// use futures_util::{StreamExt, stream};
///
/// async fn shout() -> Body {
///     let words = stream::iter(["hello ", "world "]).map(|word| format!("{word} {}", request().path()));
///     stream_with_context(Body::from_stream(words))
/// }
///
/// fn count() -> Body {
///     stream_with_context(Body::from_iterator((0..2).map(|n| format!("{n} {} ", request().path()))))
/// }
/// let mut app = App::new("docs");
/// # app.route("/shout", shout);
/// # app.route("/count", count);
/// let client = app.test_client();
/// # assert_eq!(client.get("/shout").wait().unwrap().text(), "hello  /shoutworld  /shout");
/// # assert_eq!(client.get("/count").wait().unwrap().text(), "0 /count 1 /count ");
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn stream_with_context(body: Body) -> Body {
    let context = Context::of_body();
    let hold = context.hold();
    if let Ok(active) = context.request() {
        active.session.expect_access();
    }
    let (length, is_endless) = (body.size_hint().exact(), body.is_until_shutdown());
    let body = Body::new(WithContext { body: Some(body), context, _hold: hold });
    match length {
        Some(length) => body.with_length(length),
        None if is_endless => body.until_shutdown(),
        None => body,
    }
}

struct WithContext {
    /// `None` when the body has been dropped.
    body: Option<Body>,
    context: Context,
    /// The hold that teardown waits for; dropped after the body.
    _hold: TeardownHold,
}

impl HttpBody for WithContext {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        this.context.run_sync(|| Pin::new(body).poll_frame(task))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for WithContext {
    fn drop(&mut self) {
        // Dropped in the context, because the body's destructors may read the request too.
        let body = self.body.take();
        self.context.run_sync(|| drop(body));
    }
}

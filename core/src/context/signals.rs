//! Signals: events that functions of either colour can subscribe to.

use std::fmt;
use std::future::ready;
use std::marker::PhantomData;

use futures_util::future::Either;
use http::response;

use super::app_handle::{AppHandle, Subscribers};
use super::{current_app, has_app_context};
use crate::error::Error;
use crate::execution::{Callable, IntoCallable, Waiting, catch_panic};
use crate::http_types::Request;

/// An event that functions of either colour can subscribe to, as in Flask with blinker.
///
/// Subscribers belong to an app: [`App::connect`](crate::App::connect). They run one after the other, in the order
/// they were connected, and the sender waits for them.
///
/// ```
/// use costrel::{App, Error, g, signals::Signal};
///
/// static ORDERED: Signal<u32> = Signal::new("shop.ordered");
///
/// # let mut app = App::new("docs");
/// app.connect(&ORDERED, async |pieces: u32| g().set("ordered", pieces));
/// app.route("/order", async || {
///     ORDERED.send(3).await?; // in a sync view: `.wait()?`
///     Ok::<_, Error>(g().get::<u32>("ordered").unwrap_or(0).to_string())
/// });
/// assert_eq!(app.test_client().get("/order").wait()?.text(), "3");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Hooks and signals](../../costrel_book/hooks/index.html).
pub struct Signal<T> {
    name: &'static str,
    carries: PhantomData<fn(T)>,
}

/// Sent when a request is about to be handled, in its context.
pub static REQUEST_STARTED: Signal<Request> = Signal::new("request_started");
/// Sent when the response is ready to be sent and the session is saved.
pub static REQUEST_FINISHED: Signal<response::Parts> = Signal::new("request_finished");
/// Sent when an error that had no handler is about to become a 500.
pub static GOT_REQUEST_EXCEPTION: Signal<Error> = Signal::new("got_request_exception");
/// Sent after the functions of `teardown_request`, with the error that had no handler.
pub static REQUEST_TEARING_DOWN: Signal<Option<Error>> = Signal::new("request_tearing_down");
/// Sent when a context has begun, of a request or without one.
pub static APPCONTEXT_PUSHED: Signal<()> = Signal::new("appcontext_pushed");
/// Sent after the functions of `teardown_appcontext`, with the error that had no handler.
pub static APPCONTEXT_TEARING_DOWN: Signal<Option<Error>> = Signal::new("appcontext_tearing_down");
/// Sent when a context is over; its app is still there for the subscribers.
pub static APPCONTEXT_POPPED: Signal<()> = Signal::new("appcontext_popped");
/// Sent when a background task has failed.
pub static GOT_BACKGROUND_EXCEPTION: Signal<Error> = Signal::new("got_background_exception");
/// Sent when a function of `before_serving`, `while_serving` or `after_serving` has failed.
pub static GOT_SERVING_EXCEPTION: Signal<Error> = Signal::new("got_serving_exception");
/// Sent when a message was flashed, with the message and its category.
pub static MESSAGE_FLASHED: Signal<(String, String)> = Signal::new("message_flashed");
/// Sent when a template is about to be rendered, with its name.
pub static BEFORE_RENDER_TEMPLATE: Signal<String> = Signal::new("before_render_template");
/// Sent when a template was rendered, with its name.
pub static TEMPLATE_RENDERED: Signal<String> = Signal::new("template_rendered");

impl<T: Clone + Send + Sync + 'static> Signal<T> {
    /// A signal. `name` must be unique: begin it with the name of the extension.
    pub const fn new(name: &'static str) -> Self {
        Self { name, carries: PhantomData }
    }

    /// Calls the subscribers of the current app; outside an app context there are none. `.await` it in async code,
    /// `.wait()` for it in sync code.
    ///
    /// # Errors
    /// The error of the first subscriber that fails; the subscribers after it are not called.
    pub fn send(&self, value: T) -> Waiting<()> {
        let subscribers = if has_app_context() { self.subscribers(&current_app()).to_vec() } else { Vec::new() };
        Waiting::new(tell(subscribers, value))
    }

    /// Calls the subscribers of `app`. Costs nothing if there are none, because `value` is only called if needed.
    pub(crate) fn emit<V: FnOnce() -> T>(
        &self,
        app: &AppHandle,
        value: V,
    ) -> impl Future<Output = Result<(), Error>> + use<T, V> {
        // The value is made before the future, so that the future borrows nothing and can move to another thread.
        match self.subscribers(app) {
            [] => Either::Left(ready(Ok(()))),
            subscribers => Either::Right(Box::pin(tell(subscribers.to_vec(), value()))),
        }
    }

    /// Calls the subscribers of `app`, and logs an error, because the caller cannot return it.
    pub(crate) async fn emit_logged(&self, app: &AppHandle, value: impl FnOnce() -> T) {
        if self.subscribers(app).is_empty() {
            return;
        }
        let sending = self.emit(app, value);
        if let Err(error) = catch_panic(sending).await {
            tracing::error!("Exception in a subscriber of {}: {error:?}", self.name);
        }
    }

    /// Adds a subscriber, or returns a set-up error if another signal has the same name.
    pub(crate) fn connect<M>(&self, to: &mut Subscribers, f: impl IntoCallable<M, T, ()>) -> Result<(), Error> {
        let known = to.entry(self.name).or_insert_with(|| Box::new(Vec::<Callable<T, ()>>::new()));
        let list = known.downcast_mut::<Vec<Callable<T, ()>>>().ok_or_else(|| {
            let message =
                format!("the signal {:?} exists with a value of another type: rename one of the two", self.name);
            Error::setup_without_line(message)
        })?;
        list.push(f.into_callable());
        Ok(())
    }

    fn subscribers<'a>(&self, app: &'a AppHandle) -> &'a [Callable<T, ()>] {
        let subscribers = &app.parts().subscribers;
        if subscribers.is_empty() {
            return &[];
        }
        subscribers.get(self.name).and_then(|list| list.downcast_ref::<Vec<_>>()).map_or(&[], Vec::as_slice)
    }
}

async fn tell<T: Clone + Send + 'static>(subscribers: Vec<Callable<T, ()>>, value: T) -> Result<(), Error> {
    for subscriber in subscribers {
        subscriber.call(value.clone()).await?;
    }
    Ok(())
}

impl<T> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({})", self.name)
    }
}

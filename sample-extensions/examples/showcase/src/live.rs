//! Sync and async side by side, under `/live`: what ran where, with live streams and sockets to play with.

use std::iter;
use std::thread;
use std::time::Duration;

use costrel::{
    App, Blueprint, Error, Event, EventStream, IntoResponse, Response, View, abort, current_app, request, websocket,
};
use costrel_ext_kit::Decorator;
use futures_util::stream;

/// The time between two ticks of a stream.
const TICK: Duration = Duration::from_millis(400);

/// The number of ticks of a stream.
const TICKS: u32 = 20;

/// Adds the page, and what it shows.
pub(crate) fn add_to(app: &mut App) {
    // The timelines that the page shows.
    app.config.kept_traces = Some(50);
    let mut live = Blueprint::new("live").url_prefix("/live");
    live.route("/", || IntoResponse::into_response((include_str!("live/page.html"), HTML)));
    live.route("/trace", last_trace);
    live.rule("/view/sync").endpoint("view_sync").view(|| "sync");
    live.rule("/view/async").endpoint("view_async").view(async || "async");
    live.rule("/mixed/sync").endpoint("mixed_sync").decorate(async_decorator).view(|| "sync");
    live.rule("/mixed/async").endpoint("mixed_async").decorate(sync_decorator).view(async || "async");
    live.route("/ticks/sync", ticks_sync);
    live.route("/ticks/async", ticks_async);
    live.websocket("/echo/sync", echo_sync);
    live.websocket("/echo/async", echo_async);
    live.register_blueprint(hooked_sync());
    live.register_blueprint(hooked_async());
    app.register_blueprint(live);
}

const HTML: [(&str, &str); 1] = [("content-type", "text/html; charset=utf-8")];

/// A view with hooks, all sync: one crossing for all of them.
fn hooked_sync() -> Blueprint {
    fn begin_transaction() {}
    fn load_user() {}
    fn report() -> &'static str {
        "sync"
    }
    fn add_headers(response: Response) -> Response {
        response
    }
    fn end_transaction() {}

    let mut hooked = Blueprint::new("hooked_sync").url_prefix("/hooks/sync");
    hooked.before_request(begin_transaction).before_request(load_user);
    hooked.after_request(add_headers).teardown_request(end_transaction);
    hooked.route("/", report);
    hooked
}

/// A view with hooks, all async: no crossing.
fn hooked_async() -> Blueprint {
    async fn begin_transaction() {}
    async fn load_user() {}
    async fn report() -> &'static str {
        "async"
    }
    async fn add_headers(response: Response) -> Response {
        response
    }
    async fn end_transaction() {}

    let mut hooked = Blueprint::new("hooked_async").url_prefix("/hooks/async");
    hooked.before_request(begin_transaction).before_request(load_user);
    hooked.after_request(add_headers).teardown_request(end_transaction);
    hooked.route("/", report);
    hooked
}

/// A decorator written as an async function.
fn async_decorator(view: View) -> View {
    Decorator::new(view).wrap_async(|next, request| async move { next.call(request).await })
}

/// A decorator written as a sync function, as Flask's are.
fn sync_decorator(view: View) -> View {
    Decorator::new(view).wrap(|view, request| current_app().ensure_sync(view)(request))
}

/// Draws the last request to the path that the query names.
async fn last_trace() -> Result<Response, Error> {
    let of = format!("GET {}", request().args().get("of").unwrap_or_default());
    let traces = current_app().traces();
    let Some(trace) = traces.iter().rev().find(|trace| trace.request == of) else { return abort(404) };
    (trace.to_svg(), [("content-type", "image/svg+xml"), ("cache-control", "no-store")]).into_response()
}

/// A sync stream: an iterator that blocks, each step on a worker.
fn ticks_sync() -> EventStream {
    let tick = |n| {
        thread::sleep(TICK);
        Event::new(format!("tick {n} on {}", here()))
    };
    EventStream::from_iterator((1..=TICKS).map(tick))
}

/// An async stream: it waits on the event loop.
async fn ticks_async() -> EventStream {
    EventStream::new(stream::unfold(1, |n| async move {
        tokio::time::sleep(TICK).await;
        (n <= TICKS).then(|| (Event::new(format!("tick {n} on {}", here())), n + 1))
    }))
}

fn echo_sync() -> Result<(), Error> {
    let socket = websocket();
    for message in iter::from_fn(|| socket.receive().wait().ok()) {
        socket.send(format!("{} (on {})", message.text().unwrap_or("bytes"), here())).wait()?;
    }
    Ok(())
}

async fn echo_async() -> Result<(), Error> {
    let socket = websocket();
    while let Ok(message) = socket.receive().await {
        socket.send(format!("{} (on {})", message.text().unwrap_or("bytes"), here())).await?;
    }
    Ok(())
}

/// The name of this thread.
fn here() -> String {
    thread::current()
        .name()
        .unwrap_or("a thread")
        .replace("tokio-rt-worker", "the event loop")
        .replace("costrel-worker", "a worker")
}

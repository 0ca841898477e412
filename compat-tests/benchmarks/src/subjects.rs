//! The apps that are measured, each with the request that a client sends it.

use std::time::Duration;

use costrel::{App, Error, IntoView, Response, View, current_app};
use costrel_cache::Cache;
use costrel_ext_kit::{Decorate, key::remote_address};
use costrel_limiter::Limiter;

/// An app that is measured.
#[derive(Debug)]
pub struct Subject {
    /// The name, as a row of the tables has it.
    pub name: &'static str,
    /// The path that the client asks for.
    pub path: &'static str,
    /// Builds the app.
    pub build: fn() -> Result<App, Error>,
}

/// Every app that is measured.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "async", path: "/", build: || Ok(hello(async_hello())) },
    Subject { name: "sync", path: "/", build: || Ok(hello(sync_hello())) },
    Subject { name: "async-3-async-layers", path: "/", build: || Ok(hello(thrice(async_hello(), async_layer))) },
    Subject { name: "async-3-sync-layers", path: "/", build: || Ok(hello(thrice(async_hello(), sync_layer))) },
    Subject { name: "sync-3-async-layers", path: "/", build: || Ok(hello(thrice(sync_hello(), async_layer))) },
    Subject { name: "sync-3-sync-layers", path: "/", build: || Ok(hello(thrice(sync_hello(), sync_layer))) },
    Subject { name: "sync-4-hooks", path: "/", build: || Ok(four_sync_hooks()) },
    Subject { name: "async-4-hooks", path: "/", build: || Ok(four_async_hooks()) },
    Subject { name: "cached", path: "/", build: cached },
    Subject { name: "limited", path: "/", build: limited },
    Subject { name: "async-10kb", path: "/", build: || Ok(hello((async || "x".repeat(10_000)).into_view())) },
    Subject { name: "async-waiting", path: "/wait", build: || Ok(waiting()) },
    Subject { name: "async-500-rules", path: "/group250/users/7/posts/seven", build: || Ok(five_hundred_rules()) },
];

fn async_hello() -> View {
    (async || "Hello").into_view()
}

fn sync_hello() -> View {
    (|| "Hello").into_view()
}

fn hello(view: View) -> App {
    let mut app = App::new("bench");
    app.config.runs_in_place = true;
    app.rule("/").endpoint("hello").view(view);
    app
}

fn thrice(view: View, layer: fn(View) -> View) -> View {
    layer(layer(layer(view)))
}

fn async_layer(view: View) -> View {
    view.wrapped_by_async(|next, request| next.call(request))
}

fn sync_layer(view: View) -> View {
    view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
}

/// A typical Flask app: all of it is sync.
fn four_sync_hooks() -> App {
    let mut app = hello(sync_hello());
    app.before_request(|| ()).before_request(|| ());
    app.after_request(|response: Response| response).teardown_request(|| ());
    app
}

fn four_async_hooks() -> App {
    let mut app = hello(async_hello());
    app.before_request(async || ()).before_request(async || ());
    app.after_request(async |response: Response| response).teardown_request(async || ());
    app
}

fn cached() -> Result<App, Error> {
    let (cache, mut app) = (Cache::new(), App::new("bench"));
    app.init(&cache)?;
    app.rule("/").decorate(cache.cached(Duration::from_secs(3_600))).endpoint("hello").view(async_hello());
    Ok(app)
}

fn limited() -> Result<App, Error> {
    let (limiter, mut app) = (Limiter::new(remote_address), App::new("bench"));
    app.init(&limiter)?;
    app.rule("/").decorate(limiter.limit("1000000000/hour")).endpoint("hello").view(async_hello());
    Ok(app)
}

/// An app whose `/wait` is never answered.
fn waiting() -> App {
    let mut app = hello(async_hello());
    app.route("/wait", async || std::future::pending::<&str>().await);
    app
}

fn five_hundred_rules() -> App {
    let mut app = App::new("bench");
    for group in 0..500 {
        let rule = format!("/group{group}/users/<int:user>/posts/<slug>");
        app.rule(&rule).endpoint(&format!("post{group}")).view(async |_user: i64, _slug: String| "Hello");
    }
    app
}

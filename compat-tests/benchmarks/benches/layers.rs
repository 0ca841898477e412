//! The cost of one layer, in nanoseconds: `cargo bench -p costrel-benchmarks --bench layers`.
//!
//! A view is called many times inside one request, with no layer and with ten; a tenth of the difference is the cost
//! of one layer. No call crosses here: `throughput` shows the cost of a crossing.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a program for people who measure")]

use std::time::Instant;

use costrel::{App, Body, Callable, Error, IntoView, Request, Response, View, current_app, http, request};
use costrel_ext_kit::{Decorate, IntoCallback};
use tokio::runtime::Builder;

const CALLS: u32 = 100_000;
const LAYERS: u32 = 10;
const ROUNDS: usize = 7;

fn main() {
    println!("{:<52} {:>8}", "cost of one", "ns");
    let sync_view = || (|| Ok::<_, Error>(empty())).into_view();
    let async_view = || (async || Ok::<_, Error>(empty())).into_view();
    layer("async wrapper, on an async view, on the loop", false, async_view, |view| {
        view.wrapped_by_async(|next, request| next.call(request))
    });
    layer("async wrapper with an async block", false, async_view, |view| {
        view.wrapped_by_async(|next, request| async move { next.call(request).await })
    });
    layer("guard, on an async view, on the loop", false, async_view, |view| view.guarded_by(|_| ()));
    layer("guard, on a sync view, on a worker", true, sync_view, |view| view.guarded_by(|_| ()));
    layer("after, on a sync view, on a worker", true, sync_view, |view| view.followed_by(|outcome| outcome));
    layer("sync wrapper, on a sync view, on a worker", true, sync_view, |view| view.wrapped_by(View::call_sync));
    layer("the same, by current_app().ensure_sync(view)", true, sync_view, |view| {
        view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
    });
    println!("{:<52} {:>8.1}", "callback that does not wait, on the loop", callback());
    println!("{:<52} {:>8.1}", "ensure_sync of a ready async view, on a worker", ensure_sync(async_view()));
}

fn empty() -> Response {
    Response::new(Body::empty())
}

fn layer(name: &str, on_worker: bool, view: fn() -> View, decorate: fn(View) -> View) {
    let bare = best(on_worker, view());
    let stacked = best(on_worker, (0..LAYERS).fold(view(), |view, _| decorate(view)));
    println!("{name:<52} {:>8.1}", (stacked - bare) / f64::from(LAYERS));
}

/// Returns the best of several rounds, in nanoseconds per call.
fn best(on_worker: bool, view: View) -> f64 {
    let rounds = (0..ROUNDS).map(|_| if on_worker { time_sync(view.clone()) } else { time_async(view.clone()) });
    rounds.fold(f64::MAX, f64::min)
}

fn time_sync(view: View) -> f64 {
    in_request(
        (move || {
            let (request, begin) = (request(), Instant::now());
            for _ in 0..CALLS {
                view.call_sync(request.clone())?;
            }
            Ok::<_, Error>(per_call(begin))
        })
        .into_view(),
    )
}

fn time_async(view: View) -> f64 {
    in_request(
        (move || {
            let view = view.clone();
            async move {
                let (request, begin) = (request(), Instant::now());
                for _ in 0..CALLS {
                    view.call(request.clone()).await?;
                }
                Ok::<_, Error>(per_call(begin))
            }
        })
        .into_view(),
    )
}

fn callback() -> f64 {
    let callback: Callable<Request, usize> = (|request: Request| async move { request.path().len() }).into_callback();
    let rounds = (0..ROUNDS).map(|_| {
        let callback = callback.clone();
        in_request(
            (move || {
                let callback = callback.clone();
                async move {
                    let (request, begin) = (request(), Instant::now());
                    for _ in 0..CALLS {
                        callback.call(request.clone()).await?;
                    }
                    Ok::<_, Error>(per_call(begin))
                }
            })
            .into_view(),
        )
    });
    rounds.fold(f64::MAX, f64::min)
}

fn ensure_sync(view: View) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let view = view.clone();
        in_request(
            (move || {
                let (app, request, begin) = (current_app(), request(), Instant::now());
                let call = app.ensure_sync(&view);
                for _ in 0..CALLS {
                    call(request.clone())?;
                }
                Ok::<_, Error>(per_call(begin))
            })
            .into_view(),
        )
    });
    rounds.fold(f64::MAX, f64::min)
}

fn per_call(begin: Instant) -> String {
    (begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)).to_string()
}

fn in_request(view: View) -> f64 {
    let mut app = App::new("bench");
    app.rule("/").endpoint("bench").view(view);
    let application = app.build().unwrap();
    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let answer = event_loop.block_on(async {
        let request = http::Request::get("/").body(Body::empty()).unwrap();
        application.call(request).await.into_body().collect().await.unwrap()
    });
    String::from_utf8_lossy(&answer).parse().unwrap()
}

//! The cost of an extension for a request that it has nothing to do for: `cargo bench -p costrel-benchmarks --bench guards`.
//!
//! The apps answer the same GET by the same async view, in the process, in rounds that take turns; the cost is the difference between
//! the best rounds.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a program for people who measure")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use costrel::{App, Application, Body, View, http};
use costrel_cache::Cache;
use costrel_compress::Compress;
use costrel_cors::Cors;
use costrel_csrf::Csrf;
use costrel_jwt::{Jwt, access_token, jwt_required};
use tokio::runtime::{Builder, Runtime};

const CALLS: u32 = 50_000;
const ROUNDS: usize = 9;

fn main() {
    let apps = [
        ("no extension", app(|_| ())),
        ("cors for all views, no Origin", app(|app| app.init(&Cors::new()).unwrap())),
        ("cors for one view, no Origin", decorated(|_| (), Cors::new().cross_origin())),
        ("csrf for all views, a GET", app(|app| app.init(&Csrf::new()).unwrap())),
        ("csrf for one view, a GET", decorated(|app| app.init(&Csrf::new()).unwrap(), Csrf::new().protected())),
        (
            "jwt, optional, no token",
            decorated(|app| app.init(Jwt::new()).unwrap(), jwt_required(access_token().optional())),
        ),
        ("compress for all views, no Accept-Encoding", app(|app| app.init(&Compress::new()).unwrap())),
        ("cached for one view, a hit", cached()),
    ];
    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut best = vec![f64::MAX; apps.len()];
    for _ in 0..ROUNDS {
        for (best, (_, app)) in best.iter_mut().zip(&apps) {
            *best = best.min(time(&event_loop, app));
        }
    }
    println!("{:<46} {:>8} {:>8}", "one request, ns", "whole", "more");
    for (best_of_app, (name, _)) in best.iter().zip(&apps) {
        println!("{name:<46} {best_of_app:>8.0} {:>8.0}", best_of_app - best[0]);
    }
}

fn cached() -> Application {
    let cache = Cache::new();
    let decorator = cache.cached(Duration::from_secs(3_600));
    decorated(|app| app.init(&cache).unwrap(), decorator)
}

fn app(set_up: impl FnOnce(&mut App)) -> Application {
    decorated(set_up, |view| view)
}

fn decorated(
    set_up: impl FnOnce(&mut App),
    decorator: impl Fn(View) -> View + Clone + Send + Sync + 'static,
) -> Application {
    let mut app = App::new("bench");
    app.config.secret_key = Some("bench".into());
    app.config.set("JWT_SECRET_KEY", "a secret that is long and random").unwrap();
    set_up(&mut app);
    app.rule("/").decorate(decorator).view(async || "hello");
    app.build().unwrap()
}

/// Returns the nanoseconds of one request.
fn time(event_loop: &Runtime, app: &Application) -> f64 {
    let app = app.clone();
    let round = event_loop.spawn(async move {
        let begin = Instant::now();
        for _ in 0..CALLS {
            let request = http::Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
            black_box(app.call(request).await.into_body().collect().await.unwrap());
        }
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    event_loop.block_on(round).unwrap()
}

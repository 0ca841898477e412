//! Compressed pages per second beside tower-http's `CompressionLayer`: `cargo bench -p costrel-benchmarks --bench compress`.
//!
//! Both use the same encoders at the same levels on the same page, in the process, in rounds that take turns. Costrel takes large pages
//! to a worker; tower-http compresses them on the event loop.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program for people who measure"
)]

use std::convert::Infallible;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use costrel::{App, Application, Body, http};
use costrel_compress::Compress;
use http_body_util::{BodyExt, Full};
use tokio::runtime::{Builder, Runtime};
use tower::{ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_layer::Layer;

const ROUNDS: usize = 7;

fn main() {
    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!("{:<10} {:>10} {:>14} {:>14} {:>8}", "encoding", "page", "tower-http", "Costrel", "ratio");
    for (encoding, level) in [("gzip", 6), ("br", 4), ("zstd", 3)] {
        for size in [2_000, 6_000, 100_000, 1_000_000] {
            let page = page(size);
            let (app, calls) = (ours(&page), (4_000_000 / page.len()).clamp(10, 500));
            let (mut theirs, mut best) = (0_f64, 0_f64);
            for _ in 0..ROUNDS {
                theirs = theirs.max(speed(&event_loop, &page, calls, tower_http(page.clone(), encoding, level)));
                best = best.max(speed(&event_loop, &page, calls, costrel(app.clone(), encoding)));
            }
            println!("{encoding:<10} {:>10} {theirs:>9.1} MB/s {best:>9.1} MB/s {:>8.2}", page.len(), best / theirs);
        }
    }
}

/// A page of JSON of about `size` bytes, whose lines differ.
fn page(size: usize) -> Bytes {
    let (mut text, mut number) = (String::new(), 1_u32);
    while text.len() < size {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writeln!(
            text,
            "{{\"id\": {number}, \"name\": \"user {}\", \"active\": {}}},",
            number >> 20,
            number & 4096 == 0
        )
        .unwrap();
    }
    text.into()
}

fn ours(page: &Bytes) -> Application {
    let (mut app, page) = (App::new("bench"), page.clone());
    app.config.set("COMPRESS_STREAMS", false).unwrap();
    app.init(&Compress::new()).unwrap();
    app.rule("/").endpoint("page").view(move || {
        let page = page.clone();
        async move { (page, [("content-type", "application/json")]) }
    });
    app.build().unwrap()
}

fn costrel(app: Application, encoding: &'static str) -> impl AsyncFn() -> usize {
    async move || {
        let request = http::Request::get("/").header("host", "localhost").header("accept-encoding", encoding);
        let response = app.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-encoding"], encoding);
        response.into_body().collect().await.unwrap().len()
    }
}

fn tower_http(page: Bytes, encoding: &'static str, level: i32) -> impl AsyncFn() -> usize {
    let view = service_fn(move |_: http::Request<()>| {
        let page = page.clone();
        async move {
            let response = http::Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(response.body(Full::new(page)).unwrap())
        }
    });
    let service = CompressionLayer::new().quality(CompressionLevel::Precise(level)).layer(view);
    async move || {
        let request = http::Request::get("/").header("accept-encoding", encoding).body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
        response.into_body().collect().await.unwrap().to_bytes().len()
    }
}

/// Returns the megabytes of pages that are compressed in a second.
fn speed(event_loop: &Runtime, page: &Bytes, calls: usize, compress: impl AsyncFn() -> usize) -> f64 {
    event_loop.block_on(async {
        let begin = Instant::now();
        for _ in 0..calls {
            black_box(compress().await);
        }
        (calls * page.len()) as f64 / 1e6 / begin.elapsed().as_secs_f64()
    })
}

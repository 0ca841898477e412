//! Requests per second over loopback, as ratios to raw hyper in the same run:
//! `cargo bench -p costrel-benchmarks --bench throughput`.
//!
//! Client and servers share the machine, so only the ratios mean anything. Each server answers on keep-alive
//! connections for `ROUND`, in several rounds that alternate; the best round of each counts.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a program for people who measure")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use costrel::{App, IntoView, View, current_app};
use costrel_ext_kit::Decorate;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const CONNECTIONS: usize = 64;
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

fn main() {
    let servers = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let candidates = [
        ("raw hyper", start(&servers, raw_hyper)),
        ("axum", start(&servers, axum)),
        ("costrel, async view", costrel(&servers, (async || "Hello").into_view())),
        ("costrel, sync view", costrel(&servers, (|| "Hello").into_view())),
        (
            "costrel, async view, 3 async decorators",
            costrel(&servers, thrice((async || "Hello").into_view(), async_layer)),
        ),
        ("costrel, sync view, 3 async decorators", costrel(&servers, thrice((|| "Hello").into_view(), async_layer))),
        (
            "costrel, async view, 3 sync decorators",
            costrel(&servers, thrice((async || "Hello").into_view(), sync_layer)),
        ),
        ("costrel, sync view, 3 sync decorators", costrel(&servers, thrice((|| "Hello").into_view(), sync_layer))),
    ];
    let mut best = [0.0_f64; 8];
    for round in 0..=ROUNDS {
        for (best, (_, address)) in best.iter_mut().zip(&candidates) {
            let rate = measure(*address);
            // The first round warms up.
            if round > 0 {
                *best = best.max(rate);
            }
        }
    }
    println!("{:<42} {:>10} {:>8}", "", "requests/s", "ratio");
    for (rate, (name, _)) in best.iter().zip(&candidates) {
        println!("{name:<42} {rate:>10.0} {:>8.2}", rate / best[0]);
    }
}

fn async_layer(view: View) -> View {
    view.wrapped_by_async(|next, request| next.call(request))
}

fn sync_layer(view: View) -> View {
    view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
}

fn thrice(view: View, layer: fn(View) -> View) -> View {
    layer(layer(layer(view)))
}

fn costrel(servers: &Runtime, view: View) -> SocketAddr {
    let mut app = App::new("bench");
    app.rule("/").endpoint("hello").view(view);
    let application = app.build().unwrap();
    start(servers, |listener| async move {
        application.serve(listener, std::future::pending()).await.unwrap();
    })
}

async fn axum(listener: TcpListener) {
    let app = axum::Router::new().route("/", axum::routing::get(|| async { "Hello" }));
    axum::serve(listener, app).await.unwrap();
}

async fn raw_hyper(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = service_fn(async |_| Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from("Hello")))));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

fn start<F>(servers: &Runtime, serve: impl FnOnce(TcpListener) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = servers.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(serve(listener));
    address
}

/// Returns the number of requests per second that the server answers to one client thread.
fn measure(address: SocketAddr) -> f64 {
    let client = Builder::new_current_thread().enable_all().build().unwrap();
    let begin = Instant::now();
    let answered: usize = client.block_on(async {
        let connections: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(keep_asking(address, begin + ROUND))).collect();
        let mut answered = 0;
        for connection in connections {
            answered += connection.await.unwrap();
        }
        answered
    });
    f64::from(u32::try_from(answered).unwrap()) / begin.elapsed().as_secs_f64()
}

async fn keep_asking(address: SocketAddr, end: Instant) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 1024];
    let mut answered = 0;
    while Instant::now() < end {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut filled = 0;
        while !buffer[..filled].ends_with(b"Hello") {
            filled += stream.read(&mut buffer[filled..]).await.unwrap();
        }
        answered += 1;
    }
    answered
}

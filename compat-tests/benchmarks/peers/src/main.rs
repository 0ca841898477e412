//! The servers that Costrel is measured beside: `costrel-benchmark-peers NAME` serves one of them on a single-threaded
//! event loop, on a free port of this machine. It prints the address, and ends at the end of its input.

use std::convert::Infallible;
use std::io::{self, Read, Write};

use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::extract::{Path, Request};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "hyper-async" => on_tokio(raw_hyper),
        "hyper-async-http2" => on_tokio(raw_hyper_http2),
        "axum-async-http2" => on_tokio(axum_http2),
        "axum-async" => on_tokio(|listener| serve_axum(listener, Router::new().route("/", get(|| async { "Hello" })))),
        "axum-sync" => on_tokio(|listener| serve_axum(listener, Router::new().route("/", get(blocking)))),
        "axum-async-3-layers" => on_tokio(|listener| serve_axum(listener, three_layers())),
        "axum-async-10kb" => {
            on_tokio(|listener| serve_axum(listener, Router::new().route("/", get(|| async { "x".repeat(10_000) }))))
        }
        "axum-async-waiting" => on_tokio(|listener| {
            let hello = Router::new().route("/", get(|| async { "Hello" }));
            serve_axum(listener, hello.route("/wait", get(|| async { std::future::pending::<&str>().await })))
        }),
        "axum-async-500-rules" => on_tokio(|listener| serve_axum(listener, five_hundred_rules())),
        "actix-async" => on_actix(|app| {
            app.route("/", web::get().to(|| async { "Hello" }));
        }),
        "actix-sync" => on_actix(|app| {
            app.route("/", web::get().to(|| web::block(|| "Hello")));
        }),
        "actix-async-10kb" => on_actix(|app| {
            app.route("/", web::get().to(|| async { "x".repeat(10_000) }));
        }),
        _ => Err(io::Error::other(format!("there is no peer {name:?}"))),
    }
}

async fn blocking() -> &'static str {
    tokio::task::spawn_blocking(|| "Hello").await.unwrap_or("failed")
}

fn three_layers() -> Router {
    async fn layer(request: Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }
    Router::new()
        .route("/", get(|| async { "Hello" }))
        .layer(from_fn(layer))
        .layer(from_fn(layer))
        .layer(from_fn(layer))
}

fn five_hundred_rules() -> Router {
    (0..500).fold(Router::new(), |router, group| {
        let path = format!("/group{group}/users/{{user}}/posts/{{slug}}");
        router.route(&path, get(|Path((_, _)): Path<(i64, String)>| async { "Hello" }))
    })
}

async fn serve_axum(listener: TcpListener, router: Router) -> io::Result<()> {
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await
}

async fn raw_hyper(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(async |_| Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from("Hello")))));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn raw_hyper_http2(listener: TcpListener) -> io::Result<()> {
    let answer = service_fn(async |_| Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from("Hello")))));
    serve_http2(listener, answer).await
}

async fn axum_http2(listener: TcpListener) -> io::Result<()> {
    serve_http2(listener, TowerToHyperService::new(Router::new().route("/", get(|| async { "Hello" })))).await
}

async fn serve_http2<S, B>(listener: TcpListener, service: S) -> io::Result<()>
where
    S: Service<hyper::Request<Incoming>, Response = hyper::Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service.clone()));
    }
}

fn on_tokio<F>(serve: impl FnOnce(TcpListener) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0"))?;
    print_now(listener.local_addr()?)?;
    std::thread::spawn(exit_at_end_of_input);
    event_loop.block_on(serve(listener))
}

fn on_actix(configure: fn(&mut web::ServiceConfig)) -> io::Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        print_now(listener.local_addr()?)?;
        let server = HttpServer::new(move || App::new().configure(configure)).workers(1).listen(listener)?.run();
        std::thread::spawn(exit_at_end_of_input);
        server.await
    })
}

fn print_now(address: std::net::SocketAddr) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{address}")?;
    output.flush()
}

fn exit_at_end_of_input() {
    drop(io::stdin().read_to_end(&mut Vec::new()));
    std::process::exit(0);
}

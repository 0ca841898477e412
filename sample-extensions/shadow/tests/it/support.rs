//! An old app on loopback.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use costrel::App;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Server {
    event_loop: Option<Runtime>,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start(app: App) -> Self {
        let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let application = app.build().unwrap();
        let listener = event_loop.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
        Self { event_loop: Some(event_loop), address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.event_loop.take().unwrap().shutdown_background();
    }
}

/// Polls until `is_so`, for an event that sends no signal.
#[track_caller]
pub(crate) fn poll_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "what this line polls for did not happen");
        std::thread::yield_now();
    }
}

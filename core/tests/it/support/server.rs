//! A server on a local socket, and functions that read its responses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use costrel::{App, Error};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::DEADLINE;

/// A server on an event loop, by default with one thread, so that code that blocks the loop is noticed.
pub(crate) struct Server {
    event_loop: Option<Runtime>,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Mutex<mpsc::Receiver<Result<(), Error>>>,
}

impl Server {
    pub(crate) fn start(app: App) -> Self {
        Self::start_on(app, 1)
    }

    /// Starts a server on an event loop with the given number of threads.
    pub(crate) fn start_on(app: App, threads: usize) -> Self {
        let event_loop = Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
        let application = app.build().unwrap();
        let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = mpsc::channel();
        event_loop.spawn(async move {
            let _ = end.send(application.serve(listener, async { drop(stopped.await) }).await);
        });
        Self { event_loop: Some(event_loop), address, stop: Some(stop), ended: Mutex::new(ended) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str) -> String {
        read_all(self.begin(path))
    }

    /// Begins a request, and leaves it to the test to read the response.
    pub(crate) fn begin(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Begins to stop the server, without waiting for its end.
    pub(crate) fn begin_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops the server, and waits until it has ended.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        self.begin_to_stop();
        self.end()
    }

    /// Waits until the server has ended.
    pub(crate) fn end(&self) -> Result<(), Error> {
        self.ended
            .lock()
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("the server did not end within {DEADLINE:?}"))
    }
}

/// A test that fails does not wait for the views that it leaves waiting.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(event_loop) = self.event_loop.take().filter(|_| thread::panicking()) {
            event_loop.shutdown_background();
        }
    }
}

/// Reads a response to the end of its connection.
pub(crate) fn read_all(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = String::new();
    if let Err(error) = stream.read_to_string(&mut answer) {
        panic!("the response did not end within {DEADLINE:?} ({error}); so far: {answer:?}");
    }
    answer
}

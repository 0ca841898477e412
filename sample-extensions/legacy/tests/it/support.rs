//! Servers and clients on loopback; every wait has a deadline.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use costrel::{App, View, current_app};
use costrel_ext_kit::Decorate;
use costrel_legacy::{Legacy, legacy};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A Costrel app on a socket.
pub(crate) struct Server {
    event_loop: Option<Runtime>,
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start(app: App) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), app)
    }

    pub(crate) fn start_at(address: SocketAddr, app: App) -> Self {
        let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let application = app.build().unwrap();
        let listener = event_loop.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        event_loop.spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });
        Self { event_loop: Some(event_loop), address, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends the text of a request, and reads the response to the end of the connection.
    pub(crate) fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_all(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.exchange(&get(path))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.event_loop.take().unwrap().shutdown_background();
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: front.example\r\nConnection: close\r\n\r\n")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// An old app of which the test writes each byte: `script` runs on a thread for each connection.
pub(crate) struct RawOld {
    pub(crate) url: String,
    pub(crate) authority: String,
}

impl RawOld {
    pub(crate) fn start(script: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, script) = (stream.unwrap(), script.clone());
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                thread::spawn(move || script(stream));
            }
        });
        Self { url: format!("http://{authority}"), authority }
    }

    /// An old app that gives the same answer to every request, and tells of each head that it got.
    pub(crate) fn answering(answer: impl Into<String>) -> (Self, Receiver<String>) {
        let (send, heads) = channel();
        let answer = answer.into();
        let old = Self::start(move |mut stream| {
            while let Some(head) = read_head(&mut stream) {
                let _ = send.send(head);
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
        (old, heads)
    }
}

/// A response that has a body of text.
pub(crate) fn response(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads a head, to its empty line; `None` if the connection ends before.
pub(crate) fn read_head(stream: &mut TcpStream) -> Option<String> {
    let head = read_until(stream, "\r\n\r\n")?;
    Some(head)
}

/// Reads until the text ends so; `None` if the connection ends before.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> Option<String> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(end.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(0) => return None,
            Ok(_) => text.push(byte[0]),
            Err(error) => panic!("no {end:?} ({error}) after {:?}", String::from_utf8_lossy(&text)),
        }
    }
    Some(String::from_utf8(text).unwrap())
}

/// Reads to the end of the connection, however it ends.
pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    if let Err(error) = stream.read_to_end(&mut text)
        && error.kind() == std::io::ErrorKind::WouldBlock
    {
        panic!("no end after {:?}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

pub(crate) fn receive<T>(messages: &Receiver<T>) -> T {
    messages.recv_timeout(DEADLINE).unwrap()
}

/// How the old app is in the front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Fallback,
    /// The view of a rule behind a sync decorator.
    BehindSync,
    /// The view of a rule behind an async decorator.
    BehindAsync,
}

/// A front with the old app in this place.
pub(crate) fn front(place: Place, old: &Legacy) -> App {
    let mut app = App::new("front");
    match place {
        Place::Fallback => drop(app.init(old)),
        Place::BehindSync => drop(rule(&mut app, old, sync_around)),
        Place::BehindAsync => drop(rule(&mut app, old, async_around)),
    }
    app
}

fn rule<'a>(app: &'a mut App, old: &Legacy, decorator: fn(View) -> View) -> &'a mut App {
    let methods = costrel_legacy::ALL_METHODS;
    app.rule("/<path:rest>")
        .methods(methods)
        .endpoint("old")
        .provide_automatic_options(false)
        .decorate(decorator)
        .view(old)
}

pub(crate) fn sync_around(view: View) -> View {
    view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
}

pub(crate) fn async_around(view: View) -> View {
    view.wrapped_by_async(|next, request| async move { next.call(request).await })
}

/// A server in front of the app at `url`.
pub(crate) fn front_of(url: &str) -> Server {
    Server::start(front(Place::Fallback, &legacy(url)))
}

/// Polls until `is_so`, for an event that sends no signal.
#[track_caller]
pub(crate) fn poll_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "what this line polls for did not happen");
        thread::yield_now();
    }
}

/// A server in front of the app at `url` whose requests hold no threads, because those that do have their bodies read before.
pub(crate) fn streaming_front_of(url: &str) -> Server {
    streaming(front(Place::Fallback, &legacy(url)))
}

pub(crate) fn streaming(mut app: App) -> Server {
    app.config.threads = None;
    Server::start(app)
}

/// The log of one thread, with that of its work on workers.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Captures the log while the second value lives.
    pub(crate) fn of_this_thread() -> (Self, impl Sized) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        // With a single subscriber the first thread that reaches a log line decides whether it is enabled, and that may be
        // another test's.
        let another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
        let captured = tracing::subscriber::set_default(subscriber);
        tracing::callsite::rebuild_interest_cache();
        (log, (captured, another))
    }

    /// The number of lines that have `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock()).lines().filter(|line| line.contains(text)).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

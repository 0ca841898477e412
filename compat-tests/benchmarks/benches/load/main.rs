//! The load that the server withstands: `cargo bench -p costrel-benchmarks --bench load`.
//!
//! Clients run in a process of their own on the same machine, bounded in number and time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark says what it measured, and stops where it cannot"
)]

mod clients;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use costrel::{App, Application, create_task, current_app, request};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "clients") {
        return clients::run(&arguments[at + 1..]);
    }
    let wanted = |name: &str| {
        let names = ["waiting", "slow", "leaving", "asleep", "turning", "modes", "stopping"];
        !arguments.iter().any(|argument| names.contains(&&**argument))
            || arguments.iter().any(|argument| argument == name)
    };
    let benches: [(&str, fn()); 7] = [
        ("waiting", ten_thousand_wait),
        ("slow", slow_clients),
        ("leaving", ten_thousand_leave),
        ("asleep", sync_views_asleep),
        ("turning", a_view_turns_slow),
        ("modes", two_modes),
        ("stopping", stop_under_load),
    ];
    benches.into_iter().filter(|(name, _)| wanted(name)).for_each(|(_, bench)| bench());
}

/// An app on a port of this machine, on an event loop of two threads.
struct Site {
    event_loop: Runtime,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
    application: Application,
}

impl Site {
    fn new(app: App) -> Self {
        Self::on_threads(app, 2)
    }

    fn on_threads(app: App, threads: usize) -> Self {
        let event_loop = Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
        let application = app.build().unwrap();
        let listener = event_loop.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(4_096).unwrap()
        });
        let address = TcpListener::local_addr(&listener).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let served = application.clone();
        event_loop.spawn(async move {
            served.serve(listener, async { drop(stopped.await) }).await.unwrap();
            let _ = end.send(());
        });
        Self { event_loop, address, stop: Some(stop), ended: Some(ended), application }
    }

    /// Runs clients of this kind to their end, in a process of their own, and returns their output.
    fn clients(&self, kind: &str, arguments: &[&str]) -> String {
        let output = self.start_clients(kind, arguments).wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn start_clients(&self, kind: &str, arguments: &[&str]) -> std::process::Child {
        let mut clients = Command::new(std::env::current_exe().unwrap());
        clients.args(["clients", kind, &self.address.to_string()]).args(arguments).stdout(Stdio::piped());
        clients.spawn().unwrap()
    }
}

/// The memory of this process, in KiB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn until(done: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > Duration::from_secs(60) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

fn ten_thousand_wait() {
    let (waiting, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let mut app = App::new("waiting");
    let (counted, opened) = (waiting.clone(), gate.clone());
    app.route("/", move || {
        let (waiting, gate) = (counted.clone(), opened.clone());
        async move {
            waiting.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            "done"
        }
    });
    let site = Site::new(app);
    let before = memory();
    let clients = site.start_clients("get", &["10000", "/"]);
    let all = until(|| waiting.load(Ordering::SeqCst) == 10_000);
    let used = memory() - before;
    gate.add_permits(10_000);
    let answered = String::from_utf8(clients.wait_with_output().unwrap().stdout).unwrap();
    println!("10,000 connections waiting in an async view (all there: {all}): answered {}", answered.trim());
    println!("  {} KiB for each, connection and buffers included", used.div_ceil(10_000));
}

fn slow_clients() {
    let mut app = App::new("slow");
    app.config.workers = 4;
    app.post("/sync", || request().get_data().wait().map(|body| body.len().to_string()));
    app.post("/async", async || request().get_data().await.map(|body| body.len().to_string()));
    app.route("/large", || "x".repeat(2_000_000));
    app.route("/fast/sync", || "fast");
    app.route("/fast/async", async || "fast");
    let site = Site::new(app);
    let latency = |path| site.clients("latency", &["2000", path]);
    println!("latency idle:                    async {}, sync {}", latency("/fast/async"), latency("/fast/sync"));
    let mut slow = site.start_clients("slow", &["500"]);
    thread::sleep(Duration::from_secs(1));
    println!("latency with 500 slow clients:   async {}, sync {}", latency("/fast/async"), latency("/fast/sync"));
    slow.kill().unwrap();
    slow.wait().unwrap();
}

fn ten_thousand_leave() {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let mut app = App::new("leaving");
    let (begun, torn_down) = (counts.clone(), counts.clone());
    app.before_request(move || {
        // The hook is async, so that a request is counted at the moment when it begins.
        begun[0].fetch_add(1, Ordering::SeqCst);
        std::future::ready(())
    });
    app.teardown_request(move || {
        torn_down[1].fetch_add(1, Ordering::SeqCst);
    });
    app.route("/async", async || {
        drop(create_task(async { Ok::<_, costrel::Error>(()) }));
        tokio::time::sleep(Duration::from_millis(20)).await;
        "x".repeat(10_000)
    });
    app.route("/sync", || {
        thread::sleep(Duration::from_millis(1));
        "x".repeat(10_000)
    });
    let site = Site::new(app);
    site.clients("leave", &["2000"]);
    let before = memory();
    site.clients("leave", &["10000"]);
    let even = || {
        let tasks = site.event_loop.metrics().num_alive_tasks();
        // One of the tasks is the server itself.
        counts[0].load(Ordering::SeqCst) == counts[1].load(Ordering::SeqCst) && tasks <= 1
    };
    let settled = until(even);
    let tasks = site.event_loop.metrics().num_alive_tasks() - 1;
    let [begun, torn_down] = [0, 1].map(|at| counts[at].load(Ordering::SeqCst));
    println!(
        "12,000 clients that left at random moments: {begun} requests begun, {torn_down} torn down (even: {settled}),"
    );
    println!("  {tasks} tasks left; {before} KiB after the first 2,000, {} KiB after all", memory());
    println!(
        "  jobs begun {}; still answers: {}",
        site.application.handle().crossings(),
        site.clients("get", &["10", "/sync"])
    );
}

fn sync_views_asleep() {
    let mut app = App::new("asleep");
    (app.config.workers, app.config.max_queued) = (64, 100);
    app.route("/asleep", || {
        thread::sleep(Duration::from_secs(3));
        "awake"
    });
    app.route("/async", async || "async");
    let site = Site::new(app);
    println!("async latency idle:                          {}", site.clients("latency", &["2000", "/async"]));
    let sleepers = site.start_clients("statuses", &["200", "/asleep"]);
    thread::sleep(Duration::from_millis(500));
    println!("async latency, 200 sync views on 64 workers: {}", site.clients("latency", &["2000", "/async"]));
    let statuses = String::from_utf8(sleepers.wait_with_output().unwrap().stdout).unwrap();
    println!("  the 200, with a queue of 100: {}", statuses.trim());
    println!("  afterwards: {}", site.clients("statuses", &["20", "/asleep"]));
}

/// A sync view that is short for 10,000 calls, and then sleeps 100 ms in one call of ten.
fn a_view_turns_slow() {
    let (mut app, calls) = (App::new("turning"), AtomicUsize::new(0));
    app.config.runs_in_place = true;
    app.route("/turning", move || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        if call > 10_000 && call.is_multiple_of(10) {
            thread::sleep(Duration::from_millis(100));
        }
        "done"
    });
    app.route("/async", async || "async");
    app.route("/calls-in-place", async || current_app().calls_in_place().to_string());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let site = Site::on_threads(app, 2 * cores);
    println!("async latency before:                        {}", site.clients("latency", &["2000", "/async"]));
    site.clients("steady", &["10000", "/turning"]);
    println!("  calls in place while it is short: {}", site.clients("text", &["1", "/calls-in-place"]));
    let steady = site.start_clients("steady", &["4000", "/turning"]);
    println!("async latency beside a view that turns slow: {}", site.clients("latency", &["2000", "/async"]));
    println!("async latency from then on:                  {}", site.clients("latency", &["2000", "/async"]));
    steady.wait_with_output().unwrap();
    println!("  calls in place: {}", site.clients("text", &["1", "/calls-in-place"]));
}

fn two_modes() {
    for threads in [None, Some(4)] {
        let mut app = App::new("modes");
        app.config.threads = threads;
        app.route("/", async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            "waited"
        });
        let site = Site::new(app);
        let began = Instant::now();
        let answered = site.clients("get", &["16", "/"]);
        let mode = threads.map_or("the event loop".to_owned(), |threads| format!("threaded({threads})"));
        println!("16 one-second async requests on {mode}: {:.2} s, answered {answered}", began.elapsed().as_secs_f64());
    }
}

fn stop_under_load() {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut app = App::new("stopping");
    let counted = begun.clone();
    app.before_request(async move || ());
    app.route("/", move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            "done"
        }
    });
    let mut site = Site::new(app);
    let clients = site.start_clients("until_refused", &["200"]);
    until(|| begun.load(Ordering::SeqCst) > 2_000);
    drop(site.stop.take());
    site.ended.take().unwrap().blocking_recv().unwrap();
    let told = String::from_utf8(clients.wait_with_output().unwrap().stdout).unwrap();
    println!("shutdown under load: {} views begun, {}", begun.load(Ordering::SeqCst), told.trim());
}

//! The clients of the load benchmark; each kind is a command.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

pub(crate) fn run(arguments: &[String]) {
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address: SocketAddr = arguments[1].parse().unwrap();
    let count = || arguments[2].parse::<usize>().unwrap();
    event_loop.block_on(async {
        match arguments[0].as_str() {
            "get" => get(address, count(), &arguments[3]).await,
            "statuses" => statuses(address, count(), &arguments[3]).await,
            "steady" => steady(address, count(), &arguments[3]).await,
            "text" => {
                let response = ask(address, &arguments[3]).await.unwrap_or_default();
                println!("{}", response.lines().last().unwrap_or_default());
            }
            "latency" => latency(address, count(), &arguments[3]).await,
            "slow" => slow(address, count()).await,
            "leave" => leave(address, count()).await,
            "until_refused" => until_refused(address, count()).await,
            other => panic!("there are no clients {other:?}"),
        }
    });
}

/// Sends one request and returns the whole response; `None` if the connection was refused or broke off.
async fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}

/// Sends this many requests, eight at a time.
async fn steady(address: SocketAddr, count: usize, path: &str) {
    let one = async || {
        for _ in 0..count / 8 {
            ask(address, path).await;
        }
    };
    join_all((0..8).map(|_| one())).await;
}

async fn get(address: SocketAddr, count: usize, path: &str) {
    let answers = join_all((0..count).map(|_| ask(address, path))).await;
    let good = answers.iter().flatten().filter(|answer| answer.starts_with("HTTP/1.1 200")).count();
    println!("{good} of {count}");
}

async fn statuses(address: SocketAddr, count: usize, path: &str) {
    let mut seen = BTreeMap::<String, usize>::new();
    for answer in join_all((0..count).map(|_| ask(address, path))).await {
        let status = answer.map_or("none".to_owned(), |answer| answer[9..12].to_owned());
        *seen.entry(status).or_default() += 1;
    }
    println!("{seen:?}");
}

/// Sends requests one after the other over one connection, and prints their latency.
async fn latency(address: SocketAddr, count: usize, path: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (mut times, mut buffer) = (Vec::new(), [0; 4_096]);
    for _ in 0..count {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        times.push(began.elapsed());
    }
    times.sort();
    println!("p50 {:.0?} p99 {:.0?}", times[count / 2], times[count * 99 / 100]);
}

/// Runs slow clients: a third trickle a body to a sync view, a third to an async one, and a third read a large
/// response byte by byte.
async fn slow(address: SocketAddr, count: usize) {
    join_all((0..count).map(|n| async move {
        let Ok(mut stream) = TcpStream::connect(address).await else { return };
        let trickled = n % 3 < 2;
        let head = match n % 3 {
            0 => "POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            1 => "POST /async HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            _ => "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
        };
        let _ = stream.write_all(head.as_bytes()).await;
        for _ in 0..1_000 {
            let step = async { if trickled { stream.write_all(b"x").await } else { stream.read_u8().await.map(drop) } };
            if step.await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }))
    .await;
}

/// Sends requests and closes their connections after random times, in waves that leave room for the system's ports.
async fn leave(address: SocketAddr, count: usize) {
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..count / 500 {
        join_all((0..500).map(|n| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let patience = Duration::from_micros(random % 40_000);
            let path = if n % 2 == 0 { "/async" } else { "/sync" };
            timeout(patience, ask(address, path))
        }))
        .await;
    }
    println!("left");
}

/// Sends requests until the server refuses connections; a request that was sent but not answered is lost.
async fn until_refused(address: SocketAddr, count: usize) {
    let outcomes = join_all((0..count).map(|_| async move {
        let (mut answered, mut lost) = (0, 0);
        while let Ok(mut stream) = TcpStream::connect(address).await {
            let mut answer = String::new();
            let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
            let read = stream.read_to_string(&mut answer).await;
            if answer.starts_with("HTTP/1.1 200") {
                answered += 1;
            } else if sent.is_ok() && read.is_ok() {
                lost += 1;
            } else {
                break;
            }
        }
        (answered, lost)
    }))
    .await;
    let answered: usize = outcomes.iter().map(|(answered, _)| answered).sum();
    let lost: usize = outcomes.iter().map(|(_, lost)| lost).sum();
    println!("{answered} answered, {lost} accepted by the system but not by the server");
}

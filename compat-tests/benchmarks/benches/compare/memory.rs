//! The memory of 5,000 connections: idle ones, and ones that wait for a response.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use costrel::Error;

use crate::server::{Running, Server};

const CONNECTIONS: u32 = 5_000;

/// The time after which the server has read what was sent to it.
const SETTLED: Duration = Duration::from_millis(500);

/// Prints the memory of one idle connection and of one waiting request, for axum and Costrel.
pub(crate) fn compare() -> Result<(), Error> {
    println!("{:<12} {:>24} {:>24}", "KiB", "an idle connection", "a waiting request");
    for (name, server) in
        [("axum", Server::Peer("axum-async-waiting")), ("costrel", Server::Costrel("async-waiting", 1))]
    {
        let (idle, waiting) = (of_one(&server, "/")?, of_one(&server, "/wait")?);
        println!("{name:<12} {idle:>24.1} {waiting:>24.1}");
    }
    Ok(())
}

/// Returns the memory that one connection takes after a request for `path`, answered or not, in KiB.
fn of_one(server: &Server, path: &str) -> Result<f64, Error> {
    let running = server.start()?;
    let first = ask(&running, "/")?;
    let before = running.memory()?;
    let connections: Result<Vec<_>, Error> = (0..CONNECTIONS).map(|_| ask(&running, path)).collect();
    thread::sleep(SETTLED);
    let after = running.memory()?;
    drop((first, connections?));
    let kib = u32::try_from(after.saturating_sub(before)).unwrap_or(u32::MAX);
    Ok(f64::from(kib) / f64::from(CONNECTIONS))
}

/// Sends a request, and reads its response if `path` has one.
fn ask(running: &Running, path: &str) -> Result<TcpStream, Error> {
    let open_files =
        |error: std::io::Error| Error::setup(format!("{error}; `ulimit -n 20000` allows enough connections"));
    let mut stream = TcpStream::connect(&running.address).map_err(open_files)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    if path == "/" {
        let _length = stream.read(&mut [0; 1024])?;
    }
    Ok(stream)
}

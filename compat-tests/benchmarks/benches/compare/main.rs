//! Requests per second of raw hyper, axum, actix-web, Flask, Quart and Costrel in one run:
//! `cargo bench -p costrel-benchmarks --bench compare`, with `wrk`, `h2load` and `taskset` at hand. Without Python the rows of Flask
//! and Quart are left out.
//!
//! Each server runs pinned to one core, and `wrk` with 64 connections on another. The rounds are interleaved, so that a
//! machine whose speed drifts is equally fair to all; medians count. `-- --json FILE` writes the numbers too, and
//! `-- --rounds N` sets how many rounds there are (default: 5), `-- --only TEXT` which rows. `-- memory` measures the memory of 5,000 connections instead.
#![allow(missing_docs, clippy::print_stdout, reason = "a program for people who measure")]

mod memory;
mod python;
mod server;

use std::process::{Command, ExitCode};

use costrel::Error;
use costrel_benchmarks::serve;
use server::Client::{self, Http1, Http2};
use server::Server;

/// The event loop of Costrel's own `run` on one core: one thread for it, and one to spare.
const OWN: usize = 2;

/// The rows: a label, the client that measures, and the server that is measured.
const ROWS: &[(&str, Client, Server)] = &[
    ("raw hyper, async", Http1, Server::Peer("hyper-async")),
    ("actix-web, async", Http1, Server::Peer("actix-async")),
    ("axum, async", Http1, Server::Peer("axum-async")),
    ("costrel, async, one loop thread", Http1, Server::Costrel("async", 1)),
    ("costrel, async", Http1, Server::Costrel("async", OWN)),
    ("axum, 3 layers", Http1, Server::Peer("axum-async-3-layers")),
    ("costrel, 3 async layers", Http1, Server::Costrel("async-3-async-layers", OWN)),
    ("costrel, cached hit", Http1, Server::Costrel("cached", OWN)),
    ("costrel, limited", Http1, Server::Costrel("limited", OWN)),
    ("actix-web, sync", Http1, Server::Peer("actix-sync")),
    ("axum, sync", Http1, Server::Peer("axum-sync")),
    ("costrel, sync", Http1, Server::Costrel("sync", OWN)),
    ("costrel, sync, on workers", Http1, Server::Costrel("sync", 1)),
    ("costrel, sync with 4 sync hooks", Http1, Server::Costrel("sync-4-hooks", OWN)),
    ("costrel, 3 sync layers on a sync view", Http1, Server::Costrel("sync-3-sync-layers", OWN)),
    ("axum, 10 KB body", Http1, Server::Peer("axum-async-10kb")),
    ("costrel, 10 KB body", Http1, Server::Costrel("async-10kb", OWN)),
    ("axum, 2 variables among 500 rules", Http1, Server::Peer("axum-async-500-rules")),
    ("costrel, 2 variables among 500 rules", Http1, Server::Costrel("async-500-rules", OWN)),
    ("raw hyper, HTTP/2", Http2, Server::Peer("hyper-async-http2")),
    ("axum, HTTP/2", Http2, Server::Peer("axum-async-http2")),
    ("costrel, HTTP/2", Http2, Server::Costrel("async", OWN)),
    ("Flask on gunicorn, sync", Http1, Server::Python("flask", "/sync")),
    ("Flask on gunicorn, async", Http1, Server::Python("flask", "/async")),
    ("Quart on hypercorn, async", Http1, Server::Python("quart", "/async")),
    ("Quart on hypercorn, sync", Http1, Server::Python("quart", "/sync")),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().position(|argument| argument == "serve") {
        Some(at) => serve_one(&arguments[at + 1..]),
        None if arguments.iter().any(|argument| argument == "memory") => build_peers().and_then(|()| memory::compare()),
        None => compare(&arguments),
    };
    outcome.map_or_else(
        |error| {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn serve_one(arguments: &[String]) -> Result<(), Error> {
    let threads = arguments.get(1).and_then(|threads| threads.parse().ok()).unwrap_or(1);
    serve(arguments.first().map_or("", String::as_str), threads)
}

fn compare(arguments: &[String]) -> Result<(), Error> {
    let value_of = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1)
    };
    let rounds: usize = value_of("--rounds").and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    build_peers()?;
    let has_python = python::install()?;
    let only = value_of("--only").map_or("", String::as_str);
    let is_measured = |(name, _, server): &&(&str, Client, Server)| {
        name.contains(only) && (has_python || !matches!(server, Server::Python(..)))
    };
    let measured: Vec<_> = ROWS.iter().filter(is_measured).collect();
    let mut rates = vec![Vec::new(); measured.len()];
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (rates, (_, client, server)) in rates.iter_mut().zip(&measured) {
            rates.push(server.measure(*client)?);
        }
    }
    let rows: Vec<Row> = measured.iter().zip(rates).map(|((name, ..), rates)| Row::new(name, rates)).collect();
    print(&rows);
    if let Some(file) = value_of("--json") {
        std::fs::write(file, json(&rows))?;
    }
    Ok(())
}

fn build_peers() -> Result<(), Error> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--manifest-path", manifest, "--target-dir"])
        .arg(server::peers_folder()?)
        .status()?;
    if built.success() { Ok(()) } else { Err(Error::setup(format!("the peers of {manifest} do not build"))) }
}

/// The measures of one server, in requests per second.
struct Row {
    name: &'static str,
    median: f64,
    least: f64,
    most: f64,
}

impl Row {
    fn new(name: &'static str, mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        let at = |index: usize| rates.get(index).copied().unwrap_or_default();
        Self { name, median: at(rates.len() / 2), least: at(0), most: at(rates.len().saturating_sub(1)) }
    }
}

fn print(rows: &[Row]) {
    let hyper = rows.first().map_or(1.0, |row| row.median);
    println!("{:<40} {:>10} {:>10} {:>10} {:>14}", "requests per second", "median", "least", "most", "of raw hyper");
    for Row { name, median, least, most } in rows {
        println!("{name:<40} {median:>10.0} {least:>10.0} {most:>10.0} {:>14.2}", median / hyper);
    }
}

fn json(rows: &[Row]) -> String {
    let row = |Row { name, median, least, most }: &Row| {
        format!(r#"  {{"name": "{name}", "median": {median:.0}, "least": {least:.0}, "most": {most:.0}}}"#)
    };
    format!("[\n{}\n]\n", rows.iter().map(row).collect::<Vec<_>>().join(",\n"))
}

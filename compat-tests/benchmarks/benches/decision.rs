//! The cost of a limiter's decision in memory, beside governor's: `cargo bench -p costrel-benchmarks --bench decision`.
//!
//! Both decide by the text of a client's address, on one limit that admits every request. The time is the best of several rounds; the memory
//! is what the process has grown by, with a million clients.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program for people who measure"
)]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::process::Command;
use std::time::{Duration, Instant};

use costrel_stores::{Charge, Counters, Hit, MemoryCounters, Strategy};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

const DECISIONS: usize = 1_000_000;
const ROUNDS: usize = 7;
const HOUR: Duration = Duration::from_secs(3_600);

const ROWS: [&str; 4] = ["fixed window", "sliding window", "moving window, 10 at most", "governor (GCRA)"];

fn main() {
    // Each row is measured in a process of its own, so that none finds the memory that another gave back.
    if let Some(name) = std::env::args().skip_while(|argument| argument != "--row").nth(1) {
        return measure(&name);
    }
    println!("{:<28} {:>12} {:>14} {:>16}", "one decision, ns", "one client", "10,000 clients", "bytes per client");
    let program = std::env::current_exe().unwrap();
    for name in ROWS {
        assert!(Command::new(&program).args(["--row", name]).status().unwrap().success());
    }
}

fn measure(name: &str) {
    match name {
        "fixed window" => row(name, || ours(Strategy::FixedWindow, u64::from(u32::MAX))),
        "sliding window" => row(name, || ours(Strategy::SlidingWindow, u64::from(u32::MAX))),
        "moving window, 10 at most" => row(name, || ours(Strategy::MovingWindow, 10)),
        _ => row(name, governor),
    }
}

fn ours(strategy: Strategy, amount: u64) -> impl Fn(&str) -> bool {
    let store = MemoryCounters::new().capacity(2 * DECISIONS);
    move |client| {
        let hit = Hit::new(client, amount, HOUR).strategy(strategy);
        store.count(&[hit], Charge::AllOrNone).wait().unwrap()[0].allowed
    }
}

fn governor() -> impl Fn(&str) -> bool {
    let quota = Quota::per_second(NonZeroU32::MAX);
    let limiter: DefaultKeyedRateLimiter<String> = RateLimiter::keyed(quota);
    // The key must be of the limiter's own type, so a borrowed text becomes one first, as in a middleware.
    move |client| limiter.check_key(&client.to_owned()).is_ok()
}

fn row<D: Fn(&str) -> bool>(name: &str, make: impl Fn() -> D) {
    let (one, many) = (time(make(), 1), time(make(), 10_000));
    println!("{name:<28} {one:>12.0} {many:>14.0} {:>16.0}", memory(make()));
}

/// Returns the nanoseconds of one decision, in the best of several rounds.
fn time(decide: impl Fn(&str) -> bool, clients: u32) -> f64 {
    let clients: Vec<_> = (0..clients).map(address).collect();
    let round = || {
        let begin = Instant::now();
        for client in clients.iter().cycle().take(DECISIONS) {
            black_box(decide(client));
        }
        begin.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// Returns the bytes that a million clients take each.
fn memory(decide: impl Fn(&str) -> bool) -> f64 {
    let before = resident();
    for client in 0..1_000_000 {
        black_box(decide(&address(client)));
    }
    (resident() - before) / 1e6
}

fn address(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

/// The resident memory of this process, in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

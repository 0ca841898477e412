//! Instructions per request: `cargo bench -p costrel-benchmarks --bench instructions`.
//!
//! Valgrind's callgrind counts the instructions of a server that answers few requests and of one that answers many, on
//! one connection. The difference, divided by the number of requests, is the cost of one. The count does not depend on
//! what else the machine does, so `limits.txt` has a limit for each row, and a row over its limit fails the run.
#![allow(missing_docs, clippy::print_stdout, reason = "a program for people who measure")]

mod callgrind;

use std::process::ExitCode;

use costrel::Error;
use costrel_benchmarks::{SUBJECTS, serve};

const LIMITS: &str = include_str!("limits.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().position(|argument| argument == "serve") {
        Some(at) => {
            let threads = arguments.get(at + 2).and_then(|threads| threads.parse().ok()).unwrap_or(1);
            serve(arguments.get(at + 1).map_or("", String::as_str), threads).map(|()| true)
        }
        None => measure_all(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a row for each subject whose name is among the arguments, or for all. Returns whether each keeps its limit.
fn measure_all(arguments: &[String]) -> Result<bool, Error> {
    let named = SUBJECTS.iter().filter(|subject| arguments.iter().any(|argument| argument == subject.name));
    // A subject without a limit is for other benchmarks.
    let limited = SUBJECTS.iter().filter(|subject| limit(subject.name).is_ok());
    let wanted: Vec<_> = if named.clone().next().is_some() { named.collect() } else { limited.collect() };
    let mut all_keep = true;
    println!("{:<24} {:>12} {:>8}", "instructions per request", "measured", "limit");
    for subject in wanted {
        let measured = callgrind::instructions_per_request(subject)?;
        let limit = limit(subject.name)?;
        let keeps = measured <= limit;
        println!("{:<24} {measured:>12} {limit:>8}{}", subject.name, if keeps { "" } else { "  over its limit" });
        all_keep &= keeps;
    }
    Ok(all_keep)
}

fn limit(name: &str) -> Result<u64, Error> {
    let limit = LIMITS.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == name);
    let limit = limit.and_then(|(_, limit)| limit.trim().parse().ok());
    limit.ok_or_else(|| Error::setup(format!("limits.txt has no number for {name:?}")))
}

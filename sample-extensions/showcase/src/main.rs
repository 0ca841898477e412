//! `cargo run` serves the showcase; `cargo run -- routes` lists it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_target(false).with_max_level(tracing_subscriber::filter::LevelFilter::INFO).init();
    costrel::cli::main(costrel_showcase::create_app)
}

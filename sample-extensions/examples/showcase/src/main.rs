//! `cargo run` serves the showcase; `cargo run -- routes` lists it.

use std::process::ExitCode;

fn main() -> ExitCode {
    costrel::cli::main(costrel_showcase::create_app)
}

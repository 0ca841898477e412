//! `cargo run -p costrel-flaskr -- init-db` makes the database, `cargo run -p costrel-flaskr` serves the blog.

use std::process::ExitCode;

fn main() -> ExitCode {
    costrel::cli::main(|| costrel_flaskr::create_app(None))
}

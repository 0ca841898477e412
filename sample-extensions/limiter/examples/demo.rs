//! `limit` on a sync and an async view: `cargo run -p costrel-limiter --example demo`, then
//! `curl -i http://127.0.0.1:5000/sync` four times.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_ext_kit::key::remote_address;
use costrel_limiter::Limiter;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let limiter = Limiter::new(remote_address);
    let mut app = App::new("limiter demo");
    app.init(&limiter)?;
    app.route("/", || "Try /sync and /async more than three times in a minute.");
    app.rule("/sync").decorate(limiter.limit("3/minute")).view(|| "found, from sync code");
    app.rule("/async").decorate(limiter.limit("3/minute")).view(async || "found, from async code");
    Ok(app)
}

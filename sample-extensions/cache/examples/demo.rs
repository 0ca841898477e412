//! `cached` on a sync and an async view: `cargo run -p costrel-cache --example demo`, then
//! `curl -i http://127.0.0.1:5000/sync` twice within ten seconds.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use costrel::{App, Error, cli};
use costrel_cache::Cache;

static RUNS: AtomicU32 = AtomicU32::new(0);

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let (cache, timeout) = (Cache::new(), Duration::from_secs(10));
    let mut app = App::new("cache demo");
    app.init(&cache)?;
    app.route("/", || "Try /sync and /async again within ten seconds.");
    app.rule("/sync").decorate(cache.cached(timeout)).view(|| count("sync"));
    app.rule("/async").decorate(cache.cached(timeout)).view(async || count("async"));
    Ok(app)
}

fn count(colour: &str) -> String {
    format!("run {}, of {colour} code", RUNS.fetch_add(1, Ordering::Relaxed))
}

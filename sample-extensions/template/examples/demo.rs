//! `key_required` on a sync and an async view: `cargo run -p costrel-template --example template-demo`, then
//! `curl -H 'x-key: sesame' http://127.0.0.1:5000/sync`.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_template::{Keys, key_required};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("template demo");
    app.init(Keys::new(|key: String| key == "sesame"))?;
    app.route("/", || "Try /sync and /async with the header `x-key: sesame`, and without.");
    app.rule("/sync").decorate(key_required).view(|| "gold, from sync code");
    app.rule("/async").decorate(key_required).view(async || "gold, from async code");
    Ok(app)
}

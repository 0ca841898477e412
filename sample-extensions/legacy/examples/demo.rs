//! An old app behind a new one: serve a folder with `python3 -m http.server 8000`, run
//! `cargo run -p costrel-legacy --example legacy-demo`, then look at <http://127.0.0.1:5000/> and <http://127.0.0.1:5000/moved>.
//! Another address of the old app: `LEGACY=http://127.0.0.1:9000`.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_legacy::legacy;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let old = legacy(&std::env::var("LEGACY").unwrap_or("http://127.0.0.1:8000".into()));
    let mut app = App::new("legacy demo");
    app.init(&old)?;
    app.rule("/moved").endpoint("moved").view(async || "answered by Costrel");
    app.post("/take-back/<name>", move |name: String| {
        old.take_back(&name).wait().map(|()| "the old app answers it again")
    });
    Ok(app)
}

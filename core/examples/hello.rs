//! Two views, one sync and one async: `cargo run --example hello`, then open <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, cli};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("hello");
    app.route("/", index);
    app.route("/hello/<name>", hello);
    Ok(app)
}

/// A `fn` may block, so it runs on a worker.
fn index() -> &'static str {
    "Hello. Try /hello/Ada"
}

/// An `async fn` runs on the event loop.
async fn hello(name: String) -> String {
    format!("Hello, {name}")
}

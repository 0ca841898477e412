//! Two apps that answer not quite alike: `cargo run -p costrel-shadow --example shadow-demo -- run --port 8000` is the old one, and
//! `cargo run -p costrel-shadow --example shadow-demo -- shadow --old http://127.0.0.1:8000 / /price` compares. Served on another
//! port, its page <http://127.0.0.1:5000/shadow> shows what the requests for <http://127.0.0.1:5000/price> have brought.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use costrel::{App, Error, Json, cli};
use costrel_shadow::{Shadow, add_command};

fn main() -> ExitCode {
    cli::main(create_app)
}

/// The requests for the price, which is another one each time.
static ASKED: AtomicU32 = AtomicU32::new(0);

fn create_app() -> Result<App, Error> {
    let mut app = App::new("shadow demo");
    let shadow = Shadow::new("http://127.0.0.1:8000");
    app.rule("/").endpoint("index").view(|| "<p>hello");
    app.rule("/price")
        .endpoint("price")
        .decorate(shadow.live(0.5))
        .view(async || Json(ASKED.fetch_add(1, Ordering::Relaxed)));
    app.route("/shadow", move || shadow.report().page());
    add_command(&mut app, create_app);
    Ok(app)
}

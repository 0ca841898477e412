//! Basic authentication in a browser: `cargo run -p costrel-httpauth --example httpauth-demo`, then sign in at
//! <http://127.0.0.1:5000/sync> or `/async` as anyone, with the password `secret`.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_httpauth::HttpAuth;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let auth = HttpAuth::basic(|name: String, password: String| (password == "secret").then_some(name)).realm("demo");
    let greet = |auth: HttpAuth<String>, from: &'static str| {
        move || format!("Hello {}, from {from} code.", auth.current_user().unwrap_or_default())
    };
    let (sync, in_async) = (greet(auth.clone(), "sync"), greet(auth.clone(), "async"));
    let mut app = App::new("httpauth demo");
    app.route("/", || "Try /sync and /async, with the password \"secret\".");
    app.rule("/sync").decorate(auth.login_required()).view(sync);
    app.rule("/async").decorate(auth.login_required()).view(move || std::future::ready(in_async()));
    Ok(app)
}

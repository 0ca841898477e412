//! Errors and their pages: `cargo run --example error_pages`, then open <http://127.0.0.1:5000/>.

use std::fmt;
use std::process::ExitCode;

use costrel::{App, Error, Exception, abort_with, cli, escape, of_type, request};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("error pages");
    app.route("/", || "Try /nowhere, /forbidden, /sold-out and /broken");
    app.route("/forbidden", async || abort_with::<String>(403, "This page is for the owners."));
    app.route("/sold-out", || Err::<String, _>(SoldOut { hat: "bowler" }));
    app.route("/broken", async || Err::<String, _>(std::io::Error::other("the disk is full")));

    app.errorhandler(404, |_: Error| (format!("<h1>Nothing at {}</h1>", escape(request().path())), 404));
    app.errorhandler(of_type::<SoldOut>(), async |error: Error| (format!("<h1>Sorry: {error}</h1>"), 409));
    // What nothing else handles: the client sees no details, the log has them.
    app.errorhandler(Exception, |error: Error| {
        ("<h1>Something went wrong</h1>", if error.status_code() == 403 { 403 } else { 500 })
    });
    Ok(app)
}

#[derive(Debug)]
struct SoldOut {
    hat: &'static str,
}

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is left", self.hat)
    }
}

impl std::error::Error for SoldOut {}

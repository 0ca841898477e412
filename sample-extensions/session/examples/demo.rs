//! Visits, counted on the server: `cargo run -p costrel-session --example session-demo`, then <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, IntoResponse, cli, redirect, session};
use costrel_session::{Sessions, session_id};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("session demo");
    app.init(Sessions::new())?;
    app.route("/", || visit("sync"));
    app.route("/async", async || visit("async"));
    app.post("/renew", || session().regenerate().map(|()| redirect("/")));
    app.post("/end", async || {
        session().clear();
        redirect("/")
    });
    app.route("/untouched", || "this page does not look at its session, so the store is not asked");
    Ok(app)
}

fn visit(colour: &str) -> Result<impl IntoResponse, Error> {
    let visits = session().get("visits").unwrap_or(0) + 1;
    session().set("visits", visits)?;
    let id = session_id().map_or_else(|| "not known to the client yet".to_owned(), |id| id[..8].to_owned() + "..");
    let page = format!(
        "<!doctype html><title>Visits</title><meta name=viewport content=\"width=device-width\">\
         <h1>Visit {visits}</h1><p>counted by {colour} code, in the session with the id {id}</p>\
         <p><a href=/>sync</a> <a href=/async>async</a> <a href=/untouched>untouched</a></p>\
         <form method=post action=/renew><button>a new id</button></form>\
         <form method=post action=/end><button>end the session</button></form>"
    );
    Ok((page, [("content-type", "text/html; charset=utf-8")]))
}

//! Tokens in cookies: `cargo run -p costrel-jwt --example jwt-demo`, then <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, Response, cli, redirect};
use costrel_jwt::{
    Jwt, access_token, create_access_token, get_jwt_identity, jwt_required, set_access_cookies, unset_jwt_cookies,
};

fn main() -> ExitCode {
    cli::main(create_app)
}

const PAGE: &str = r#"<!doctype html><title>Tokens</title><meta name=viewport content="width=device-width">
<form method=post action=/login><button>Sign in as Ada</button></form>
<form method=post action=/logout><button>Sign out</button></form>
<p><a href=/sync>From sync code</a>, <a href=/async>from async code</a>"#;

fn create_app() -> Result<App, Error> {
    let mut app = App::new("jwt demo");
    app.config.secret_key = Some("a demo has no secrets, but a key that is long".into());
    app.config.set("JWT_TOKEN_LOCATION", ["headers", "cookies"])?;
    app.init(Jwt::new())?;
    app.route("/", || PAGE);
    app.post("/login", login);
    app.post("/logout", logout);
    app.rule("/sync").decorate(jwt_required(access_token())).view(|| greet("sync"));
    app.rule("/async").decorate(jwt_required(access_token())).view(async || greet("async"));
    Ok(app)
}

async fn login() -> Result<Response, Error> {
    let mut response = redirect("/")?;
    set_access_cookies(&mut response, &create_access_token("Ada").await?)?;
    Ok(response)
}

fn logout() -> Result<Response, Error> {
    let mut response = redirect("/")?;
    unset_jwt_cookies(&mut response)?;
    Ok(response)
}

fn greet(colour: &str) -> Result<String, Error> {
    Ok(format!("Hello {}, from {colour} code.", get_jwt_identity::<String>()?))
}

//! Flaskr half moved: the blog in Costrel, registration, login and static files in the old app, which has the same database
//! and `SECRET_KEY`. Serve that with `gunicorn --bind 127.0.0.1:8000 'flaskr:create_app()'`, run
//! `cargo run -p costrel-legacy --example flaskr`, then look at <http://127.0.0.1:5000/>. Another address of the old app:
//! `LEGACY=http://127.0.0.1:9000`.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_legacy::legacy;
use serde_json::json;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let old = legacy(&std::env::var("LEGACY").unwrap_or("http://127.0.0.1:8000".into()));
    let mut app = costrel_flaskr::create_app(None)?;
    app.config.from_mapping(json!({ "LEGACY_TAKE_BACK": ["auth.*", "static"] }))?;
    app.init(&old)?;
    Ok(app)
}

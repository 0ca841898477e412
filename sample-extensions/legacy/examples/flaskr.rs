//! Flaskr half moved: the blog in Costrel, registration, login and static files in the old app, which has the same database
//! and `SECRET_KEY`. Serve that with `gunicorn --bind 127.0.0.1:8000 'flaskr:create_app()'`, run
//! `cargo run -p costrel-legacy --example flaskr`, then look at <http://127.0.0.1:5000/>. Another address of the old app:
//! `LEGACY=http://127.0.0.1:9000`. Both apps count a client's posts together on `REDIS=redis://127.0.0.1`; without it, this app
//! counts its own in memory.

use std::process::ExitCode;

use costrel::{App, Error, cli};
use costrel_ext_kit::key::remote_address;
use costrel_legacy::{Legacy, legacy};
use costrel_limiter::{Limit, Limiter};
use serde_json::json;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or(default.into());
    let mut app = costrel_flaskr::create_app(None)?;
    app.config.from_mapping(json!({ "RATELIMIT_STORAGE_URI": variable("REDIS", "memory://") }))?;
    move_half(&mut app, &legacy(&variable("LEGACY", "http://127.0.0.1:8000")))?;
    Ok(app)
}

/// Leaves registration, login and static files to the old app, whose Flask-Limiter has the same limit of posts.
pub(crate) fn move_half(app: &mut App, old: &Legacy) -> Result<(), Error> {
    app.config.from_mapping(json!({ "LEGACY_TAKE_BACK": ["auth.*", "static"] }))?;
    app.init(old)?;
    let posts = Limit::new("100/hour").scope("posting").shared().methods(["POST"]);
    app.init(&Limiter::new(remote_address).compat("flask-limiter 4.1").limit_blueprint("blog", posts))
}

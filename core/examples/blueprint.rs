//! A part of an app with a name, a prefix and hooks of its own: `cargo run --example blueprint`, then open
//! <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Blueprint, Error, abort, cli, request, url_for};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("blueprint");
    app.route("/", || {
        url_for("admin.index").build().map(|url| format!("Try {url} with the header x-key, and without"))
    });
    app.register_blueprint(admin());
    Ok(app)
}

fn admin() -> Blueprint {
    let mut admin = Blueprint::new("admin").url_prefix("/admin");
    admin.before_request(async || if request().header("x-key").is_some() { Ok(()) } else { abort(401) });
    admin.rule("/").endpoint("index").view(|| "the admin's pages");
    admin.route("/users/<int:user_id>", async |user_id: i64| format!("user {user_id}"));
    admin.errorhandler(401, |_: Error| ("only with the header x-key", 401));
    admin
}

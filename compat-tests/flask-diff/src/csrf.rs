//! Flask-WTF's `CSRFProtect`, which checks the requests of one blueprint.

use costrel::{App, Blueprint, Error, of_type, session};
use costrel_csrf::{Csrf, CsrfError};

pub(crate) fn init_app(app: &mut App) -> Result<(), Error> {
    let csrf = Csrf::new();
    app.config.set("WTF_CSRF_CHECK_DEFAULT", false)?;
    app.config.set("WTF_CSRF_TIME_LIMIT", None::<u64>)?;
    app.init(&csrf)?;
    let mut bp = Blueprint::new("csrf").url_prefix("/csrf");
    bp.before_request(move || async move { csrf.protect().await });
    bp.errorhandler(of_type::<CsrfError>(), |error: Error| (format!("refused: {}", error.message()), 400));
    let view = || format!("done {}", if session().contains("csrf_token") { "True" } else { "False" });
    bp.rule("/view").methods(["GET", "POST", "PUT", "PATCH", "DELETE"]).endpoint("view").view(view);
    bp.post("/async", async || "done");
    bp.route("/token", move || Ok::<_, Error>(if csrf.token()? == csrf.token()? { "True" } else { "False" }));
    app.register_blueprint(bp);
    Ok(())
}

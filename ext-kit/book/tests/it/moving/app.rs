//! The app that the guide "Move a Flask app" ends with, but for its last step.

use costrel::{App, Error, HeaderValue, Response, abort, request, session, url_for};
use costrel_legacy::legacy;
use costrel_shadow::{Shadow, add_command};

pub(crate) fn create_app(old_app: &'static str) -> Result<App, Error> {
    let old = legacy(old_app);
    let mut app = App::new("front");
    app.init(&old)?;

    app.config.secret_key = Some("dev".into());
    app.rule("/whoami").endpoint("whoami").view(whoami);

    app.rule("/auth/login").endpoint("auth.login").build_only();
    app.rule("/auth/logout").endpoint("auth.logout").build_only();

    let shadow = Shadow::new(old_app);
    add_command(&mut app, move || create_app(old_app));
    app.rule("/hello").endpoint("hello").decorate(shadow.live(0.05)).view(hello);
    app.rule("/shadow").endpoint("shadow").view(move || shadow.report().page());

    app.rule("/take-back/<name>").methods(["POST"]).endpoint("take_back").view(move |name: String| {
        if session().get::<i64>("user_id") != Some(1) {
            abort(403)?;
        }
        old.take_back(&name).wait()?;
        Ok::<_, Error>(format!("the old app answers {name}"))
    });

    app.after_request(mark);
    Ok(app)
}

/// The user whom the old app has logged in.
async fn whoami() -> Result<String, Error> {
    match session().get::<i64>("user_id") {
        Some(id) => Ok(format!("user {id}")),
        None => Ok(format!("nobody, log in at {}", url_for("auth.login").build()?)),
    }
}

fn hello() -> &'static str {
    "Hello, World!"
}

/// Marks what the old app has answered for want of a rule.
async fn mark(mut response: Response) -> Response {
    if request().endpoint() == Some("fallback") {
        response.headers_mut().insert("x-answered-by", HeaderValue::from_static("the old app"));
    }
    response
}

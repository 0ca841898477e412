//! Flask-HTTPAuth: Basic, a token, several schemes, roles, and what is optional.

use costrel::{App, Blueprint, HeaderName, StatusCode};
use costrel_httpauth::{HttpAuth, MultiAuth};

const MODE: &str = "flask-httpauth 4.8";

fn roles(user: String) -> Vec<String> {
    if user == "ada" { vec!["staff".into(), "night".into()] } else { vec![] }
}

async fn verify_token(token: String) -> Option<String> {
    token.strip_prefix("t0ken-").map(str::to_owned)
}

fn named(prefix: &'static str, auth: &HttpAuth<String>) -> impl Fn() -> String + Clone + Send + Sync + use<> {
    let auth = auth.clone();
    move || format!("{prefix} {}", auth.current_user().unwrap_or_else(|| "None".to_owned()))
}

pub(crate) fn init_app(app: &mut App) {
    let verify = |name: String, password: String| (password == "secret").then_some(name);
    let basic = HttpAuth::basic(verify).roles(roles).compat(MODE);
    let bearer = HttpAuth::bearer(verify_token).roles(async |user: String| roles(user)).realm("Shop").compat(MODE);
    let key = HttpAuth::bearer(verify_token).scheme("ApiKey").header(HeaderName::from_static("x-api-key"));
    let key = key.roles(roles).compat(MODE);
    let own = HttpAuth::bearer(verify_token).error_handler(|status: StatusCode| format!("own {}", status.as_u16()));
    let multi = MultiAuth::new([basic.clone(), bearer.clone(), key.clone()]);
    let with_bearer = named("bearer", &bearer);

    let mut bp = Blueprint::new("httpauth").url_prefix("/auth");
    bp.rule("/basic").methods(["GET", "POST"]).decorate(basic.login_required()).view(named("basic", &basic));
    bp.rule("/bearer").decorate(bearer.login_required()).view(move || std::future::ready(with_bearer()));
    bp.rule("/key").decorate(key.login_required()).view(named("key", &key));
    bp.rule("/own").decorate(own.login_required()).view(named("own", &own));
    bp.rule("/optional").decorate(basic.login_optional()).view(named("optional", &basic));
    bp.rule("/staff").decorate(basic.role_required(&["staff"])).view(|| "staff");
    bp.rule("/any").decorate(basic.role_required(&["owner", "staff"])).view(async || "any");
    bp.rule("/all").decorate(basic.roles_required(&["staff", "night"])).view(|| "all");
    bp.rule("/multi").decorate(multi.login_required()).view(named("multi", &basic));
    app.register_blueprint(bp);
}

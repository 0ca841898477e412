//! Request hooks of the app and of nested blueprints. The header X-Trail lists the hooks that ran, in order.

use costrel::{
    App, Blueprint, Error, HeaderValue, Response, UrlValues, after_this_request, g, of_type, request, url_for,
};

use crate::exceptions::{LookupError, RuntimeError, ValueError};

type Trail = Vec<&'static str>;

/// Adds a `before_request` hook to the trail, and answers early if the request asks for it.
fn before(name: &'static str) -> Option<String> {
    let mut trail = g().get::<Trail>("trail").unwrap_or_default();
    trail.push(name);
    g().set("trail", trail);
    (request().header("x-early") == Some(name)).then(|| format!("early from {name}"))
}

/// Adds an `after_request` hook to the header X-Trail.
fn after(mut response: Response, name: &str) -> Response {
    // Only paths below /hooks get the header, so that the responses of the other groups stay plain.
    if request().path().starts_with("/hooks") {
        let trail = match response.headers().get("x-trail") {
            Some(trail) => format!("{},{name}", trail.to_str().unwrap_or_default()),
            None => name.to_owned(),
        };
        response.headers_mut().insert("x-trail", HeaderValue::try_from(trail).unwrap());
    }
    response
}

fn trail() -> String {
    g().get::<Trail>("trail").unwrap_or_default().join(",")
}

fn index() -> String {
    trail()
}

async fn fail() -> Result<&'static str, LookupError> {
    Err(LookupError("lost"))
}

fn parent_url() -> Result<String, Error> {
    Ok([url_for(".index").build()?, url_for(".child.index").build()?].join(" "))
}

async fn child_index() -> String {
    trail()
}

fn child_fail() -> Result<&'static str, LookupError> {
    Err(LookupError("lost"))
}

async fn child_url() -> Result<String, Error> {
    let request = request();
    let (own, outer) = (url_for(".index").build()?, url_for("parent.index").build()?);
    let mut words = vec![request.endpoint().unwrap_or_default(), request.blueprint().unwrap_or_default()];
    words.extend(request.blueprints());
    words.extend([own.as_str(), outer.as_str()]);
    Ok(words.join(" "))
}

fn child_value_error() -> Result<&'static str, ValueError> {
    Err(ValueError("child's own"))
}

async fn gone() -> &'static str {
    "not gone"
}

fn code() -> String {
    g().get::<String>("code").unwrap_or_default()
}

fn hello(name: String) -> String {
    format!("{} {name}", code())
}

async fn link(name: String) -> Result<String, Error> {
    let own = url_for(".hello").arg("name", name.as_str()).build()?;
    let other = url_for("lang.hello").arg("name", name.as_str()).arg("code", "xx").build()?;
    Ok(format!("{own} {other}"))
}

async fn hooks_plain() -> String {
    trail()
}

fn hooks_once() -> &'static str {
    g().set("note", "from the view");
    after_this_request(async |mut response: Response| {
        let note = g().get::<&'static str>("note").unwrap_or_default();
        response.headers_mut().insert("x-once", HeaderValue::from_static(note));
        response
    });
    after_this_request(|response: Response| after(response, "once"));
    "once"
}

async fn hooks_crash() -> Result<&'static str, RuntimeError> {
    Err(RuntimeError("boom"))
}

fn parent() -> Blueprint {
    let mut parent = Blueprint::new("parent").url_prefix("/hooks/parent");
    parent.route("/", index);
    parent.route("/fail", fail);
    parent.route("/url", parent_url);
    parent.errorhandler(of_type::<LookupError>(), async || (format!("parent handled {}", trail()), 404));
    parent.before_request(async || before("parent"));
    parent.after_request(|response: Response| after(response, "after-parent"));
    parent.register_blueprint(child());
    parent
}

fn child() -> Blueprint {
    let mut child = Blueprint::new("child").url_prefix("/child");
    child.rule("/").endpoint("index").view(child_index);
    child.route("/fail", child_fail);
    child.route("/url", child_url);
    child.route("/value-error", child_value_error);
    child.errorhandler(of_type::<ValueError>(), |error: Error| (format!("child handled {error}"), 400));
    child.before_request(|| before("child"));
    child.after_request(async |response: Response| after(response, "after-child"));
    child
}

fn wide() -> Blueprint {
    let mut wide = Blueprint::new("wide").url_prefix("/hooks/wide");
    wide.route("/gone", gone);
    wide.app_errorhandler(410, || ("app-wide 410", 410));
    wide.before_app_request(async || before("wide"));
    wide.after_app_request(|response: Response| after(response, "after-wide"));
    wide
}

fn lang() -> Blueprint {
    let mut lang = Blueprint::new("lang").url_prefix("/lang/<code>");
    lang.url_value_preprocessor(["code"], async |values: UrlValues| {
        g().set("code", values.get::<String>("code").unwrap_or_default());
    });
    lang.url_defaults(|values: &mut UrlValues| {
        if g().contains("code") {
            values.set_default("code", code());
        }
    });
    lang.route("/hello/<name>", hello);
    lang.route("/link/<name>", link);
    lang
}

pub(crate) fn init_app(app: &mut App) {
    app.before_request(|| before("app1"));
    app.before_request(async || before("app2"));
    app.after_request(|response: Response| after(response, "after-app1"));
    app.after_request(async |response: Response| after(response, "after-app2"));
    app.teardown_request(|| {
        g().pop::<Trail>("trail");
    });
    for blueprint in [parent(), wide(), lang()] {
        app.register_blueprint(blueprint);
    }
    app.route("/hooks/plain", hooks_plain);
    app.route("/hooks/once", hooks_once);
    app.route("/hooks/crash", hooks_crash);
}

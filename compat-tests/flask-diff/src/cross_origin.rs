//! Flask-CORS: an app's resources, and views with a decorator of their own.

use std::time::Duration;

use costrel::{App, Error, abort};
use costrel_cors::Cors;

const A: &str = "https://a.example";
const B: &str = "https://b.example";

fn resource(name: String) -> Result<String, Error> {
    if name.ends_with("abort") { abort(403) } else { Ok(name) }
}

/// Options that are read as Flask-CORS reads them.
fn cors() -> Cors {
    Cors::new().compat("flask-cors 6")
}

fn resources() -> Cors {
    let two = Cors::new().origins([A, B]).supports_credentials(true).expose_headers(["X-B", "X-A"]);
    let two = two.max_age(Duration::from_secs(600)).methods(["GET", "post"]).allow_headers(["X-Token"]);
    cors()
        .resource("/cors/any", Cors::new())
        .resource("/cors/one", Cors::new().origins([A]))
        .resource("/cors/two", two)
        .resource("/cors/wild", Cors::new().send_wildcard(true))
        .resource("/cors/regex", Cors::new().origins([r"https://\w+\.example\.com"]))
        .resource("/cors/quiet", Cors::new().origins([A]).always_send(false))
        .resource("/cors/private", Cors::new().allow_private_network(true))
        .resource("/cors/novary", Cors::new().origins([A, B]).vary_header(false))
        .resource("/cors/credentials", Cors::new().supports_credentials(true))
}

pub(crate) fn init_app(app: &mut App) -> Result<(), Error> {
    app.init(&resources())?;
    app.rule("/cors/<path:name>").methods(["GET", "POST"]).view(resource);
    let one = cors().origins([A]).methods(["GET"]).allow_headers(["X-Token", "Content-.*"]);
    let one = one.max_age(Duration::from_secs(60)).cross_origin();
    let post = cors().origins([A, B]).supports_credentials(true).expose_headers(["X-B", "X-A"]).cross_origin();
    app.rule("/cors-view/any").methods(["GET", "POST"]).decorate(cors().cross_origin()).view(|| "any");
    app.rule("/cors-view/one").methods(["GET", "POST"]).decorate(one).view(async || "one");
    app.rule("/cors-view/post").methods(["POST"]).decorate(post).view(|| "posted");
    app.rule("/cors-view/abort").decorate(cors().origins([A]).cross_origin()).view(async || abort::<&str>(403));
    Ok(())
}

//! Flask-Compress: views with its decorator.

use costrel::{App, Blueprint, Body, Error, IntoResponse, Json, Response, abort};
use costrel_compress::Compress;

const LINE: &str = "all work and no play ";

fn page(status: u16, headers: &[(&str, &str)]) -> Result<Response, Error> {
    (LINE.repeat(60), status, headers.to_vec()).into_response()
}

fn named(name: &str) -> Result<Response, Error> {
    match name {
        "text" => LINE.repeat(60).into_response(),
        "short" => LINE.repeat(23).into_response(),
        "least" => "a".repeat(500).into_response(),
        "empty" => "".into_response(),
        "json" => Json((0..300).collect::<Vec<_>>()).into_response(),
        "image" => page(200, &[("content-type", "image/png")]),
        "svg" => page(200, &[("content-type", "image/svg+xml")]),
        "created" => page(201, &[]),
        "gone" => page(410, &[]),
        "moved" => page(302, &[("location", "/compress/text")]),
        "nothing" => ("", 204).into_response(),
        "encoded" => page(200, &[("content-encoding", "own")]),
        "vary" => page(200, &[("vary", "Cookie")]),
        "varies" => page(200, &[("vary", "accept-encoding")]),
        "tag" => page(200, &[("etag", "\"fixed\"")]),
        "weak" => page(200, &[("etag", "W/\"fixed\"")]),
        "own" => page(200, &[("cache-control", "no-transform")]),
        "stream" => {
            let body = Body::from_iterator([LINE; 60]);
            (body, [("content-type", "text/plain; charset=utf-8")]).into_response()
        }
        "events" => {
            let body = Body::from_iterator(["data: 1\n\n"]);
            (body, [("content-type", "text/event-stream; charset=utf-8")]).into_response()
        }
        _ => abort(404),
    }
}

pub(crate) fn init_app(app: &mut App) -> Result<(), Error> {
    let compress = Compress::new();
    app.config.set("COMPRESS_REGISTER", false)?;
    app.init(&compress)?;
    let mut blueprint = Blueprint::new("compressed").url_prefix("/compress");
    let rule = blueprint.rule("/<name>").methods(["GET", "POST"]).endpoint("view");
    rule.decorate(compress.compressed()).view(|name: String| named(&name));
    blueprint.route("/plain", || LINE.repeat(60));
    app.register_blueprint(blueprint);
    Ok(())
}

//! `url_for`, one case per path.

use costrel::{App, Blueprint, Error, UrlFor, abort, url_for};

/// The cases with values in the path.
fn path_case(name: &str) -> Option<UrlFor> {
    Some(match name {
        "plain" => url_for("plain"),
        "argument" => url_for("integer").arg("n", 7),
        "quoted" => url_for("name").arg("name", "a b/c?d&é%"),
        "quoted-path" => url_for("path").arg("p", "a b/c?d#é"),
        "safe-characters" => url_for("name").arg("name", "!$'()*+,:;=@-._~"),
        "unicode-literal" => url_for("unicode_literal"),
        "float" => url_for("real").arg("n", 2.5),
        "fixed-digits" => url_for("digits").arg("n", 42),
        "negative" => url_for("signed_integer").arg("n", -3),
        "choice" => url_for("choice").arg("k", "y"),
        "pair" => url_for("pair").arg("a", "l").arg("b", "r"),
        "defaults" => url_for("pg").arg("page", 1),
        "no-defaults" => url_for("pg").arg("page", 2),
        "slash" => url_for("dir_arg").arg("s", "x"),
        "method" => url_for("users").method("POST"),
        "crud-item" => url_for("users").arg("user_id", 5),
        "static" => url_for("static").arg("filename", "style.css"),
        _ => return None,
    })
}

/// The cases with parts before and after the path, with other blueprints, and with errors.
fn other_case(name: &str) -> Option<UrlFor> {
    Some(match name {
        "query" => url_for("plain").arg("q", "x y").arg("b", "1&2"),
        "query-unicode" => url_for("plain").arg("q", "é/ü?"),
        "query-list" => url_for("plain").arg("tag", "a").arg("tag", "b"),
        "query-none" => url_for("plain").arg("q", None::<String>).arg("r", 1),
        "anchor" => url_for("plain").anchor("part two"),
        "anchor-query" => url_for("plain").anchor("x").arg("q", 1),
        "external" => url_for("plain").external(true),
        "scheme" => url_for("plain").external(true).scheme("https"),
        "blueprint" => url_for("urls.index"),
        "relative" => url_for(".index"),
        "relative-argument" => url_for(".case").arg("name", "x"),
        "nested" => url_for("parent.child.index"),
        "unknown-endpoint" => url_for("nowhere"),
        "missing-argument" => url_for("integer"),
        _ => return None,
    })
}

async fn index() -> Result<String, Error> {
    url_for(".index").build()
}

fn case(name: String) -> Result<String, Error> {
    match path_case(&name).or_else(|| other_case(&name)) {
        Some(url) => url.build(),
        None => abort(404),
    }
}

pub(crate) fn init_app(app: &mut App) {
    let mut urls = Blueprint::new("urls").url_prefix("/urls");
    urls.route("/", index);
    urls.route("/<name>", case);
    app.register_blueprint(urls);
}

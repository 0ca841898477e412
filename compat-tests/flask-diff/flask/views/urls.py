"""url_for, one case per path."""
from flask import Blueprint, abort, url_for

CASES = {
    "plain": lambda: url_for("plain"),
    "argument": lambda: url_for("integer", n=7),
    "quoted": lambda: url_for("name", name="a b/c?d&é%"),
    "quoted-path": lambda: url_for("path", p="a b/c?d#é"),
    "safe-characters": lambda: url_for("name", name="!$'()*+,:;=@-._~"),
    "unicode-literal": lambda: url_for("unicode_literal"),
    "float": lambda: url_for("real", n=2.5),
    "fixed-digits": lambda: url_for("digits", n=42),
    "negative": lambda: url_for("signed_integer", n=-3),
    "choice": lambda: url_for("choice", k="y"),
    "pair": lambda: url_for("pair", a="l", b="r"),
    "query": lambda: url_for("plain", q="x y", b="1&2"),
    "query-unicode": lambda: url_for("plain", q="é/ü?"),
    "query-list": lambda: url_for("plain", tag=["a", "b"]),
    "query-none": lambda: url_for("plain", q=None, r=1),
    "anchor": lambda: url_for("plain", _anchor="part two"),
    "anchor-query": lambda: url_for("plain", _anchor="x", q=1),
    "external": lambda: url_for("plain", _external=True),
    "scheme": lambda: url_for("plain", _external=True, _scheme="https"),
    "defaults": lambda: url_for("pg", page=1),
    "no-defaults": lambda: url_for("pg", page=2),
    "slash": lambda: url_for("dir_arg", s="x"),
    "method": lambda: url_for("users", _method="POST"),
    "crud-item": lambda: url_for("users", user_id=5),
    "static": lambda: url_for("static", filename="style.css"),
    "blueprint": lambda: url_for("urls.index"),
    "relative": lambda: url_for(".index"),
    "relative-argument": lambda: url_for(".case", name="x"),
    "nested": lambda: url_for("parent.child.index"),
    "unknown-endpoint": lambda: url_for("nowhere"),
    "missing-argument": lambda: url_for("integer"),
}

bp = Blueprint("urls", __name__, url_prefix="/urls")


@bp.get("/")
def index():
    return url_for(".index")


@bp.get("/<name>")
def case(name):
    return CASES[name]() if name in CASES else abort(404)


def init_app(app):
    app.register_blueprint(bp)

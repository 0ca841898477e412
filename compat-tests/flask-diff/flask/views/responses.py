"""Everything a view may return."""
from datetime import datetime, timezone

from flask import Blueprint, Response, jsonify, make_response, redirect, request

bp = Blueprint("responses", __name__, url_prefix="/resp")

VALUES = {
    "str": lambda: "text é",
    "empty": lambda: "",
    "bytes": lambda: b"\x00\xff bytes",
    "dict": lambda: {"b": 1, "a": "é", "c": [True, None, 1.5], "d": {"z": 1, "y": "<&>"}},
    "list": lambda: [1, "two", None],
    "status": lambda: ("made", 201),
    "headers": lambda: ("text", {"X-One": "1"}),
    "header-pairs": lambda: ("text", [("X-One", "1"), ("X-One", "2")]),
    "both": lambda: ("text", 202, {"X-One": "1", "Content-Type": "text/csv"}),
    "dict-status": lambda: ({"a": 1}, 201),
    "list-both": lambda: ([1], 203, {"X-One": "1"}),
    "no-content": lambda: ("", 204),
    "not-modified": lambda: ("", 304),
    "jsonify": lambda: jsonify(b=1, a=2),
    "jsonify-list": lambda: jsonify(1, 2, "é"),
    "jsonify-string": lambda: jsonify("x"),
    "response": lambda: Response("raw", status=418, mimetype="text/x-tea"),
    "content-type": lambda: Response(b"{}", content_type="application/problem+json"),
    "redirect": lambda: redirect("/rule/plain"),
    "redirect-301": lambda: redirect("/rule/plain", 301),
    "redirect-303": lambda: redirect("/rule/plain", 303),
    "redirect-307": lambda: redirect("/rule/plain?a=1&b=2", 307),
    "redirect-308": lambda: redirect("/rule/plain", 308),
    "redirect-outside": lambda: redirect("https://example.com/x?y=<z>"),
    "redirect-unicode": lambda: redirect("/rule/name/é ü"),
    "none": lambda: None,
}


@bp.route("/<name>", methods=["GET", "POST"])
def value(name):
    return VALUES[name]()


@bp.get("/made/headers")
def made_headers():
    response = make_response("made", 201)
    response.headers["X-One"] = "1"
    response.headers["x-one"] = "2"
    response.headers.add("X-Dup", "1")
    response.headers.add("X-Dup", "2")
    return response


@bp.get("/made/rewritten")
def rewritten():
    response = make_response({"a": 1})
    response.set_data("other")
    response.status_code = 203
    response.mimetype = "text/html"
    return response


@bp.get("/cookie/plain")
def cookie_plain():
    response = make_response("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", path="/resp")
    return response


@bp.get("/cookie/full")
def cookie_full():
    response = make_response("set")
    response.set_cookie(
        "full", "v", max_age=60, expires=datetime(2033, 5, 18, 3, 33, 20, tzinfo=timezone.utc),
        path="/resp", domain="localhost", secure=True, httponly=True, samesite="Lax", partitioned=True,
    )
    return response


@bp.get("/cookie/samesite/<value>")
def cookie_samesite(value):
    response = make_response("set")
    response.set_cookie("s", "v", samesite=value)
    return response


@bp.get("/cookie/quoted")
def cookie_quoted():
    response = make_response("set")
    response.set_cookie("q", 'a b;c,"é')
    return response


@bp.get("/cookie/expires")
def cookie_expires():
    response = make_response("set")
    response.set_cookie("e", "v", expires=2000000000, path=None)
    return response


@bp.get("/cookie/delete")
def cookie_delete():
    response = make_response("deleted")
    response.delete_cookie("a")
    response.delete_cookie("b", path="/resp", secure=True, httponly=True, samesite="Strict")
    return response


@bp.get("/cookie/read")
def cookie_read():
    return dict(request.cookies)


@bp.get("/stream")
def stream():
    return (part for part in ("one ", "two ", "three"))


@bp.get("/stream/headers")
def stream_headers():
    return Response((part for part in (b"a,b\n", b"1,2\n")), mimetype="text/csv"), 203, {"X-One": "1"}


def init_app(app):
    app.register_blueprint(bp)

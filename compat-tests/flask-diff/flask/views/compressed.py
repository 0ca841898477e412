"""Flask-Compress: views with its decorator."""
from flask import Blueprint, Response, jsonify, make_response
from flask_compress import Compress

LINE = "all work and no play "
bp = Blueprint("compressed", __name__, url_prefix="/compress")
compress = Compress()


def page(status=200, **headers):
    return make_response(LINE * 60, status, {name.replace("_", "-"): value for name, value in headers.items()})


PAGES = {
    "text": lambda: LINE * 60,
    "short": lambda: LINE * 23,
    "least": lambda: "a" * 500,
    "empty": lambda: "",
    "json": lambda: jsonify(list(range(300))),
    "image": lambda: page(Content_Type="image/png"),
    "svg": lambda: page(Content_Type="image/svg+xml"),
    "created": lambda: page(201),
    "gone": lambda: page(410),
    "moved": lambda: page(302, Location="/compress/text"),
    "nothing": lambda: ("", 204),
    "encoded": lambda: page(Content_Encoding="own"),
    "vary": lambda: page(Vary="Cookie"),
    "varies": lambda: page(Vary="accept-encoding"),
    "tag": lambda: page(ETag='"fixed"'),
    "weak": lambda: page(ETag='W/"fixed"'),
    "own": lambda: page(Cache_Control="no-transform"),
    "stream": lambda: Response(iter([LINE] * 60), mimetype="text/plain"),
    "events": lambda: Response(iter(["data: 1\n\n"]), mimetype="text/event-stream"),
}


@bp.route("/<name>", methods=["GET", "POST"])
@compress.compressed()
def view(name):
    return PAGES[name]()


@bp.route("/plain")
def plain():
    return LINE * 60


def init_app(app):
    app.config["COMPRESS_REGISTER"] = False
    compress.init_app(app)
    app.register_blueprint(bp)

"""Flask-CORS: an app's resources, and views with a decorator of their own."""
from flask import Blueprint, abort
from flask_cors import CORS, cross_origin

A = "https://a.example"
B = "https://b.example"
bp = Blueprint("cross_origin", __name__)
BOTH = ["GET", "POST"]


@bp.route("/cors/<path:name>", methods=BOTH)
def resource(name):
    if name.endswith("abort"):
        abort(403)
    return name


@bp.route("/cors-view/any", methods=BOTH)
@cross_origin()
def any_origin():
    return "any"


@bp.route("/cors-view/one", methods=BOTH)
@cross_origin(origins=A, methods=["GET"], allow_headers=["X-Token", "Content-.*"], max_age=60)
def one_origin():
    return "one"


@bp.post("/cors-view/post")
@cross_origin(origins=[A, B], supports_credentials=True, expose_headers=["X-B", "X-A"])
def posted():
    return "posted"


@bp.route("/cors-view/abort")
@cross_origin(origins=A)
def aborted():
    abort(403)


def init_app(app):
    CORS(app, resources={
        r"/cors/any": {},
        r"/cors/one": {"origins": A},
        r"/cors/two": {
            "origins": [A, B], "supports_credentials": True, "expose_headers": ["X-B", "X-A"], "max_age": 600,
            "methods": ["GET", "post"], "allow_headers": "X-Token",
        },
        r"/cors/wild": {"send_wildcard": True},
        r"/cors/regex": {"origins": r"https://\w+\.example\.com"},
        r"/cors/quiet": {"origins": A, "always_send": False},
        r"/cors/private": {"allow_private_network": True},
        r"/cors/novary": {"origins": [A, B], "vary_header": False},
        r"/cors/credentials": {"supports_credentials": True},
    })
    app.register_blueprint(bp)

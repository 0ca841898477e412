"""Request hooks of the app and of nested blueprints. X-Trail tells who ran, in order."""
from flask import Blueprint, after_this_request, g, request, url_for

parent = Blueprint("parent", __name__, url_prefix="/hooks/parent")
child = Blueprint("child", __name__, url_prefix="/child")
wide = Blueprint("wide", __name__, url_prefix="/hooks/wide")
lang = Blueprint("lang", __name__, url_prefix="/lang/<code>")


def before(name):
    def hook():
        g.setdefault("trail", []).append(name)
        if request.headers.get("X-Early") == name:
            return f"early from {name}"
    return hook


def after(name):
    def hook(response):
        # Only here, so that the other groups' responses stay plain.
        if request.path.startswith("/hooks"):
            trail = response.headers.get("X-Trail")
            response.headers["X-Trail"] = f"{trail},{name}" if trail else name
        return response
    return hook


def teardown(error):
    g.pop("trail", None)


@parent.get("/")
def index():
    return ",".join(g.trail)


@parent.get("/fail")
def fail():
    raise LookupError("lost")


@parent.get("/url")
def parent_url():
    return " ".join([url_for(".index"), url_for(".child.index")])


@parent.errorhandler(LookupError)
def lookup_error(error):
    return "parent handled " + ",".join(g.trail), 404


@child.get("/", endpoint="index")
def child_index():
    return ",".join(g.trail)


@child.get("/fail")
def child_fail():
    raise LookupError("lost")


@child.get("/url")
def child_url():
    return " ".join([request.endpoint, request.blueprint, *request.blueprints, url_for(".index"), url_for("parent.index")])


@child.get("/value-error")
def child_value_error():
    raise ValueError("child's own")


@child.errorhandler(ValueError)
def value_error(error):
    return f"child handled {error}", 400


@wide.get("/gone")
def gone():
    return "not gone"


@wide.app_errorhandler(410)
def wide_gone(error):
    return "app-wide 410", 410


@lang.url_value_preprocessor
def pull_code(endpoint, values):
    g.code = values.pop("code")


@lang.url_defaults
def add_code(endpoint, values):
    if "code" in g:
        values.setdefault("code", g.code)


@lang.get("/hello/<name>")
def hello(name):
    return f"{g.code} {name}"


@lang.get("/link/<name>")
def link(name):
    return " ".join([url_for(".hello", name=name), url_for("lang.hello", name=name, code="xx")])


def plain():
    return ",".join(g.trail)


def once():
    g.note = "from the view"

    @after_this_request
    def first(response):
        response.headers["X-Once"] = g.note
        return response

    after_this_request(after("once"))
    return "once"


def crash():
    raise RuntimeError("boom")


parent.before_request(before("parent"))
parent.after_request(after("after-parent"))
child.before_request(before("child"))
child.after_request(after("after-child"))
wide.before_app_request(before("wide"))
wide.after_app_request(after("after-wide"))
parent.register_blueprint(child)


def init_app(app):
    app.before_request(before("app1"))
    app.before_request(before("app2"))
    app.after_request(after("after-app1"))
    app.after_request(after("after-app2"))
    app.teardown_request(teardown)
    for blueprint in (parent, wide, lang):
        app.register_blueprint(blueprint)
    app.add_url_rule("/hooks/plain", "hooks_plain", plain)
    app.add_url_rule("/hooks/once", "hooks_once", once)
    app.add_url_rule("/hooks/crash", "hooks_crash", crash)

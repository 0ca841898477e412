"""Jinja2 templates."""
from flask import Blueprint, flash, g, render_template, render_template_string, request, session

bp = Blueprint("pages", __name__, url_prefix="/page")
bp.context_processor(lambda: {"section": "pages"})


@bp.get("/hello/<name>")
def hello(name):
    return render_template("hello.html", name=name, items=request.args.getlist("item"))


@bp.get("/child")
def child():
    return render_template("child.html", title="A <title> & more", link_to=3)


@bp.get("/flashes")
def flashes():
    flash("saved")
    flash("<b>", "error")
    return render_template("flashes.html")


@bp.get("/context")
def context():
    g.who = "g"
    session["colour"] = "teal"
    return render_template("context.html")


@bp.get("/text")
def text():
    return render_template("plain.txt", value="<b> & co"), 200, {"Content-Type": "text/plain"}


@bp.get("/string")
def string():
    return render_template_string("{{ value }} {{ site }}", value="<i>")


@bp.get("/jinja")
def jinja():
    users = [
        {"name": "Ada", "age": 36, "city": "London", "active": True},
        {"name": "Bob", "age": 25, "city": "Paris", "active": False},
        {"name": "Cy", "age": 40, "city": "London", "active": True},
    ]
    values = {"x": 1, "user": {"name": "Ada", "active": True}, "scores": {"zoe": 3, "adam": 10, "Bob": 7}, "users": users}
    return render_template_string(request.args["template"], **values)


@bp.get("/missing")
def missing():
    return render_template("missing.html")


def init_app(app):
    app.register_blueprint(bp)
    app.add_template_filter(lambda text: text.upper() + "!", "shout")
    app.context_processor(lambda: {"site": "differential"})

"""Sessions and flashed messages."""
from datetime import datetime, timezone
from uuid import UUID

from flask import Blueprint, abort, flash, get_flashed_messages, request, session
from markupsafe import Markup

bp = Blueprint("sessions", __name__, url_prefix="/session")


@bp.get("/untouched")
def untouched():
    return "untouched"


@bp.get("/read")
def read():
    return str(session.get("name", "nobody"))


@bp.get("/contains")
def contains():
    return "yes" if "name" in session else "no"


@bp.get("/length")
def length():
    return str(len(session))


@bp.post("/write")
def write():
    session["name"] = request.form["name"]
    return "written"


@bp.post("/write-then-abort")
def write_then_abort():
    session["name"] = "before the abort"
    abort(403)


@bp.post("/write-then-crash")
def write_then_crash():
    session["name"] = "before the crash"
    raise RuntimeError("boom")


@bp.post("/pop")
def pop():
    return str(session.pop("name", "nothing"))


@bp.post("/clear")
def clear():
    session.clear()
    return "cleared"


@bp.post("/permanent")
def permanent():
    session.permanent = True
    session["name"] = "stays"
    return "permanent"


@bp.post("/nested")
def nested():
    session["cart"] = {"items": [1, 2.5, "é", None, True], "owner": {"id": 7}}
    return "nested"


@bp.post("/nested/append")
def nested_append():
    session["cart"]["items"].append("more")
    # The session sees only changes of its own keys.
    if request.args.get("tell"):
        session.modified = True
    return str(len(session["cart"]["items"]))


@bp.post("/tagged")
def tagged():
    session["tuple"] = (1, "a", (2,))
    session["bytes"] = b"\x00\xffraw"
    session["when"] = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    session["uuid"] = UUID("12345678-1234-5678-1234-567812345678")
    session["markup"] = Markup("<b>")
    session["look-alike"] = {" t": "not a tag"}
    return "tagged"


@bp.get("/tagged")
def read_tagged():
    return {
        "tuple": [session["tuple"][0], session["tuple"][1], session["tuple"][2][0]],
        "bytes": session["bytes"].hex(),
        "when": int(session["when"].timestamp()),
        "uuid": str(session["uuid"]),
        "markup": str(session["markup"]),
        "look-alike": session["look-alike"],
    }


@bp.post("/flash")
def flash_some():
    flash("plain")
    flash("careful", "warning")
    flash("broken", "error")
    return "flashed"


@bp.get("/flashed")
def flashed():
    # Asked twice: the second answer comes from the request, not from the session.
    return {"first": get_flashed_messages(), "again": get_flashed_messages()}


@bp.get("/flashed/categories")
def flashed_categories():
    return [list(pair) for pair in get_flashed_messages(with_categories=True)]


@bp.get("/flashed/filter")
def flashed_filter():
    return get_flashed_messages(category_filter=["error", "warning"])


@bp.post("/flash-now")
def flash_now():
    flash("at once", "info")
    return [list(pair) for pair in get_flashed_messages(with_categories=True, category_filter=["info"])]


def init_app(app):
    app.register_blueprint(bp)

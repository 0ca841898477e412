"""Flask-WTF's CSRFProtect, which checks the requests of one blueprint."""
from flask import Blueprint, session
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

csrf = CSRFProtect()
bp = Blueprint("csrf", __name__, url_prefix="/csrf")


@bp.before_request
def check():
    csrf.protect()


@bp.errorhandler(CSRFError)
def refused(error):
    return f"refused: {error.description}", 400


@bp.route("/view", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def view():
    return f"done {'csrf_token' in session}"


@bp.post("/async")
async def in_async():
    return "done"


@bp.get("/token")
def token():
    return str(generate_csrf() == generate_csrf())


def init_app(app):
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)
    app.register_blueprint(bp)

"""Flask-HTTPAuth: Basic, a token, several schemes, roles, and what is optional."""
from flask import Blueprint
from flask_httpauth import HTTPBasicAuth, HTTPTokenAuth, MultiAuth

bp = Blueprint("httpauth", __name__, url_prefix="/auth")
basic = HTTPBasicAuth()
bearer = HTTPTokenAuth(realm="Shop")
key = HTTPTokenAuth(scheme="ApiKey", header="X-Api-Key")
own = HTTPTokenAuth()
multi = MultiAuth(basic, bearer, key)
ROLES = {"ada": ["staff", "night"], "bob": []}


@basic.verify_password
def verify_password(name, password):
    return name if password == "secret" else None


@bearer.verify_token
@key.verify_token
@own.verify_token
def verify_token(token):
    return token[len("t0ken-"):] if token.startswith("t0ken-") else None


@basic.get_user_roles
@bearer.get_user_roles
@key.get_user_roles
def get_user_roles(user):
    return ROLES.get(user, [])


@own.error_handler
def refused(status):
    return f"own {status}"


@bp.route("/basic", methods=["GET", "POST"])
@basic.login_required
def with_basic():
    return f"basic {basic.current_user()}"


@bp.get("/bearer")
@bearer.login_required
async def with_bearer():
    return f"bearer {bearer.current_user()}"


@bp.get("/key")
@key.login_required
def with_key():
    return f"key {key.current_user()}"


@bp.get("/own")
@own.login_required
def with_own():
    return f"own {own.current_user()}"


@bp.get("/optional")
@basic.login_required(optional=True)
def optional():
    return f"optional {basic.current_user()}"


@bp.get("/staff")
@basic.login_required(role="staff")
def staff():
    return "staff"


@bp.get("/any")
@basic.login_required(role=["owner", "staff"])
def any_role():
    return "any"


@bp.get("/all")
@basic.login_required(role=[["staff", "night"]])
def all_roles():
    return "all"


@bp.get("/multi")
@multi.login_required
def with_multi():
    return f"multi {multi.current_user()}"


def init_app(app):
    app.register_blueprint(bp)

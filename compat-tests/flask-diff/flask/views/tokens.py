"""Flask-JWT-Extended: tokens in headers, cookies, queries and JSON."""
from datetime import timedelta

from flask import Blueprint, jsonify, make_response
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    current_user,
    decode_token,
    get_jwt,
    get_jwt_header,
    get_jwt_identity,
    get_jwt_request_location,
    jwt_required,
    set_access_cookies,
    set_refresh_cookies,
    unset_jwt_cookies,
)

jwt = JWTManager()
bp = Blueprint("tokens", __name__, url_prefix="/jwt")


# The exceptions of the extension have no status, so these handlers take none of them.
@bp.errorhandler(400)
@bp.errorhandler(401)
@bp.errorhandler(422)
def of_the_blueprint(error):
    return "of the blueprint"


@jwt.user_lookup_loader
def find_user(header, claims):
    return None if claims["sub"] == "gone" else f"user {claims['sub']}"


@jwt.token_in_blocklist_loader
def is_revoked(header, claims):
    return claims["jti"] == "revoked"


@jwt.token_verification_loader
def is_let_in(header, claims):
    return claims.get("team") != "banned"


@jwt.needs_fresh_token_loader
def needs_fresh(header, claims):
    return f"not fresh: {claims['sub']}", 401


@bp.get("/header")
@jwt_required(locations="headers")
def header():
    return f"{get_jwt_identity()} {get_jwt_request_location()}"


@bp.get("/async")
@jwt_required(locations=["headers"])
async def in_async():
    return f"async {get_jwt_identity()}"


@bp.route("/any", methods=["GET", "POST"])
@jwt_required()
def anywhere():
    return f"{get_jwt_identity()} {get_jwt_request_location()}"


@bp.get("/optional")
@jwt_required(optional=True)
def optional():
    return f"optional {get_jwt_identity()} {current_user}"


@bp.get("/fresh")
@jwt_required(fresh=True)
def fresh():
    return "fresh"


@bp.route("/refresh", methods=["GET", "POST"])
@jwt_required(refresh=True)
def refresh():
    return f"refresh {get_jwt_identity()}"


@bp.get("/either")
@jwt_required(verify_type=False)
def either():
    return "either"


@bp.get("/again")
@jwt_required(skip_revocation_check=True)
def again():
    return "again"


@bp.get("/user")
@jwt_required()
def user():
    return f"{current_user}"


@bp.get("/claims")
@jwt_required()
def claims():
    return jsonify(claims=get_jwt(), header=get_jwt_header())


@bp.route("/cookie", methods=["GET", "POST"])
@jwt_required(locations="cookies")
def cookie():
    return "cookie"


@bp.get("/set/<token>")
def set_cookies(token):
    response = make_response("set")
    set_access_cookies(response, token)
    set_refresh_cookies(response, token)
    return response


@bp.get("/unset")
def unset_cookies():
    response = make_response("unset")
    unset_jwt_cookies(response)
    return response


@bp.get("/made")
def made():
    token = create_access_token("ada", fresh=True, expires_delta=timedelta(minutes=1), additional_claims={"team": 7})
    claims = decode_token(token)
    lasts, empty = claims["exp"] - claims["iat"], not (claims["jti"] and claims["csrf"])
    return f"{sorted(claims)} {lasts} {empty} {claims['team']}"


def init_app(app):
    app.config.update(
        JWT_SECRET_KEY="differential, and long enough for a key of tokens",
        JWT_TOKEN_LOCATION=["headers", "cookies", "query_string", "json"],
        JWT_ENCODE_AUDIENCE="shop",
        JWT_DECODE_AUDIENCE=["shop", "depot"],
        JWT_ENCODE_ISSUER="us",
        JWT_DECODE_ISSUER="us",
        JWT_CSRF_CHECK_FORM=True,
        JWT_REFRESH_COOKIE_PATH="/jwt/refresh",
        JWT_COOKIE_SAMESITE="Lax",
    )
    jwt.init_app(app)
    app.register_blueprint(bp)

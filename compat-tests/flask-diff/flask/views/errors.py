"""abort and error handlers: the app's, a blueprint's by code, another's by Exception."""
from flask import Blueprint, abort, jsonify, redirect
from werkzeug.exceptions import HTTPException, NotFound


class ShopError(Exception):
    pass


class EmptyShop(ShopError):
    pass


plain = Blueprint("plain_errors", __name__, url_prefix="/err")
coded = Blueprint("coded", __name__, url_prefix="/err-coded")
caught = Blueprint("caught", __name__, url_prefix="/err-caught")
http = Blueprint("http_errors", __name__, url_prefix="/err-http")


@plain.get("/abort/<int:code>")
def abort_code(code):
    abort(code)


@plain.get("/described/<int:code>")
def abort_described(code):
    abort(code, "Because <of> this & that")


@plain.get("/response")
def abort_response():
    abort(redirect("/rule/plain"))


@plain.get("/shop")
def shop():
    raise ShopError("closed")


@plain.get("/empty-shop")
def empty_shop():
    raise EmptyShop("sold out")


@plain.get("/crash")
def crash():
    raise RuntimeError("boom")


@coded.get("/abort/<int:code>")
def coded_abort(code):
    abort(code, "said")


@coded.get("/crash")
def coded_crash():
    raise RuntimeError("boom")


@coded.errorhandler(404)
def coded_404(error):
    return f"blueprint 404: {error.description}", 404


@coded.errorhandler(403)
def coded_403(error):
    return "a bare string"


@coded.errorhandler(500)
def coded_500(error):
    return f"500 from {error.original_exception}", 500


@coded.errorhandler(409)
def coded_409(error):
    raise RuntimeError("a handler that fails")


@caught.get("/abort/<int:code>")
def caught_abort(code):
    abort(code)


@caught.get("/crash")
def caught_crash():
    raise RuntimeError("boom")


@caught.get("/shop")
def caught_shop():
    raise ShopError("closed")


@caught.errorhandler(Exception)
def caught_exception(error):
    if isinstance(error, HTTPException):
        return f"caught {error.code}", error.code
    return f"caught {error}", 500


@http.get("/abort/<int:code>")
def http_abort(code):
    abort(code)


@http.errorhandler(HTTPException)
def http_any(error):
    return jsonify(code=error.code, name=error.name), error.code


@http.errorhandler(NotFound)
def http_not_found(error):
    return "closest class wins", 404


def init_app(app):
    for blueprint in (plain, coded, caught, http):
        app.register_blueprint(blueprint)

    @app.errorhandler(418)
    def teapot(error):
        return f"app 418: {error.description}", 418, {"X-Tea": "yes"}

    @app.errorhandler(ShopError)
    def shop_error(error):
        return f"shop: {error}", 422

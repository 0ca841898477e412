"""Class-based views."""
from flask import make_response, request
from flask.views import MethodView, View


def marked(name):
    def decorator(view):
        def wrapped(**args):
            response = make_response(view(**args))
            response.headers.add("X-Mark", name)
            return response
        return wrapped
    return decorator


class Item(MethodView):
    def get(self, n):
        return f"get {n}"

    def post(self, n):
        return f"post {n} {request.get_data(as_text=True)}", 201

    def put(self, n):
        return {"put": n}

    def delete(self, n):
        return "", 204


class Users(MethodView):
    def get(self, user_id):
        return "all users" if user_id is None else f"user {user_id}"

    def post(self):
        return f"made {request.form['name']}", 201

    def put(self, user_id):
        return f"changed {user_id}"

    def delete(self, user_id):
        return f"deleted {user_id}"


class OwnHead(MethodView):
    def get(self):
        return "get"

    def head(self):
        return "", 200, {"X-Head": "own"}


class PostOnly(MethodView):
    def post(self):
        return "posted"


class Dispatched(View):
    methods = ["GET", "POST"]

    def __init__(self, word):
        self.word = word

    def dispatch_request(self, **args):
        return f"{self.word} {request.method} {args.get('s', '-')}"


class Decorated(MethodView):
    # The last one is the outermost.
    decorators = [marked("inner"), marked("outer")]

    def get(self):
        return "decorated"

    def post(self):
        return {"decorated": True}, 201


class Default(View):
    def dispatch_request(self):
        return "default methods"


def init_app(app):
    app.add_url_rule("/cls/item/<int:n>", view_func=Item.as_view("item"))
    users = Users.as_view("users")
    app.add_url_rule("/users", view_func=users, methods=["GET"], defaults={"user_id": None})
    app.add_url_rule("/users", view_func=users, methods=["POST"])
    app.add_url_rule("/users/<int:user_id>", view_func=users, methods=["GET", "PUT", "DELETE"])
    app.add_url_rule("/cls/own-head", view_func=OwnHead.as_view("own_head"))
    app.add_url_rule("/cls/post-only", view_func=PostOnly.as_view("cls_post_only"))
    app.add_url_rule("/cls/dispatched", view_func=Dispatched.as_view("dispatched", "hello"))
    app.add_url_rule("/cls/dispatched/<s>", view_func=Dispatched.as_view("dispatched_arg", word="bye"))
    app.add_url_rule("/cls/decorated", view_func=Decorated.as_view("decorated"))
    app.add_url_rule("/cls/default", view_func=Default.as_view("cls_default"))

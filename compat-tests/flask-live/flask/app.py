"""The Flask half: limits of each strategy and a cache, on the Redis of the environment variable REDIS; and users."""

import os

from flask import Flask, request
from flask_caching import Cache
from flask_limiter import Limiter
from flask_login import (LoginManager, UserMixin, current_user, fresh_login_required, login_required, login_user,
                         logout_user)

REDIS = os.environ["REDIS"]

app = Flask(__name__)


def by_client():
    return request.headers.get("x-client", "")


def limited(path, strategy):
    limiter = Limiter(by_client, app=app, storage_uri=REDIS, strategy=strategy, headers_enabled=True)

    @app.route("/" + path, endpoint=path)
    @limiter.shared_limit("5/minute", scope="live")
    def view():
        return "found"

    @app.route("/" + path + "/two", endpoint=path + "_two")
    @limiter.shared_limit("3/minute;4/hour", scope="two")
    def two():
        return "found"


limited("fixed", "fixed-window")
limited("moving", "moving-window")
limited("sliding", "sliding-window-counter")

cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": REDIS.replace("redis+unix", "unix")})


@app.get("/cache/<key>")
def get(key):
    value = cache.get(key)
    return ("nothing", 404) if value is None else (value if isinstance(value, bytes) else str(value))


@app.put("/cache/<key>")
def put(key):
    # A number, because that is what Flask-Caching writes as plain text.
    cache.set(key, int(request.get_data()), timeout=60)
    return ""


@app.delete("/cache/<key>")
def delete(key):
    return str(cache.delete(key))


app.secret_key = "live"


class Person(UserMixin):
    def __init__(self, id):
        self.id = id


@LoginManager(app).user_loader
def load(id):
    return Person(id)


@app.post("/login/<name>")
def login(name):
    login_user(Person(name), remember="remember" in request.args)
    return ""


@app.post("/logout")
def logout():
    logout_user()
    return ""


@app.get("/me")
@login_required
def me():
    return current_user.get_id()


@app.get("/secret")
@fresh_login_required
def secret():
    return current_user.get_id()

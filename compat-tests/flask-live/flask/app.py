"""The Flask half: limits of each strategy and a cache, on the Redis of the environment variable REDIS."""

import os

from flask import Flask, request
from flask_caching import Cache
from flask_limiter import Limiter

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

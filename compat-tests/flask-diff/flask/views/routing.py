"""Rules and converters. Almost every view says its endpoint and its arguments."""
from flask import request

GET_RULES = [
    ("plain", "/rule/plain"),
    ("name", "/rule/name/<name>"),
    ("exact", "/rule/exact/<string(length=2):s>"),
    ("between", "/rule/between/<string(minlength=2,maxlength=4):s>"),
    ("integer", "/rule/int/<int:n>"),
    ("signed_integer", "/rule/sint/<int(signed=True):n>"),
    ("bounded", "/rule/bounded/<int(min=2,max=5):n>"),
    ("digits", "/rule/digits/<int(fixed_digits=4):n>"),
    ("real", "/rule/float/<float:n>"),
    ("signed_real", "/rule/sfloat/<float(signed=True):n>"),
    ("uuid", "/rule/uuid/<uuid:u>"),
    ("choice", "/rule/any/<any(x,y):k>"),
    ("path", "/rule/path/<path:p>"),
    ("path_then_literal", "/rule/tail/<path:p>/edit"),
    ("versioned", "/rule/seg/v<int:n>.json"),
    ("pair", "/rule/pair/<a>-<b>"),
    ("unicode_literal", "/rule/größe"),
    ("pre_literal", "/pre/lit"),
    ("pre_integer", "/pre/<int:n>"),
    ("pre_string", "/pre/<s>"),
    ("pre_path", "/pre/<path:p>"),
    ("merged", "/m/n"),
    ("merged_arg", "/m/<s>/end"),
    ("leaf", "/leaf"),
    ("same_get", "/same"),
]


def show(**args):
    return " ".join([request.endpoint] + [f"{key}={args[key]}" for key in sorted(args)])


def init_app(app):
    for endpoint, rule in GET_RULES:
        app.add_url_rule(rule, endpoint, show)
    app.add_url_rule("/dir/", "dir", show, methods=["GET", "POST"])
    app.add_url_rule("/dir/<s>/", "dir_arg", show)
    app.add_url_rule("/loose/", "loose", show, strict_slashes=False)
    # Two rules of one endpoint: /pg/1 redirects to /pg/.
    app.add_url_rule("/pg/", "pg", show, defaults={"page": 1})
    app.add_url_rule("/pg/<int:page>", "pg", show)
    app.add_url_rule("/same", "same_post", show, methods=["POST"])
    app.add_url_rule("/same", "same_delete", show, methods=["DELETE"])
    app.add_url_rule("/post-only", "post_only", show, methods=["POST"])
    app.add_url_rule("/many", "many", show, methods=["GET", "PUT", "PATCH"])
    app.add_url_rule("/no-options", "no_options", show, provide_automatic_options=False)
    app.add_url_rule("/own-options", "own_options", show, methods=["GET", "OPTIONS"])

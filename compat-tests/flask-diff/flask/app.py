"""The Flask side of the differential check: one small app, split by subject in views/."""
from datetime import timedelta
from pathlib import Path

from flask import Flask

from views import classes, compressed, cross_origin, csrf, echo, errors, files, forms, hooks, httpauth, pages, responses, routing, sessions, tokens, urls

HERE = Path(__file__).parent


def create_app():
    app = Flask(
        "differential",
        static_folder=HERE / "static",
        template_folder=HERE / "templates",
    )
    app.config.update(
        SECRET_KEY="differential",
        MAX_CONTENT_LENGTH=4096,
        # Long enough that the signed cookies in requests.json stay valid,
        # short enough that the one signed in 1970 has expired.
        PERMANENT_SESSION_LIFETIME=timedelta(days=20000),
    )
    for part in (compressed, cross_origin, csrf, forms, httpauth, tokens, routing, urls, responses, errors, echo, hooks, sessions, classes, files, pages):
        part.init_app(app)

    @app.after_request
    def everywhere(response):
        response.headers["X-App"] = "differential"
        return response

    return app

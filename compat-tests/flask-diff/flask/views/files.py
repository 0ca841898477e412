"""send_file and send_from_directory; the static folder is Flask's own route."""
import io

from flask import Blueprint, current_app, send_file, send_from_directory

bp = Blueprint("files", __name__, url_prefix="/files")
FIXED = {"etag": "fixed", "last_modified": 1700000000, "conditional": True}


def digits(**options):
    return send_file(f"{current_app.static_folder}/digits.txt", **FIXED, **options)


@bp.get("/digits")
def plain():
    return digits()


@bp.get("/aged")
def aged():
    return digits(max_age=60)


@bp.get("/attachment")
def attachment():
    return digits(as_attachment=True)


@bp.get("/named")
def named():
    return digits(as_attachment=True, download_name="my report.txt")


@bp.get("/named-unicode")
def named_unicode():
    return digits(as_attachment=True, download_name="größe ☃.txt")


@bp.get("/typed")
def typed():
    return digits(mimetype="application/x-digits")


@bp.get("/unconditional")
def unconditional():
    return send_file(f"{current_app.static_folder}/digits.txt", etag="fixed", last_modified=1700000000, conditional=False)


@bp.get("/bytes")
def from_bytes():
    return send_file(io.BytesIO(b"in memory"), mimetype="text/plain", etag=False)


@bp.get("/dir/<path:name>")
def directory(name):
    return send_from_directory(current_app.static_folder, name, **FIXED)


@bp.get("/missing")
def missing():
    return send_from_directory(current_app.static_folder, "missing.txt")


def init_app(app):
    app.register_blueprint(bp)

"""What the request says about itself."""
from flask import Blueprint, request

bp = Blueprint("echo", __name__, url_prefix="/req")
ANY = ["GET", "POST", "PUT"]


@bp.get("/args")
def args():
    return request.args.to_dict(flat=False)


@bp.get("/arg")
def arg():
    return {"first": request.args.get("n"), "n": request.args.get("n", 0, type=int), "must": request.args["must"]}


@bp.get("/headers")
def headers():
    return {"x-a": request.headers.get("x-a"), "missing": request.headers.get("X-Missing"), "has": "X-A" in request.headers}


@bp.get("/cookies")
def cookies():
    return request.cookies.to_dict()


@bp.route("/form", methods=ANY)
def form():
    return request.form.to_dict(flat=False)


@bp.post("/form-key")
def form_key():
    return request.form["must"]


@bp.post("/files")
def files():
    found = [
        [field, file.filename, file.content_type, file.mimetype, len(file.read())]
        for field, file in request.files.items(multi=True)
    ]
    return {"form": request.form.to_dict(flat=False), "files": found}


@bp.post("/file-text")
def file_text():
    return request.files["f"].read()


@bp.route("/values", methods=ANY)
def values():
    return request.values.to_dict(flat=False)


@bp.post("/json")
def json():
    return {"got": request.get_json()}


@bp.post("/json-property")
def json_property():
    return {"got": request.json}


@bp.post("/json-silent")
def json_silent():
    return {"got": request.get_json(silent=True)}


@bp.post("/json-force")
def json_force():
    return {"got": request.get_json(force=True)}


@bp.route("/data", methods=ANY)
def data():
    return str(len(request.get_data()))


@bp.post("/raw")
def raw():
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@bp.post("/unread")
def unread():
    return "not read"


@bp.post("/small")
def small():
    request.max_content_length = 10
    return str(len(request.get_data()))


@bp.post("/data-then-form")
def data_then_form():
    return {"size": len(request.get_data()), "form": request.form.to_dict(flat=False)}


@bp.route("/url/<s>", methods=ANY)
def url(s):
    names = ("method", "path", "full_path", "url", "base_url", "url_root", "host", "host_url", "scheme",
             "is_secure", "endpoint", "blueprint", "view_args", "script_root")
    return {name: getattr(request, name) for name in names}


@bp.get("/query-string")
def query_string():
    return request.query_string


@bp.post("/type")
def content_type():
    return {
        "is_json": request.is_json, "mimetype": request.mimetype, "params": request.mimetype_params,
        "content_type": request.content_type, "content_length": request.content_length,
    }


def init_app(app):
    app.register_blueprint(bp)

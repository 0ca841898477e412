"""Run recorded requests against the Flask apps: record.py OUT REQUESTS..."""
import base64
import json
import os
import re
import sys
import tempfile
import zlib

from flask_compress.flask_compress import _uncompress_data
from itsdangerous import base64_decode
from werkzeug.exceptions import default_exceptions
from werkzeug.utils import redirect

import flaskr
import server_side
from app import HERE, create_app

SERVER_SIDE = re.compile(r"^sid=[^;]+;")
SESSION = re.compile(r"^session=([^;]+);")
EXPIRES = re.compile(r"Expires=(?!Thu, 01 Jan 1970)[^;]+")
CLOCK_HEADERS = ("Date", "Expires")
DECODED = ("zstd", "br", "gzip", "deflate")


def main(out, *requests):
    for file in (HERE / "static").iterdir():
        os.utime(file, (1700000000, 1700000000))
    groups = []
    for path in requests:
        with open(path, encoding="utf-8") as source:
            groups += json.load(source)
    with tempfile.NamedTemporaryFile() as database:
        flaskr.fill(database.name)
        apps = {"main": create_app(), "server-side": server_side.create_app(), "flaskr": flaskr.create_app(database.name)}
        for app in apps.values():
            app.logger.disabled = True
        record = [entry for group in groups for entry in run_group(apps[group.get("app", "main")], group)]
    with open(out, "w", encoding="utf-8") as target:
        json.dump(record, target, ensure_ascii=False, indent=1)
        target.write("\n")


def run_group(app, group):
    client = app.test_client()
    for step in group["steps"]:
        yield {"group": group["group"], "name": step["name"], **run_step(app, client, step)}


def run_step(app, client, step):
    headers = step.get("headers", [])
    # The client's jar overwrites a Cookie header, so such a step goes without the jar.
    if any(name.lower() == "cookie" for name, _ in headers):
        client = app.test_client(use_cookies=False)
    response = client.open(step["path"], method=step["method"], headers=headers, data=body_of(step))
    found = [[name, value] for name, value in response.headers.items()]
    entry = {"status": response.status_code}
    for header in found:
        if header[0] == "Set-Cookie" and (cookie := SESSION.match(header[1])):
            entry["session"] = payload(cookie[1])
        header[1] = without_clock(*header)
    data = response.get_data()
    encoding = response.content_encoding
    if encoding in DECODED and data:
        data = _uncompress_data(data, encoding)
    if encoding in DECODED:
        # Each library compresses to a length of its own.
        found = [[name, "LENGTH" if name == "Content-Length" else value] for name, value in found]
    entry["headers"] = found
    entry |= text_of(data)
    if is_default_page(step["method"], response):
        entry["default_page"] = True
    return entry


def body_of(step):
    if "body_base64" in step:
        return base64.b64decode(step["body_base64"])
    return step["body"].encode() if "body" in step else None


def payload(cookie):
    compressed = cookie.startswith(".")
    data = base64_decode(cookie.lstrip(".").split(".")[0])
    return json.loads(zlib.decompress(data) if compressed else data)


def without_clock(name, value):
    if name == "Set-Cookie" and SESSION.match(value):
        return EXPIRES.sub("Expires=DATE", SESSION.sub("session=SESSION;", value))
    if name == "Set-Cookie" and SERVER_SIDE.match(value):
        return EXPIRES.sub("Expires=DATE", SERVER_SIDE.sub("sid=ID;", value))
    if name in CLOCK_HEADERS:
        return "DATE"
    # Made of the file's path and time.
    if name == "ETag" and "fixed" not in value:
        return '"ETAG"'
    # Flask keeps these in a set: their order changes from run to run.
    if name == "Allow":
        return ", ".join(sorted(value.split(", ")))
    return value


def text_of(data):
    try:
        return {"body": data.decode()}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(data).decode(), "base64": True}


def is_default_page(method, response):
    """Whether this is Werkzeug's page of an error or a redirect, with Werkzeug's sentence (which the twin words differently)."""
    if response.status_code in default_exceptions:
        page = default_exceptions[response.status_code]().get_body().encode()
    elif response.location:
        page = redirect(response.location, response.status_code).get_data()
    else:
        return False
    # A HEAD answer has only the page's length to tell by.
    return response.content_length == len(page) if method == "HEAD" else response.get_data() == page


if __name__ == "__main__":
    main(*sys.argv[1:])

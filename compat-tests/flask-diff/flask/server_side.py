"""A second app, whose sessions Flask-Session keeps on the server."""
from flask import Flask, flash, get_flashed_messages, abort, request, session
from flask_session import Session
from redis import Redis


class Store(Redis):
    """A Redis in this process, as far as Flask-Session asks it."""

    def __init__(self):
        super().__init__()
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value, ex=None):
        self.values[name] = value

    def delete(self, name):
        self.values.pop(name, None)


def create_app():
    app, store = Flask("server-side"), Store()
    app.config.update(SECRET_KEY="differential", SESSION_TYPE="redis", SESSION_REDIS=store, SESSION_COOKIE_NAME="sid")
    Session(app)

    @app.get("/untouched")
    def untouched():
        return "untouched"

    @app.get("/read")
    def read():
        return session.get("name", "nobody")

    @app.post("/write")
    def write():
        session["name"] = request.form["name"]
        return "written"

    @app.post("/write-async")
    async def write_async():
        session["name"] = request.form["name"]
        return "written"

    @app.post("/values")
    async def values():
        session["numbers"] = [0, 127, 128, 65536, -1, -129, 2**63, 1.5, None, True]
        session["object"] = {"b": "x" * 32, "c": [[], {}]}
        session["z"] = b"\x00\xff"
        return "written"

    @app.post("/pop")
    def pop():
        return session.pop("name", "nothing")

    @app.post("/clear")
    def clear():
        session.clear()
        return "cleared"

    @app.post("/clear-and-write")
    async def clear_and_write():
        session.clear()
        session["name"] = "after"
        return "written"

    @app.post("/permanent/<int:permanent>")
    def set_permanent(permanent):
        session.permanent = bool(permanent)
        return "set"

    @app.post("/regenerate")
    async def regenerate():
        app.session_interface.regenerate(session)
        return session.get("name", "nobody")

    @app.post("/abort")
    def write_then_abort():
        session["name"] = "before the abort"
        abort(403)

    @app.post("/crash")
    async def write_then_crash():
        session["name"] = "before the crash"
        raise RuntimeError("boom")

    @app.post("/flash")
    def flash_message():
        flash("saved")
        return "flashed"

    @app.get("/flashes")
    def flashes():
        return " ".join(get_flashed_messages())

    @app.get("/stored")
    def stored():
        session.get("name")
        value = store.get(f"session:{session.sid}")
        return value.hex() if value else "nothing"

    return app

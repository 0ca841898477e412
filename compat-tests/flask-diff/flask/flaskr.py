"""Flaskr in Flask: what sample-extensions/examples/flaskr does, with its templates, its style and its tables."""
import functools
import sqlite3
from pathlib import Path

from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

HERE = Path(__file__).parent
SAMPLE = HERE.parents[2] / "sample-extensions/examples/flaskr"
auth = Blueprint("auth", __name__, url_prefix="/auth")
blog = Blueprint("blog", __name__)


def create_app(database):
    app = Flask("flaskr", template_folder=SAMPLE / "templates", static_folder=SAMPLE / "static")
    app.config.update(SECRET_KEY="dev", DATABASE=str(database))
    app.add_url_rule("/hello", "hello", lambda: "Hello, World!")
    app.teardown_appcontext(close_db)
    app.register_blueprint(auth)
    app.register_blueprint(blog)
    app.add_url_rule("/", endpoint="index")
    return app


def fill(database):
    """Makes the tables anew, with the users and the post of the comparison."""
    with sqlite3.connect(database) as db:
        db.executescript((SAMPLE / "src/schema.sql").read_text())
        db.executescript((HERE / "flaskr.sql").read_text())


def sql(statement, *values):
    """Runs a statement; returns its rows."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"], isolation_level=None)
        g.db.row_factory = sqlite3.Row
    return g.db.execute(statement, values).fetchall()


def first(statement, *values):
    return next(iter(sql(statement, *values)), None)


def close_db(_error):
    if "db" in g:
        g.pop("db").close()


def login_required(view):
    @functools.wraps(view)
    def wrapper(**values):
        return view(**values) if g.user else redirect(url_for("auth.login"))

    return wrapper


@auth.before_app_request
def load_user():
    user_id = session.get("user_id")
    g.user = None if user_id is None else first("SELECT * FROM user WHERE id = ?", user_id)


@auth.route("/register", methods=["GET", "POST"])
def register():
    if request.method == "POST":
        why = refusal(request.form["username"], request.form["password"])
        if why is None:
            return redirect(url_for("auth.login"))
        flash(why)
    return render_template("auth/register.html")


def refusal(username, password):
    """Adds a user, or returns why that cannot be."""
    if not username:
        return "Username is required."
    if not password:
        return "Password is required."
    try:
        sql("INSERT INTO user (username, password) VALUES (?, ?)", username, generate_password_hash(password))
    except sqlite3.IntegrityError:
        return f"User {username} is already registered."
    return None


@auth.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        username, password = request.form["username"], request.form["password"]
        user = first("SELECT * FROM user WHERE username = ?", username)
        if user and check_password_hash(user["password"], password):
            session.clear()
            session["user_id"] = user["id"]
            return redirect(url_for("index"))
        flash("Incorrect password." if user else "Incorrect username.")
    return render_template("auth/login.html")


@auth.route("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


POSTS = "SELECT p.id, title, body, created, author_id, username FROM post p JOIN user u ON p.author_id = u.id"


@blog.route("/")
def index():
    return render_template("blog/index.html", posts=sql(POSTS + " ORDER BY created DESC"))


@blog.route("/create", methods=["GET", "POST"])
@login_required
def create():
    if request.method == "POST":
        title, body = request.form["title"], request.form["body"]
        if title:
            sql("INSERT INTO post (title, body, author_id) VALUES (?, ?, ?)", title, body, g.user["id"])
            return redirect(url_for("blog.index"))
        flash("Title is required.")
    return render_template("blog/create.html")


@blog.route("/<int:id>/update", methods=["GET", "POST"])
@login_required
def update(id):
    post = own_post(id)
    if request.method == "POST":
        title, body = request.form["title"], request.form["body"]
        if title:
            sql("UPDATE post SET title = ?, body = ? WHERE id = ?", title, body, id)
            return redirect(url_for("blog.index"))
        flash("Title is required.")
    return render_template("blog/update.html", post=post)


@blog.route("/<int:id>/delete", methods=["POST"])
@login_required
def delete(id):
    own_post(id)
    sql("DELETE FROM post WHERE id = ?", id)
    return redirect(url_for("blog.index"))


def own_post(id):
    post = first(POSTS + " WHERE p.id = ?", id)
    if post is None:
        abort(404, f"Post id {id} doesn't exist.")
    if post["author_id"] != g.user["id"]:
        abort(403)
    return post

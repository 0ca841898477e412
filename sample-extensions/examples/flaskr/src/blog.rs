//! The posts: listed, created, changed and deleted by their authors.

use costrel::{
    Blueprint, Error, IntoResponse, Method, Response, abort, abort_with, context, flash, redirect, render_template,
    request, url_for,
};
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

use crate::auth::{User, current_user, login_required};
use crate::db::get_db;

pub(crate) fn blueprint() -> Blueprint {
    let mut blog = Blueprint::new("blog");
    blog.route("/", index);
    blog.rule("/create").methods(["GET", "POST"]).decorate(login_required).view(create);
    blog.rule("/<int:id>/update").methods(["GET", "POST"]).decorate(login_required).view(update);
    blog.rule("/<int:id>/delete").methods(["POST"]).decorate(login_required).view(delete);
    blog
}

/// A post with its author's name.
#[derive(Serialize)]
struct Post {
    id: i64,
    title: String,
    body: String,
    created: String,
    author_id: i64,
    username: String,
}

const POSTS: &str =
    "SELECT p.id, title, body, created, author_id, username FROM post p JOIN user u ON p.author_id = u.id";

impl Post {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            title: row.get("title")?,
            body: row.get("body")?,
            created: row.get("created")?,
            author_id: row.get("author_id")?,
            username: row.get("username")?,
        })
    }
}

fn index() -> Result<String, Error> {
    let posts: Vec<Post> = get_db()?.with(|db| {
        let mut posts = db.prepare(&format!("{POSTS} ORDER BY created DESC"))?;
        posts.query_map([], Post::from_row)?.collect()
    })?;
    render_template("blog/index.html", context! { posts }).wait()
}

fn create() -> Result<Response, Error> {
    if request().method() == Method::POST {
        let (title, body) = title_and_body()?;
        if title.is_empty() {
            flash("Title is required.", "message").wait()?;
        } else {
            let author = author()?;
            get_db()?.with(|db| {
                let insert = "INSERT INTO post (title, body, author_id) VALUES (?, ?, ?)";
                db.execute(insert, (&title, &body, author.id))
            })?;
            return redirect(&url_for("blog.index").build()?);
        }
    }
    render_template("blog/create.html", context! {}).wait()?.into_response()
}

fn update(id: i64) -> Result<Response, Error> {
    let post = get_post(id)?;
    if request().method() == Method::POST {
        let (title, body) = title_and_body()?;
        if title.is_empty() {
            flash("Title is required.", "message").wait()?;
        } else {
            get_db()?.with(|db| db.execute("UPDATE post SET title = ?, body = ? WHERE id = ?", (&title, &body, id)))?;
            return redirect(&url_for("blog.index").build()?);
        }
    }
    render_template("blog/update.html", context! { post }).wait()?.into_response()
}

fn delete(id: i64) -> Result<Response, Error> {
    get_post(id)?;
    get_db()?.with(|db| db.execute("DELETE FROM post WHERE id = ?", [id]))?;
    redirect(&url_for("blog.index").build()?)
}

/// The post with this id, if it is the user's own.
fn get_post(id: i64) -> Result<Post, Error> {
    let post =
        get_db()?.with(|db| db.query_row(&format!("{POSTS} WHERE p.id = ?"), [id], Post::from_row).optional())?;
    match post {
        None => abort_with(404, format!("Post id {id} doesn't exist.")),
        Some(post) if post.author_id != author()?.id => abort(403),
        Some(post) => Ok(post),
    }
}

fn author() -> Result<User, Error> {
    current_user().ok_or_else(|| Error::status(401))
}

fn title_and_body() -> Result<(String, String), Error> {
    let form = request().form().wait()?;
    Ok((form.required("title")?, form.required("body")?))
}

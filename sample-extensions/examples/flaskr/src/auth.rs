//! Users: register, log in and out, and the decorator for pages that need a user.

use costrel::minijinja::Value;
use costrel::minijinja::value::Serde;
use costrel::{
    Blueprint, Error, IntoResponse, Method, Response, View, context, flash, g, redirect, render_template, request,
    session, url_for,
};
use costrel_ext_kit::Decorator;
use costrel_ext_kit::passwords::{check_password_hash, generate_password_hash};
use rusqlite::{Error as SqlError, ErrorCode, OptionalExtension, Row};
use serde::Serialize;

use crate::db::get_db;

pub(crate) fn blueprint() -> Blueprint {
    let mut auth = Blueprint::new("auth").url_prefix("/auth");
    auth.before_app_request(load_logged_in_user);
    auth.rule("/register").methods(["GET", "POST"]).view(register);
    auth.rule("/login").methods(["GET", "POST"]).view(login);
    auth.route("/logout", logout);
    auth
}

/// A user; templates see all but the password.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    username: String,
    #[serde(skip)]
    password: String,
}

impl User {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get("id")?, username: row.get("username")?, password: row.get("password")? })
    }
}

/// The user of this request, if one is logged in.
pub(crate) fn current_user() -> Option<User> {
    g().get("current_user")
}

/// Lets only logged-in users see a view; others are sent to the login page.
pub(crate) fn login_required(view: View) -> View {
    Decorator::new(view).wrap(|next, request| {
        if current_user().is_none() {
            return redirect(&url_for("auth.login").build()?);
        }
        next.call(request).wait()
    })
}

fn load_logged_in_user() -> Result<(), Error> {
    let user = match session().get::<i64>("user_id") {
        Some(id) => {
            get_db()?.with(|db| db.query_row("SELECT * FROM user WHERE id = ?", [id], User::from_row).optional())?
        }
        None => None,
    };
    // Templates read `g.user`, as in the tutorial.
    g().set("user", Value::from(Serde(&user)));
    if let Some(user) = user {
        g().set("current_user", user);
    }
    Ok(())
}

fn register() -> Result<Response, Error> {
    if request().method() == Method::POST {
        let (username, password) = username_and_password()?;
        let refused = match (username.as_str(), password.as_str()) {
            ("", _) => Some("Username is required.".to_owned()),
            (_, "") => Some("Password is required.".to_owned()),
            _ => add_user(&username, &password)?,
        };
        match refused {
            None => return redirect(&url_for("auth.login").build()?),
            Some(why) => flash(&why, "message").wait()?,
        }
    }
    render_template("auth/register.html", context! {}).wait()?.into_response()
}

/// Adds a user, or returns why that cannot be.
fn add_user(username: &str, password: &str) -> Result<Option<String>, Error> {
    let hash = generate_password_hash(password).wait()?;
    get_db()?.with(|db| match db.execute("INSERT INTO user (username, password) VALUES (?, ?)", [username, &hash]) {
        Err(SqlError::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
            Ok(Some(format!("User {username} is already registered.")))
        }
        added => added.map(|_| None),
    })
}

fn login() -> Result<Response, Error> {
    if request().method() == Method::POST {
        let (username, password) = username_and_password()?;
        let user = get_db()?
            .with(|db| db.query_row("SELECT * FROM user WHERE username = ?", [&username], User::from_row).optional())?;
        let why = match user {
            None => "Incorrect username.",
            Some(user) if !check_password_hash(&user.password, &password).wait()? => "Incorrect password.",
            Some(user) => {
                session().clear();
                session().set("user_id", user.id)?;
                return redirect(&url_for("index").build()?);
            }
        };
        flash(why, "message").wait()?;
    }
    render_template("auth/login.html", context! {}).wait()?.into_response()
}

fn username_and_password() -> Result<(String, String), Error> {
    let form = request().form().wait()?;
    Ok((form.required("username")?, form.required("password")?))
}

fn logout() -> Result<Response, Error> {
    session().clear();
    redirect(&url_for("index").build()?)
}

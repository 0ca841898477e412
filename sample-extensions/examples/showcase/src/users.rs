//! Sign-in, and the pages for signed-in users.

use costrel::{Error, IntoResponse, Method, Response, escape, get_flashed_messages, redirect, request};
use costrel_login::{User, current_user, is_safe_next, login_user, logout_user};

use crate::pages::page;

/// A user who gave a name; a real app would ask for a password and look the user up in its database.
pub(crate) struct Person {
    name: String,
}

impl Person {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}

impl User for Person {
    fn get_id(&self) -> String {
        self.name.clone()
    }
}

pub(crate) async fn load_user(name: String) -> Option<Person> {
    Some(Person { name })
}

pub(crate) async fn login() -> Result<Response, Error> {
    let next = request().args().get("next").filter(|next| is_safe_next(next)).unwrap_or("/me/async").to_owned();
    if request().method() != Method::POST {
        let messages = get_flashed_messages().into_iter().map(|(_, message)| message).collect::<Vec<_>>();
        return ask_for_name(&escape(&messages.join(" "))).into_response();
    }
    let name = request().form().await?.get("name").unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        return (ask_for_name("Please give a name."), 400).into_response();
    }
    login_user(Person { name }).await?;
    redirect(&next)
}

pub(crate) fn logout() -> Result<Response, Error> {
    logout_user().wait()?;
    redirect("/")
}

pub(crate) fn me_sync() -> Result<String, Error> {
    Ok(greeting("sync", &current_user().wait()?.get_id()))
}

pub(crate) async fn me_async() -> Result<String, Error> {
    Ok(greeting("async", &current_user().await?.get_id()))
}

fn greeting(colour: &str, name: &str) -> String {
    let name = escape(name);
    page(
        "Your page",
        &format!("<p>Signed in as <b>{name}</b>, says the {colour} view behind <code>login_required</code>.</p>"),
    )
}

fn ask_for_name(complaint: &str) -> String {
    let form = "<form method=\"post\"><label>Your name: <input name=\"name\" autofocus></label> <button>Sign in</button></form>";
    page("Sign in", &format!("<p>{complaint}</p>{form}"))
}

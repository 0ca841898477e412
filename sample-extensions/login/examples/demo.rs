//! Sign-in with a password, remember-me and a page that asks for the password once more:
//! `cargo run -p costrel-login --example login-demo`, then open <http://127.0.0.1:5000/> in a browser and sign in as `ada` with the
//! password `lovelace`.

use std::process::ExitCode;

use costrel::{App, Error, IntoResponse, Method, Response, cli, context, flash, redirect, render_template, request};
use costrel_login::{
    Login, User, check_password_hash, confirm_login, current_user, fresh_login_required, is_safe_next, login_required,
    login_user, logout_user,
};
use serde::Serialize;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("login demo");
    app.config.secret_key = Some("only for the demo".into());
    app.template_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/templates"));
    let login_pages = Login::new().login_view("login").refresh_view("confirm");
    app.init(login_pages.user_loader(load_user).in_templates::<Person>())?;
    app.rule("/").endpoint("index").view(|| render_template("index.html", context! {}).wait());
    app.rule("/login").methods(["GET", "POST"]).view(login);
    app.rule("/confirm").methods(["GET", "POST"]).decorate(login_required).view(confirm);
    app.post("/logout", logout);
    app.rule("/me/sync").decorate(login_required).view(|| me("sync").wait());
    app.rule("/me/async").decorate(login_required).view(async || me("async").await);
    app.rule("/secret").decorate(fresh_login_required).view(async || render_template("secret.html", context! {}).await);
    Ok(app)
}

#[derive(Serialize)]
struct Person {
    username: &'static str,
    name: &'static str,
    #[serde(skip)]
    password_hash: &'static str,
}

impl User for Person {
    fn get_id(&self) -> String {
        self.username.into()
    }
}

/// The only user, whose password Werkzeug has hashed.
const ADA: Person = Person {
    username: "ada",
    name: "Ada Lovelace",
    password_hash: "scrypt:32768:8:1$Ju5aTm8iYx2NC69U$a75adc374489d2e02f55c63ffe75e0e6614440897e16da3aaee0116d335a713183945292ad43e906051a626df41138c69830924121121e484e423632d914e9df",
};

async fn load_user(username: String) -> Option<Person> {
    (username == ADA.username).then_some(ADA)
}

fn me(colour: &str) -> costrel::Waiting<String> {
    render_template("me.html", context! { colour })
}

async fn login() -> Result<Response, Error> {
    if request().method() == Method::POST {
        let form = request().form().await?;
        let user = load_user(form.get("username").unwrap_or_default().into()).await;
        let password = form.get("password").unwrap_or_default();
        // Checked for a user who does not exist too, so that the time does not tell who does.
        let is_right = check_password_hash(ADA.password_hash, password).await?;
        if let Some(user) = user.filter(|_| is_right) {
            login_user(user).remember(form.get("remember").is_some()).await?;
            return go_on();
        }
        flash("This is not the name and password of a user.", "error").await?;
    }
    render_template("login.html", context! { asks_for => "name" }).await?.into_response()
}

async fn confirm() -> Result<Response, Error> {
    if request().method() == Method::POST {
        let form = request().form().await?;
        let hash = current_user().await?.get::<Person>().map_or("", |user| user.password_hash);
        if check_password_hash(hash, form.get("password").unwrap_or_default()).await? {
            confirm_login().await?;
            return go_on();
        }
        flash("This is not your password.", "error").await?;
    }
    render_template("login.html", context! { asks_for => "password" }).await?.into_response()
}

fn logout() -> Result<Response, Error> {
    logout_user().wait()?;
    redirect("/")
}

/// Leads back to the page that asked for the login.
fn go_on() -> Result<Response, Error> {
    redirect(request().args().get("next").filter(|next| is_safe_next(next)).unwrap_or("/"))
}

//! `login_required` on a sync and an async view: `cargo run -p costrel-login --example demo`, then open
//! <http://127.0.0.1:5000/me/sync> in a browser.

use std::process::ExitCode;

use costrel::{App, Error, IntoResponse, Method, Response, cli, redirect, request};
use costrel_login::{Login, User, current_user, is_safe_next, login_required, login_user, logout_user};

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("login demo");
    app.config.secret_key = Some("only for the demo".into());
    app.init(Login::new().user_loader(load_user).login_view("/login"))?;
    app.route("/", || r#"<a href="/me/sync">sync</a>, <a href="/me/async">async</a>, <a href="/logout">sign out</a>"#);
    app.rule("/login").methods(["GET", "POST"]).view(login);
    app.route("/logout", || logout_user().and_then(|()| redirect("/")));
    app.rule("/me/sync").decorate(login_required).view(|| current_user().wait().map(|user| user.get_id()));
    app.rule("/me/async").decorate(login_required).view(async || current_user().await.map(|user| user.get_id()));
    Ok(app)
}

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "ada".into()
    }
}

async fn load_user(id: String) -> Option<Ada> {
    (id == "ada").then_some(Ada)
}

async fn login() -> Result<Response, Error> {
    if request().method() != Method::POST {
        return r#"<form method="post"><button>sign in as Ada</button></form>"#.into_response();
    }
    login_user(Ada)?;
    redirect(request().args().get("next").filter(|next| is_safe_next(next)).unwrap_or("/me/async"))
}

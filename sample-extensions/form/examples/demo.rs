//! A form on a sync and on an async view: `cargo run -p costrel-form --example form-demo`, then <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, IntoResponse, Response, cli, context, escape, redirect, render_template};
use costrel_csrf::Csrf;
use costrel_form::{Form, Password};
use serde::Deserialize;
use validator::Validate;

fn main() -> ExitCode {
    cli::main(create_app)
}

#[derive(Deserialize, Validate)]
struct SignUp {
    #[validate(length(min = 2, max = 20))]
    name: String,
    #[validate(length(min = 8))]
    password: Password,
    #[validate(range(min = 18, message = "You have to be of age."))]
    age: Option<u8>,
    size: Size,
    news: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Size {
    Small,
    Large,
}

const PAGE: &str = r#"<!doctype html><title>Sign up</title><meta name=viewport content="width=device-width">
<h1>Sign up</h1>
<form method=post novalidate>{{ form.hidden_tag() }}
{% for name in ["name", "password", "age"] %}
<p><label>{{ name }}<br><input name="{{ name }}" type="{{ 'password' if name == 'password' else 'text' }}" value="{{ form[name].value }}"></label>
{{ form[name].errors | join(" ") }}</p>
{% endfor %}
<p><label>size<br><select name=size><option></option>
{% for size in ["Small", "Large"] %}<option{{ " selected" if form.size.value == size }}>{{ size }}</option>{% endfor %}
</select></label> {{ form.size.errors | join(" ") }}</p>
<p><label><input type=checkbox name=news{{ " checked" if form.news.checked }}> news</label></p>
<button>Sign up</button></form>
<p><a href=/>by sync code</a>, <a href=/async>by async code</a></p>"#;

fn sign_up() -> Result<Response, Error> {
    let form = Form::<SignUp>::of_request().wait()?;
    match form.validate_on_submit() {
        Some(user) => welcome(user),
        None => render_template("sign_up.html", context! { form }).wait().into_response(),
    }
}

async fn sign_up_async() -> Result<Response, Error> {
    let form = Form::<SignUp>::of_request().await?;
    match form.validate_on_submit() {
        Some(user) => welcome(user),
        None => render_template("sign_up.html", context! { form }).await.into_response(),
    }
}

fn welcome(user: &SignUp) -> Result<Response, Error> {
    let news = if user.news { "with" } else { "without" };
    redirect(&format!("/welcome/{}/{:?}/{news}/{}", user.name, user.size, user.password.len()))
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("form demo");
    app.config.secret_key = Some("a demo has no secrets".into());
    app.init(&Csrf::new())?;
    app.templates(|templates| templates.add_template("sign_up.html", PAGE).unwrap_or_default());
    app.rule("/").methods(["GET", "POST"]).view(sign_up);
    app.rule("/async").methods(["GET", "POST"]).view(sign_up_async);
    app.route("/welcome/<name>/<size>/<news>/<int:length>", |name: String, size: String, news: String, length: i64| {
        format!("Welcome, {}: size {}, {news} news, a password of {length} characters.", escape(&name), escape(&size))
    });
    Ok(app)
}

//! A form with a token and one without: `cargo run -p costrel-csrf --example csrf-demo`, then <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, cli, context, render_template};
use costrel_csrf::Csrf;

fn main() -> ExitCode {
    cli::main(create_app)
}

const PAGE: &str = r#"<!doctype html><title>Orders</title><meta name=viewport content="width=device-width">
<h1>Orders</h1>
{% for path in ["/sync", "/async"] %}
<form method=post action="{{ path }}"><input type=hidden name=csrf_token value="{{ csrf_token() }}"><button>{{ path }}, with a token</button></form>
<form method=post action="{{ path }}"><button>{{ path }}, as another site's page would</button></form>
{% endfor %}"#;

fn create_app() -> Result<App, Error> {
    let mut app = App::new("csrf demo");
    app.config.secret_key = Some("a demo has no secrets".into());
    app.init(&Csrf::new())?;
    app.templates(|templates| templates.add_template("orders.html", PAGE).unwrap_or_default());
    app.route("/", async || render_template("orders.html", context! {}).await);
    app.post("/sync", || "ordered, by sync code");
    app.post("/async", async || "ordered, by async code");
    Ok(app)
}

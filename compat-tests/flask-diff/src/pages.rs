//! Views that render templates.

use costrel::minijinja::{Value, context};
use costrel::{App, Blueprint, Error, flash, g, render_template, render_template_string, request, session};

async fn hello(name: String) -> Result<String, Error> {
    let items: Vec<String> = request().args().get_list("item").map(str::to_owned).collect();
    render_template("hello.html", context! { name, items }).await
}

fn child() -> Result<String, Error> {
    render_template("child.html", context! { title => "A <title> & more", link_to => 3 }).wait()
}

async fn flashes() -> Result<String, Error> {
    flash("saved", "message").await?;
    flash("<b>", "error").await?;
    render_template("flashes.html", context! {}).await
}

fn context_page() -> Result<String, Error> {
    g().set("who", "g");
    session().set("colour", "teal")?;
    render_template("context.html", context! {}).wait()
}

async fn text() -> Result<(String, u16, [(&'static str, &'static str); 1]), Error> {
    let page = render_template("plain.txt", context! { value => "<b> & co" }).await?;
    Ok((page, 200, [("Content-Type", "text/plain")]))
}

fn string() -> Result<String, Error> {
    render_template_string("{{ value }} {{ site }}", context! { value => "<i>" }).wait()
}

/// A mapping that keeps its order.
fn person(name: &str, age: u32, city: &str, active: bool) -> Value {
    Value::from_pairs([
        ("name", Value::from(name)),
        ("age", age.into()),
        ("city", city.into()),
        ("active", active.into()),
    ])
}

/// Renders the template in the query.
fn jinja() -> Result<String, Error> {
    let values = costrel::context! {
        x => 1,
        user => Value::from_pairs([("name", Value::from("Ada")), ("active", true.into())]),
        scores => Value::from_pairs([("zoe", 3), ("adam", 10), ("Bob", 7)]),
        users => [person("Ada", 36, "London", true), person("Bob", 25, "Paris", false), person("Cy", 40, "London", true)],
    };
    render_template_string(&request().args().required::<String>("template")?, values).wait()
}

async fn missing() -> Result<String, Error> {
    render_template("missing.html", context! {}).await
}

pub(crate) fn init_app(app: &mut App) {
    let mut pages = Blueprint::new("pages").url_prefix("/page");
    pages.context_processor(|| context! { section => "pages" });
    pages.route("/hello/<name>", hello);
    pages.route("/child", child);
    pages.route("/flashes", flashes);
    pages.rule("/context").endpoint("context").view(context_page);
    pages.route("/text", text);
    pages.route("/string", string);
    pages.route("/jinja", jinja);
    pages.route("/missing", missing);
    app.register_blueprint(pages);
    app.templates(|templates| templates.add_filter("shout", |text: String| text.to_uppercase() + "!"));
    app.context_processor(async || context! { site => "differential" });
}

//! Views that render templates which minijinja and Jinja2 render alike (so no quotes or slashes are escaped).

use costrel::minijinja::context;
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
    pages.route("/missing", missing);
    app.register_blueprint(pages);
    app.templates(|templates| templates.add_filter("shout", |text: String| text.to_uppercase() + "!"));
    app.context_processor(async || context! { site => "differential" });
}

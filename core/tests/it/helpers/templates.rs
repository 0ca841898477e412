//! Templates, in views of both colours.

use std::fs;
use std::sync::{Arc, Mutex};

use costrel::{
    App, Blueprint, Error, context, flash, g,
    minijinja::Value,
    render_template, render_template_string, session,
    signals::{BEFORE_RENDER_TEMPLATE, TEMPLATE_RENDERED},
    url_for,
};
use rstest::rstest;

/// Builds an app with the given templates and a view of the given colour at `/` that renders `page.html`.
fn app(templates: &[(&'static str, &'static str)], sync: bool) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.templates(|known| {
        for (name, source) in templates {
            known.add_template(name, source).unwrap();
        }
    });
    let values = || context! { name => "<Ada>", items => [1, 2] };
    if sync {
        app.rule("/").endpoint("index").view(move || render_template("page.html", values()).wait());
    } else {
        app.rule("/").endpoint("index").view(move || render_template("page.html", values()));
    }
    app
}

fn index(app: App) -> String {
    app.test_client().get("/?q=1").wait().unwrap().text()
}

#[rstest]
fn templates_inherit_escape_and_loop(#[values(true, false)] sync: bool) {
    let base = "[{% block body %}{% endblock %}]";
    let page = "{% extends \"base.html\" %}{% block body %}{{ name }}{% for item in items %} {{ item }}{% endfor %}{% endblock %}";
    assert_eq!(index(app(&[("base.html", base), ("page.html", page)], sync)), "[&lt;Ada&gt; 1 2]");
}

#[rstest]
fn templates_see_the_request_and_its_surroundings(#[values(true, false)] sync: bool) {
    let page = "{{ request.method }} {{ request.args.q }} {{ request.endpoint }} {{ g.user }} {{ session.n }} {{ config.SHOP }} \
                {{ url_for('index', page=2, _anchor='top')|safe }} {{ g.nothing }}|";
    let mut app = app(&[("page.html", page)], sync);
    app.config.set("SHOP", "shop").unwrap();
    app.before_request(|| {
        g().set("user", "ada".to_owned());
        session().set("n", 3)
    });
    assert_eq!(index(app), "GET 1 index ada 3 shop /?page=2#top |");
}

/// Context processors may be of either colour and belong to the app or a blueprint. The view's own values take
/// precedence, then those of the innermost processor.
#[rstest]
fn context_processors_add_values(#[values(true, false)] sync: bool, #[values(true, false)] sync_processor: bool) {
    let mut app = app(&[("page.html", "{{ name|safe }} {{ site }} {{ section }}")], sync);
    let mut shop = Blueprint::new("shop").url_prefix("/shop");
    shop.rule("/").endpoint("index").view(|| render_template("page.html", context! { name => "inner" }).wait());
    if sync_processor {
        app.context_processor(|| context! { site => "app", section => "none", name => "hidden" });
        shop.context_processor(|| context! { section => "shop" });
    } else {
        app.context_processor(async || {
            tokio::task::yield_now().await;
            context! { site => "app", section => "none", name => "hidden" }
        });
        shop.context_processor(async || Ok::<_, Error>(context! { section => "shop" }));
    }
    app.register_blueprint(shop);
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "<Ada> app none");
    assert_eq!(client.get("/shop/").wait().unwrap().text(), "inner app shop");
}

#[rstest]
fn flashed_messages_are_shown(#[values(true, false)] sync: bool) {
    let page = "{% for category, message in get_flashed_messages(with_categories=true) %}{{ category }}: {{ message }}. {% endfor %}\
                {{ get_flashed_messages(category_filter=['error'])|length }}";
    let mut app = app(&[("page.html", page)], sync);
    app.before_request(async || {
        flash("saved", "message").await?;
        flash("<b>", "error").await
    });
    assert_eq!(index(app), "message: saved. error: &lt;b&gt;. 1");
}

#[rstest]
fn rendering_is_signalled(#[values(true, false)] sync: bool) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut app = app(&[("page.html", "{{ name }}")], sync);
    for (signal, what) in [(&BEFORE_RENDER_TEMPLATE, "before"), (&TEMPLATE_RENDERED, "after")] {
        let seen = Arc::clone(&seen);
        app.connect(signal, move |name: String| seen.lock().unwrap().push(format!("{what} {name}")));
    }
    index(app);
    assert_eq!(*seen.lock().unwrap(), ["before page.html", "after page.html"]);
}

#[test]
fn what_goes_wrong_is_a_500_with_the_reason() {
    let mut app = app(&[], true);
    app.route("/broken", || render_template_string("{{ 1 +", context! {}).wait());
    app.route("/url", || render_template_string("{{ url_for('nowhere') }}", context! {}).wait());
    app.route("/html", async || render_template_string("{{ n }}", context! { n => "<" }).await);
    let client = app.test_client();
    let reason = |path: &str| format!("{:?}", client.get(path).wait().unwrap().error().unwrap());
    assert!(reason("/").contains("page.html"), "{}", reason("/"));
    assert!(reason("/broken").contains("syntax error"), "{}", reason("/broken"));
    assert!(reason("/url").contains("Could not build a URL for the endpoint `nowhere`"), "{}", reason("/url"));
    assert_eq!(client.get("/html").wait().unwrap().text(), "&lt;");
}

/// Templates of a folder are all read at start-up, where a broken one is an error. Debug mode reads them again when
/// they change, and accepts a broken one at start-up.
#[rstest]
fn templates_come_from_a_folder(#[values(true, false)] debug: bool) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("mail").join("page.txt");
    fs::create_dir(page.parent().unwrap()).unwrap();
    fs::write(&page, "one {{ value }}").unwrap();
    fs::write(folder.path().join("picture.png"), [0, 255, 254]).unwrap();
    let build = || {
        let mut app = App::new("test");
        app.config.debug = debug;
        app.template_folder(folder.path());
        app.route("/", || render_template("mail/page.txt", context! { value => "<b>" }).wait());
        app.rule("/u").endpoint("u").view(|| url_for("u").build());
        app.build()
    };
    let client = build().unwrap().test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "one <b>");
    fs::write(&page, "another {{ value }}").unwrap();
    let expected = if debug { "another <b>" } else { "one <b>" };
    assert_eq!(client.get("/").wait().unwrap().text(), expected);
    fs::write(&page, "{% if").unwrap();
    assert_eq!(build().is_ok(), debug);
}

#[test]
fn a_template_that_is_not_there_is_a_message_with_the_remedy() {
    let mut app = app(&[], false);
    app.route("/json", || render_template_string("{{ v|tojson }}", context! { v => [1, 2] }).wait());
    let client = app.test_client();
    let response = client.get("/").wait().unwrap();
    assert!(response.error().unwrap().message().contains("`app.template_folder(..)`"));
    assert_eq!(client.get("/json").wait().unwrap().text(), "[1, 2]");
}

/// Links in a template folder are not followed, because they may form a circle.
#[cfg(unix)]
#[test]
fn a_folder_with_a_circle_of_links_is_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for link in ["a", "b"] {
        std::os::unix::fs::symlink(folder.path(), folder.path().join(link)).unwrap();
    }
    fs::write(folder.path().join("page.html"), "page").unwrap();
    let mut app = App::new("test");
    app.template_folder(folder.path());
    app.route("/", || render_template("page.html", context! {}).wait());
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "page");
}

/// Templates written for Flask find what they use: objects, Python's methods, the first of several values, the truth
/// of the session, settings and numbers on `g`. Only the characters that Jinja2 escapes are escaped.
#[rstest]
fn templates_of_flasks_find_what_they_look_for(#[values(true, false)] sync: bool) {
    #[derive(Clone, serde::Serialize)]
    struct User {
        name: String,
        tags: Vec<&'static str>,
    }
    let page = "{{ user.name.upper() }} {{ user.tags|join('-') }} {{ request.args.get('x') }} {{ request.args.x }} \
                {% if session %}in{% else %}out{% endif %} {{ config.WORKERS }} {{ config.SECRET_KEY }}| {{ g.small }} {{ g.word }} \
                {% for key, value in request.view_args.items() %}{{ key }}={{ value }}{% endfor %} {{ request.headers['x-a'] }} \
                {{ '<a href=\"/x\">' }} {{ session.get('n', 'none') }}";
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.templates(|known| known.add_template("page.html", page).unwrap());
    app.before_request(|| {
        g().set("small", 1_u8);
        g().set("word", "literal");
        session().set("n", 1)
    });
    let user = User { name: "Ada".into(), tags: vec!["a", "b"] };
    if sync {
        app.route("/<id>", move |_: String| render_template("page.html", context! { user => user }).wait());
    } else {
        app.route("/<id>", move |_: String| render_template("page.html", context! { user }));
    }
    let text = app.test_client().get("/7?x=1&x=2").header("x-a", "y").wait().unwrap().text();
    assert_eq!(text, "ADA a-b 1 1 in 64 | 1 literal id=7 y &lt;a href=&#34;/x&#34;&gt; 1");
}

/// Templates of Flask ask the request in many ways; what is not for templates is an error, and not nothing.
#[rstest]
#[case(
    "{{ request.headers['X-A'] }} {{ request.headers.get('x-a') }} {{ request.headers.get('X-B', 'no') }}",
    "y y no"
)]
#[case(
    "{{ 'X-A' in request.headers }} {% for name, value in request.headers.items() if name == 'x-a' %}{{ value }}{% endfor %}",
    "True y"
)]
#[case("{{ request.referrer }} {{ request.user_agent }} {{ request.query_string }}", "/from me x=1&amp;x=2")]
#[case(
    "{{ request.host_url }} {{ request.url_root }} {{ request.script_root }}|",
    "http://localhost/ http://localhost/ |"
)]
#[case("{{ request.values.x }} {{ request.values.getlist('x') }}", "1 [&#39;1&#39;, &#39;2&#39;]")]
#[case("{{ request.unheard_of }}", "")]
#[case("{% if request.json %}json{% endif %}", "error: request.json")]
#[case("{{ request.files['a'] }}", "error: request.files")]
fn templates_ask_the_request(#[case] page: &'static str, #[case] expected: &str, #[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        app.route("/", move || render_template_string(page, context! {}).wait());
    } else {
        app.route("/", move || render_template_string(page, context! {}));
    }
    app.errorhandler(500, |error: Error| format!("error: {error}"));
    let request = app.test_client().get("/?x=1&x=2").header("x-a", "y").header("referer", "/from");
    let text = request.header("user-agent", "me").wait().unwrap().text();
    match expected.strip_prefix("error: ") {
        Some(name) => assert!(text.starts_with("error") && text.contains(name), "{text}"),
        None => assert_eq!(text, expected),
    }
}

/// A value that costs something is made when a template uses its name, wherever the name stands, and once per page.
#[rstest]
fn a_value_is_made_when_a_template_uses_it(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_value: bool,
    #[values(
        ("{{ stock.left }}{{ stock.left }}", "77", 1),
        ("{% if stock %}{{ name|safe }}{% endif %}", "<Ada>", 1),
        ("{% include 'part.html' %}", "7", 1),
        ("{% macro show() %}{{ stock.left }}{% endmacro %}{{ show() }}", "7", 1),
        ("{% if false %}{{ stock.left }}{% endif %}{{ other }}", "", 0),
        ("{{ stock.left }}{{ tax }}", "719", 1)
    )]
    (page, text, made): (&'static str, &str, usize),
) {
    let calls = Arc::new(Mutex::new(0));
    let mut app = app(&[("page.html", page), ("part.html", "{{ stock.left }}")], sync);
    let counted = calls.clone();
    let make = move || {
        *counted.lock().unwrap() += 1;
        context! { left => 7 }
    };
    if sync_value {
        app.template_value("stock", make);
    } else {
        app.template_value("stock", move || {
            let value = make();
            async move { value }
        });
    }
    app.template_value("tax", async || Value::from(19));
    assert_eq!((index(app), *calls.lock().unwrap()), (text.to_owned(), made));
}

#[rstest]
fn a_value_that_cannot_be_made_fails_the_page(#[values(true, false)] sync: bool) {
    let mut app = app(&[("page.html", "{{ stock }}")], sync);
    app.template_value("stock", async || Err::<Value, _>(std::io::Error::other("the database is down")));
    let page = app.test_client().get("/").wait().unwrap();
    assert_eq!(page.error().map(|error| error.message().to_owned()).as_deref(), Some("the database is down"));
}

/// The app's value is for all templates, a blueprint's for its own; a processor's and the view's go before both.
#[test]
fn a_value_made_on_demand_is_the_last_that_is_asked() {
    let mut app = app(&[("page.html", "{{ name|safe }} {{ site }} {{ section }}")], true);
    app.context_processor(|| context! { site => "processor" });
    for name in ["name", "site", "section"] {
        app.template_value(name, || Value::from("app"));
    }
    let mut shop = Blueprint::new("shop").url_prefix("/shop");
    shop.template_value("section", || Value::from("blueprint"));
    shop.route("/", || render_template("page.html", context! { name => "view" }).wait());
    app.register_blueprint(shop);
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "<Ada> processor app");
    assert_eq!(client.get("/shop/").wait().unwrap().text(), "view processor blueprint");
}

/// A template that took a value for undefined would show the page of a visitor who is not signed in.
#[rstest]
fn a_value_on_g_that_templates_cannot_show_is_an_error(
    #[values(true, false)] sync: bool,
    #[values("{{ g.user.name }}", "{% if g.user %}in{% else %}out{% endif %}", "{{ g.user|default('out') }}")]
    page: &'static str,
) {
    #[derive(Clone)]
    struct User;
    let mut app = app(&[("page.html", page)], sync);
    app.before_request(|| g().set("user", User));
    let page = app.test_client().get("/").wait().unwrap();
    assert!(page.error().unwrap().message().contains("`g.user` is of a type that templates cannot show"));
}

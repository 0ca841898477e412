//! Functions of either colour in templates, and what comes with the request.

use std::thread::{self, ThreadId};

use costrel::{
    App, Blueprint, Error, Folder, abort, context, current_app, g, minijinja::Value, render_template,
    render_template_string, request,
};
use rstest::rstest;

/// Registers a view of the given colour at `/` for GET and POST that renders `page`.
fn page(app: &mut App, page: &'static str, sync: bool) {
    let rule = app.rule("/").methods(["GET", "POST"]).endpoint("index");
    if sync {
        rule.view(move || render_template_string(page, context! { n => 2 }).wait());
    } else {
        rule.view(move || render_template_string(page, context! { n => 2 }));
    }
}

/// A function may block or wait, whatever the colour of the view, and sees the request.
#[rstest]
fn templates_call_functions_of_either_colour(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_function: bool,
    #[values("{{ price('ink', n) }}", "{{ 'ink'|price(n) }}", "{% for i in [n] %}{{ price('ink', i) }}{% endfor %}")]
    source: &'static str,
) {
    let mut app = App::new("test");
    let price = |(item, count): (String, u32)| Value::from(format!("{} {item}{}", 3 * count, request().path()));
    let waiting = move |arguments: (String, u32)| async move {
        tokio::task::yield_now().await;
        price(arguments)
    };
    if sync_function {
        app.template_function("price", price).template_filter("price", price);
    } else {
        app.template_function("price", waiting).template_filter("price", waiting);
    }
    page(&mut app, source, sync);
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "6 ink/");
}

/// A page that calls a function is rendered where the function may block, and no other page leaves the event loop.
#[test]
fn a_page_that_calls_no_function_stays_on_the_event_loop() {
    fn thread_of_view() -> ThreadId {
        g().get::<ThreadId>("thread").unwrap()
    }
    let mut app = App::new("test");
    app.config.threads = None;
    app.template_function("moved", |(): ()| Value::from(thread::current().id() != thread_of_view()));
    app.templates(|templates| templates.add_function("here", || thread::current().id() == thread_of_view()));
    for (path, source) in [("/calls", "{{ moved() }}"), ("/plain", "{{ here() }}")] {
        app.route(path, move || async move {
            g().set("thread", thread::current().id());
            render_template_string(source, context! {}).await
        });
    }
    let client = app.test_client();
    for path in ["/calls", "/plain"] {
        assert_eq!(client.get(path).wait().unwrap().text(), "True", "{path}");
    }
}

/// The error of a function is the page's, with its status.
#[rstest]
fn an_error_of_a_function_is_the_pages(#[values(true, false)] sync: bool, #[values(true, false)] sync_function: bool) {
    let mut app = App::new("test");
    if sync_function {
        app.template_function("user", |(_id,): (u32,)| abort::<Value>(404));
    } else {
        app.template_function("user", async |(_id,): (u32,)| abort::<Value>(404));
    }
    page(&mut app, "{{ user(7) }}", sync);
    assert_eq!(app.test_client().get("/").wait().unwrap().status(), 404);
}

#[rstest]
fn wrong_arguments_are_an_error_that_names_the_template(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.template_function("double", |(n,): (u32,)| Value::from(2 * n));
    page(&mut app, "\n{{ double('x') }}", sync);
    let page = app.test_client().get("/").wait().unwrap();
    let message = page.error().unwrap().message().to_owned();
    assert!(message.contains("<string>.html:2"), "{message}");
}

/// A template sees the form, whether the view has read it or not; a request without a form has an empty one.
#[rstest]
fn templates_see_the_form(#[values(true, false)] sync: bool, #[values(true, false)] read: bool) {
    let mut app = App::new("test");
    if read {
        app.before_request(async || request().form().await.map(|_| ()));
    }
    page(
        &mut app,
        "{{ request.form.title }} {{ request.form.getlist('tag')|join('+') }} {{ request.form['no'] or 'none' }}",
        sync,
    );
    let client = app.test_client();
    let sent = client.post("/").form(&[("title", "<Dune>"), ("tag", "a"), ("tag", "b")]).wait().unwrap();
    assert_eq!(sent.text(), "&lt;Dune&gt; a+b none");
    assert_eq!(client.get("/").wait().unwrap().text(), "  none");
}

#[rstest]
fn a_form_that_is_too_large_is_a_413(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.max_form_memory_size = Some(4);
    page(&mut app, "{{ request.form.title }}", sync);
    let sent = app.test_client().post("/").form(&[("title", "Dune")]).wait().unwrap();
    assert_eq!(sent.status(), 413);
}

/// Mappings keep their order, wherever they come from.
#[rstest]
fn mappings_keep_their_order(#[values(true, false)] sync: bool) {
    #[derive(serde::Serialize)]
    struct Person {
        surname: &'static str,
        name: &'static str,
    }
    let source = "{% for key in person %}{{ key }} {% endfor %}{% for key in json %}{{ key }} {% endfor %}{{ {'z': 1, 'a': 2} }}";
    let values =
        || context! { person => Person { surname: "L", name: "A" }, json => Value::from_pairs([("b", 1), ("a", 2)]) };
    let mut app = App::new("test");
    if sync {
        app.route("/", move || render_template_string(source, values()).wait());
    } else {
        app.route("/", move || render_template_string(source, values()));
    }
    let text = app.test_client().get("/").wait().unwrap().text();
    assert_eq!(text, "surname name b a {&#39;z&#39;: 1, &#39;a&#39;: 2}");
}

/// Templates and static files that are embedded in the program are as those of a folder.
#[rstest]
fn folders_may_be_embedded_in_the_program(#[values(true, false)] sync: bool, #[values(true, false)] debug: bool) {
    let mut app = App::new("test");
    app.config.debug = debug;
    app.template_folder(Folder::embedded([("base.html", "[{% block b %}{% endblock %}]"), ("a/b.txt", "{{ v }}")]));
    app.static_folder("/static", Folder::embedded([("css/a.css", &b"body {}"[..])]));
    if sync {
        app.route("/", || render_template("a/b.txt", context! { v => "<b>" }).wait());
    } else {
        app.route("/", || render_template("a/b.txt", context! { v => "<b>" }));
    }
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "<b>");
    let file = client.get("/static/css/a.css").wait().unwrap();
    assert_eq!((file.text().as_str(), file.header("content-type")), ("body {}", Some("text/css; charset=utf-8")));
    let etag = file.header("etag").unwrap();
    assert_eq!(client.get("/static/css/a.css").header("if-none-match", etag).wait().unwrap().status(), 304);
    let part = client.get("/static/css/a.css").header("range", "bytes=0-3").wait().unwrap();
    assert_eq!((part.status().as_u16(), part.text().as_str()), (206, "body"));
    for none in ["/static/css", "/static/../a.css", "/static/css/b.css"] {
        assert_eq!(client.get(none).wait().unwrap().status(), 404, "{none}");
    }
}

#[test]
fn an_embedded_template_that_is_broken_is_a_set_up_error() {
    let mut app = App::new("test");
    app.template_folder(Folder::embedded([("page.html", "{% if")]));
    let message = app.build().unwrap_err().message().to_owned();
    assert!(message.contains("page.html"), "{message}");
}

#[test]
fn the_instance_path_is_where_the_app_says() {
    let mut app = App::new("test");
    assert!(app.instance_path().is_absolute() && app.instance_path().ends_with("instance"));
    app.set_instance_path("var/shop");
    let mut part = Blueprint::new("part");
    part.route("/", || Ok::<_, Error>(current_app().instance_path().display().to_string()));
    app.register_blueprint(part);
    assert!(app.test_client().get("/").wait().unwrap().text().ends_with("/var/shop"));
}

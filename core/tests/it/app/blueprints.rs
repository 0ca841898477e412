use std::sync::Arc;

use costrel::{App, Blueprint, Callable, Error, Exception, IntoView, Response, View, abort, of_type, request};
use parking_lot::Mutex;
use rstest::rstest;

#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn add(&self, step: &str) {
        self.0.lock().push(step.into());
    }

    fn take(&self) -> String {
        self.0.lock().drain(..).collect::<Vec<_>>().join(" ")
    }
}

/// A before, an after and a teardown hook that trace `name`.
macro_rules! trace_hooks {
    ($target:expr, $trace:expr, $name:literal) => {{
        let trace: &Trace = $trace;
        let [before, after, teardown] = [(); 3].map(|()| trace.clone());
        $target.before_request(move || before.add(concat!("b-", $name)));
        $target.after_request(move |response: Response| {
            after.add(concat!("a-", $name));
            response
        });
        $target.teardown_request(move || teardown.add(concat!("t-", $name)));
    }};
}

/// Hooks nest, and hooks of another blueprint do not run.
#[rstest]
fn hooks_nest_and_stay_with_their_blueprint(#[values(true, false)] sync: bool) {
    let trace = Trace::default();
    let (mut app, mut parent, mut child) = (App::new("test"), Blueprint::new("parent"), Blueprint::new("child"));
    trace_hooks!(app, &trace, "app");
    trace_hooks!(parent, &trace, "parent");
    trace_hooks!(child, &trace, "child");
    if sync {
        child.route("/c", || "c")
    } else {
        child.route("/c", async || "c")
    };
    if sync {
        parent.route("/p", || "p")
    } else {
        parent.route("/p", async || "p")
    };
    app.route("/a", || "a");
    parent.register_blueprint(child);
    app.register_blueprint(parent);
    let client = app.test_client();
    client.get("/c").wait().unwrap();
    assert_eq!(trace.take(), "b-app b-parent b-child a-child a-parent a-app t-child t-parent t-app");
    client.get("/p").wait().unwrap();
    assert_eq!(trace.take(), "b-app b-parent a-parent a-app t-parent t-app");
    for path in ["/a", "/nowhere"] {
        client.get(path).wait().unwrap();
        assert_eq!(trace.take(), "b-app a-app t-app", "{path}");
    }
}

#[rstest]
#[case("/foo", "/bar", "/foo/bar")]
#[case("/foo/", "//bar", "/foo/bar")]
#[case("/foo//", "/bar", "/foo/bar")]
#[case("/foo", "/", "/foo/")]
#[case("/foo", "", "/foo")]
#[case("", "/bar", "/bar")]
#[case("/", "", "/")]
fn prefix_and_rule_are_joined_by_one_slash(#[case] prefix: &str, #[case] rule: &str, #[case] joined: &str) {
    let mut blueprint = Blueprint::new("bp").url_prefix(prefix);
    blueprint.route(rule, || "x");
    let mut app = App::new("test");
    app.register_blueprint(blueprint);
    assert_eq!(app.build().unwrap().rules()[0].rule, joined);
}

fn index() -> String {
    request().endpoint().unwrap_or_default().to_owned()
}

#[test]
fn endpoints_are_named_after_the_blueprints_they_are_in() {
    let (mut parent, mut child) = (Blueprint::new("parent").url_prefix("/p"), Blueprint::new("child").url_prefix("/c"));
    child.route("/", index);
    parent.register_blueprint(child);
    let mut app = App::new("test");
    app.register_blueprint(parent.clone()).register_blueprint(parent.name("other").url_prefix("/o"));
    let client = app.test_client();
    assert_eq!(client.get("/p/c/").wait().unwrap().text(), "parent.child.index");
    assert_eq!(client.get("/o/c/").wait().unwrap().text(), "other.child.index");
}

/// Hooks that a blueprint registers for the whole app run once, even when the blueprint is registered twice.
#[test]
fn hooks_for_the_app_run_once() {
    let (trace, mut blueprint) = (Trace::default(), Blueprint::new("bp").url_prefix("/bp"));
    let [before, after, teardown] = [(); 3].map(|()| trace.clone());
    blueprint.before_app_request(move || before.add("before"));
    blueprint.after_app_request(move |response: Response| {
        after.add("after");
        response
    });
    blueprint.teardown_app_request(move || teardown.add("teardown"));
    blueprint.app_errorhandler(404, || ("the blueprint's 404", 404));
    let mut app = App::new("test");
    app.register_blueprint(blueprint.clone()).register_blueprint(blueprint.name("twin").url_prefix("/twin"));
    assert_eq!(app.test_client().get("/nowhere").wait().unwrap().text(), "the blueprint's 404");
    assert_eq!(trace.take(), "before after teardown");
}

/// A handler for a code comes before one for a type, and an inner blueprint before an outer one. A URL that matches no
/// rule is left to the app's handlers.
#[test]
fn error_handlers_are_asked_by_code_then_by_class_from_the_inside() {
    let (mut parent, mut child) = (Blueprint::new("parent").url_prefix("/p"), Blueprint::new("child").url_prefix("/c"));
    child.route("/403", || abort::<&str>(403));
    child.route("/404", async || abort::<&str>(404));
    child.route("/parse", async || "x".parse::<i32>().map(|n| n.to_string()));
    parent.route("/parse", || "x".parse::<i32>().map(|n| n.to_string()));
    let mut app = App::new("test");
    app.errorhandler(403, || "app's code");
    app.errorhandler(of_type::<std::num::ParseIntError>(), || "app's type");
    app.errorhandler(404, || "app's 404");
    child.errorhandler(Exception, || "child's all");
    parent.errorhandler(404, || "parent's 404");
    parent.register_blueprint(child);
    app.register_blueprint(parent);
    let client = app.test_client();
    let get = |path: &str| client.get(path).wait().unwrap().text();
    assert_eq!(get("/p/c/403"), "app's code", "a code anywhere beats a class");
    assert_eq!(get("/p/c/404"), "parent's 404");
    assert_eq!(get("/p/c/parse"), "child's all");
    assert_eq!(get("/p/parse"), "app's type");
    assert_eq!(get("/p/c/nowhere"), "app's 404");
}

/// The decorators of a blueprint wrap each of its views, outside the decorators of the views themselves.
#[rstest]
fn decorators_of_a_blueprint_are_on_all_its_views(#[values(true, false)] sync: bool) {
    let tagged = |tag: &'static str| {
        move |view: View| {
            let inner = view.clone();
            let add = move |request| {
                let answer = inner.call(request);
                async move {
                    let mut response = answer.await?;
                    response.headers_mut().append("x-tag", tag.parse()?);
                    Ok::<_, Error>(response)
                }
            };
            view.wrapped(tag, Callable::new_async(add))
        }
    };
    let (mut parent, mut child) = (Blueprint::new("parent"), Blueprint::new("child"));
    parent.decorate(tagged("parent"));
    child.decorate(tagged("child-outer")).decorate(tagged("child-inner"));
    let view = if sync { (|| "x").into_view() } else { (async || "x").into_view() };
    child.rule("/").decorate(tagged("own")).view(view.named("view"));
    parent.register_blueprint(child);
    let mut app = App::new("test");
    app.register_blueprint(parent);
    let response = app.test_client().get("/").wait().unwrap();
    let tags: Vec<_> = response.headers().get_all("x-tag").iter().collect();
    assert_eq!(tags, ["own", "child-inner", "child-outer", "parent"]);
}

#[rstest]
#[case("", "use a name without dots")]
#[case("a.b", "use a name without dots")]
#[case("taken", "give this one another with `.name(\"..\")`")]
fn a_bad_name_is_reported_at_its_line(#[case] name: &str, #[case] remedy: &str) {
    let mut app = App::new("test");
    app.register_blueprint(Blueprint::new("taken"));
    let line = line!() + 1;
    app.register_blueprint(Blueprint::new(name));
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains(&format!("blueprints.rs:{line}:")) && error.contains(remedy), "{error}");
}

#[test]
fn a_bad_name_of_a_blueprint_in_another_is_reported_at_its_line() {
    let (mut app, mut outer) = (App::new("test"), Blueprint::new("outer"));
    let line = line!() + 1;
    outer.register_blueprint(Blueprint::new("a.b"));
    app.register_blueprint(outer);
    assert_eq!(app.build().unwrap_err().location().map(std::panic::Location::line), Some(line));
}

#[test]
fn set_up_errors_in_a_blueprint_are_reported_at_their_lines() {
    let mut blueprint = Blueprint::new("bp");
    let line = line!() + 1;
    blueprint.route("/<int:n>", |_: String| "");
    let mut app = App::new("test");
    app.register_blueprint(blueprint);
    assert_eq!(app.build().unwrap_err().location().map(std::panic::Location::line), Some(line));
}

//! Set-up errors are reported at the line that made them, with the remedy.

use costrel::{
    App, Error, Extension, Instance, IntoView, Request, Response, Session, SessionInterface, Threads, View, Waiting,
    current_app,
};
use rstest::rstest;
use serde_json::{Map, Value};

/// A function that makes a set-up error and returns the line of that error.
type MakeError = fn(&mut App) -> u32;

/// A session interface that keeps nothing.
struct Nowhere;

impl SessionInterface for Nowhere {
    fn open_session(&self, _request: Request) -> Waiting<Map<String, Value>> {
        Waiting::ready(Ok(Map::new()))
    }

    fn save_session(&self, _session: Session, response: Response) -> Waiting<Response> {
        Waiting::ready(Ok(response))
    }
}

#[rstest]
#[case::no_slash(|app: &mut App| { app.route("users", || ""); line!() }, "must start with a slash: write \"/users\"")]
#[case::unknown_converter(|app: &mut App| { app.route("/<uid:n>", |_: String| ""); line!() }, "use string, int, float, uuid, any or path")]
#[case::half_a_variable(|app: &mut App| { app.route("/<n", || ""); line!() }, "write a variable as <name>")]
#[case::side_by_side(|app: &mut App| { app.route("/<a><b>", |_: String, _: String| ""); line!() }, "two variables need text between them")]
#[case::converter_argument(|app: &mut App| { app.route("/<int(most=3):n>", |_: i64| ""); line!() }, "the converter \"int\" takes no \"most=3\"")]
#[case::no_name(|app: &mut App| { app.route("/<int:>", |_: i64| ""); line!() }, "use letters, digits and underscores")]
#[case::twice_the_same(|app: &mut App| { app.route("/<n>/<n>", |_: String, _: String| ""); line!() }, "has two variables `n`")]
#[case::too_few_arguments(|app: &mut App| { app.route("/<n>", || ""); line!() }, "takes nothing, but the rule \"/<n>\" gives text")]
#[case::too_many_arguments(|app: &mut App| { app.route("/", |_: i64| ""); line!() }, "takes an integer, but the rule \"/\" gives nothing")]
#[case::wrong_kind(|app: &mut App| { app.route("/<n>", |_: i64| ""); line!() }, "`String` for <name>, an integer type for <int:name>")]
#[case::no_view(|app: &mut App| { let _ = app.rule("/a"); line!() }, "end it with `.view(f)`")]
#[case::no_method(|app: &mut App| { app.rule("/a").methods([]).view(|| ""); line!() }, "\"/a\" has no method")]
#[case::two_in_one(|app: &mut App| { app.rule("/a").methods(["GET POST"]).view(|| ""); line!() }, "as in `.methods([\"GET\", \"POST\"])`")]
#[case::braces(|app: &mut App| { app.route("/{id}", |_: String| ""); line!() }, "a variable is written <id> here")]
#[case::colon(|app: &mut App| { app.route("/:id", |_: String| ""); line!() }, "a variable is written <id> here")]
#[case::query(|app: &mut App| { app.route("/q?x=1", || ""); line!() }, "`request().args()`")]
#[case::moved_with_an_unknown_variable(|app: &mut App| { app.rule("/a/<n>").redirect_to("/b/<m>"); line!() }, "has no variable `m`")]
#[case::two_fallbacks(|app: &mut App| { app.fallback(|| "a"); app.fallback(async || "b"); line!() }, "has a fallback already")]
#[case::two_bridges(|app: &mut App| { app.set_bridge(Threads::new(1)); app.set_bridge(Threads::new(1)); line!() }, "has a bridge already")]
#[case::two_session_interfaces(|app: &mut App| { app.set_session_interface(Nowhere); app.set_session_interface(Nowhere); line!() }, "has a session interface already")]
#[case::bad_status(|app: &mut App| { app.errorhandler(200, |_: Error| ""); line!() }, "use 400 to 599")]
fn a_set_up_error_is_reported_at_its_line_with_the_remedy(#[case] make: MakeError, #[case] remedy: &str) {
    let mut app = App::new("test");
    let line = make(&mut app);
    let error = app.build().unwrap_err();
    assert_eq!(
        error.location().map(|location| (location.file().ends_with("set_up_errors.rs"), location.line())),
        Some((true, line))
    );
    assert!(error.to_string().contains(remedy), "{error}");
}

fn first() -> &'static str {
    "first"
}

async fn second() -> &'static str {
    "second"
}

#[test]
fn two_views_cannot_share_an_endpoint() {
    let mut app = App::new("test");
    app.rule("/a").endpoint("page").view(first);
    app.rule("/b").endpoint("page").view(second);
    let error = app.build().unwrap_err().to_string();
    assert!(
        error.contains("the endpoint `page` is taken by another view") && error.contains(".endpoint(\"..\")"),
        "{error}"
    );
}

#[test]
fn two_rules_cannot_take_the_same_paths_and_methods() {
    let mut app = App::new("test");
    app.route("/<a>", |_: String| "");
    app.route("/<b>", async |_: String| "");
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("\"/<b>\" takes the same paths and methods as \"/<a>\""), "{error}");
}

/// Two rules for the same path conflict as soon as they have one method in common.
#[test]
fn rules_that_share_a_method_cannot_take_the_same_paths() {
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "PUT"]).endpoint("sync").view(|| "");
    app.rule("/").methods(["PUT", "DELETE"]).endpoint("async").view(async || "");
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("takes the same paths and methods as"), "{error}");
}

#[test]
fn other_methods_or_converters_are_no_conflict() {
    let mut app = App::new("test");
    app.get("/<a>", |_: String| "");
    app.post("/<a>", |_: String| "");
    app.get("/<int:a>", |_: i64| "");
    assert_eq!(app.build().unwrap().rules().len(), 3);
}

#[test]
fn all_set_up_errors_are_reported_at_once() {
    let mut app = App::new("shop");
    app.route("a", first);
    app.route("b", second);
    let error = app.build().unwrap_err().to_string();
    assert!(
        error.starts_with("the app `shop` has 2 set-up errors:\n  core/tests/it/app/set_up_errors.rs:")
            && error.lines().count() == 3,
        "{error}"
    );
}

#[test]
#[should_panic(expected = "must start with a slash")]
fn a_test_client_of_a_wrong_app_says_what_is_wrong() {
    let mut app = App::new("test");
    app.route("a", first);
    app.test_client();
}

#[test]
fn closures_get_their_rule_as_endpoint_unless_named() {
    let mut app = App::new("test");
    app.get("/a", || "");
    app.post("/a", || "");
    app.route("/b", (|| "").into_view().named("b"));
    let application = app.build().unwrap();
    let endpoints: Vec<_> = application.rules().iter().map(|rule| rule.endpoint.as_str()).collect();
    assert_eq!(endpoints, ["GET /a", "POST /a", "b"]);
}

struct Counted;

impl Extension for Counted {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        Ok(())
    }
}

#[test]
fn an_extension_initialised_twice_is_an_error_at_the_second_line() {
    let mut app = App::new("test");
    app.init(Counted).unwrap();
    let (error, line) = (app.init(Counted).unwrap_err().to_string(), line!());
    assert!(error.contains(&format!("set_up_errors.rs:{line}:")) && error.contains("initialised twice"), "{error}");
    assert!(app.build().is_ok(), "the app has what the first line set");
}

#[test]
fn each_instance_of_an_extension_has_its_state() {
    let (one, other) = (Instance::new(), Instance::new());
    let mut app = App::new("test");
    app.set_extension_of(one, "one");
    app.set_extension_of(other, "other");
    app.route("/", move || {
        let states = [one, other].map(|instance| current_app().extension_of::<&str>(instance).map(|state| *state));
        format!("{:?} {}", states.map(Result::unwrap), current_app().extension::<&str>().is_err())
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "[\"one\", \"other\"] true");
}

#[test]
fn a_decorator_needs_its_own_instance() {
    let (one, other) = (Instance::new(), Instance::new());
    let mut app = App::new("test");
    app.set_extension_of(one, 1_u8);
    app.rule("/").decorate(move |view: View| view.requires_of::<u8>(other)).view(|| "never");
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("was not initialised"), "{error}");
}

/// An extension checks what it was told against the whole app, whose rules may come after it.
#[rstest]
#[case::right("/login", None)]
#[case::wrong("/logni", Some("no rule for /logni"))]
fn an_extension_checks_the_built_app_at_its_line(#[case] page: &'static str, #[case] wanted: Option<&str>) {
    struct Login(&'static str);
    impl Extension for Login {
        fn init_app(self, app: &mut App) -> Result<(), Error> {
            app.on_build(move |app| {
                if app.has_path(self.0) { Ok(()) } else { Err(Error::setup(format!("no rule for {}", self.0))) }
            });
            Ok(())
        }
    }
    let mut app = App::new("test");
    app.init(Login(page)).unwrap();
    let line = line!() - 1;
    app.post("/login", || "");
    let error = app.build().err().map(|error| error.to_string());
    assert_eq!(error.is_some(), wanted.is_some(), "{error:?}");
    let (error, wanted) = (error.unwrap_or_default(), wanted.unwrap_or_default());
    assert!(
        error.contains(wanted) && (error.is_empty() || error.contains(&format!("set_up_errors.rs:{line}:"))),
        "{error}"
    );
}

#[test]
fn all_checks_of_a_built_app_are_reported() {
    let mut app = App::new("test");
    for what in ["the first", "the second"] {
        app.on_build(move |_| Err(Error::setup(what)));
    }
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("the first") && error.contains("the second"), "{error}");
}

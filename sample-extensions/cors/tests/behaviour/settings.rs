//! Settings, and what cannot be meant by them.

use std::time::Duration;

use costrel::{App, Error, Method};
use costrel_cors::Cors;
use rstest::rstest;
use serde_json::{Value, json};

use super::{A, B, Place, app, ask, header, preflight};

#[rstest]
#[case::text(json!("/api/*"), false)]
#[case::list(json!(["/api/*", "/b"]), false)]
#[case::map(json!({"/api/*": {"origins": B, "max_age": null}}), true)]
fn resources_may_be_a_setting(
    #[case] resources: Value,
    #[case] has_origins: bool,
    #[values("", "flask-cors 6")] mode: &str,
) {
    let mut app = App::new("test");
    app.config.set("CORS_RESOURCES", resources).unwrap();
    let cors = Cors::new().origins([A]);
    app.init(&if mode.is_empty() { cors } else { cors.compat(mode) }).unwrap();
    app.route("/api/x", || "").route("/x", async || "");
    let client = app.test_client();
    let origin = if has_origins { B } else { A };
    let allowed = |path: &str| {
        let response = client.get(path).header("origin", origin).wait().unwrap();
        header(&response, "allow-origin").map(str::to_owned)
    };
    assert_eq!((allowed("/api/x").as_deref(), allowed("/x")), (Some(origin), None));
}

#[test]
fn resources_in_code_count_before_those_of_the_settings() {
    let mut app = App::new("test");
    app.config.set("CORS_RESOURCES", "/a").unwrap();
    app.init(&Cors::new().resource("/b", Cors::new())).unwrap();
    app.route("/a", || "").route("/b", || "");
    let client = app.test_client();
    let allows = |path: &str| header(&client.get(path).header("origin", A).wait().unwrap(), "allow-origin").is_some();
    assert_eq!(["/a", "/b"].map(allows), [false, true]);
}

/// As in Flask-CORS: a text before an expression, then the number of `/`, then the length.
#[rstest]
fn patterns_have_an_order(#[values("", "flask-cors 6")] mode: &str) {
    let of = |origin: &str| Cors::new().origins([origin]);
    let cors = Cors::new()
        .resource("/a/*", of("https://two.example"))
        .resource("/a/b/*", of("https://three.example"))
        .resource("/a/b/c", of("https://text.example"))
        .resource("/a/looooooooong*", of("https://long.example"))
        .resource(if mode.is_empty() { "/b*looooooong" } else { "/b.*looooooong" }, of("https://long.example"))
        .resource("/b/*", of("https://two.example"));
    let mut app = App::new("test");
    app.init(&if mode.is_empty() { cors } else { cors.compat(mode) }).unwrap();
    app.route("/<path:path>", |path: String| path);
    let client = app.test_client();
    let first = |path: &str| {
        let origins = ["two", "three", "text", "long"].map(|name| format!("https://{name}.example"));
        let answers = origins.map(|origin| client.get(path).header("origin", &origin).wait().unwrap());
        answers.iter().find_map(|answer| header(answer, "allow-origin").map(str::to_owned)).unwrap_or_default()
    };
    let found = ["/a/x", "/a/b/x", "/a/b/c", "/a/looooooooongest", "/b/looooooong"].map(first);
    assert_eq!(found, ["two", "three", "text", "long", "two"].map(|name| format!("https://{name}.example")));
}

#[rstest]
#[case(Some(A), Some(A))]
#[case(None, None)]
fn flasks_credentials_for_any_origin_need_an_origin(
    #[case] origin: Option<&str>,
    #[case] allowed: Option<&str>,
    #[values(Place::App, Place::View)] place: Place,
) {
    let cors = Cors::new().supports_credentials(true).compat("flask-cors 6");
    let headers: Vec<_> = origin.into_iter().map(|origin| ("origin", origin)).collect();
    let response = ask(app(place, true, &cors), Method::GET, &headers);
    assert_eq!(
        (header(&response, "allow-origin"), header(&response, "allow-credentials")),
        (allowed, allowed.and(Some("true")))
    );
}

#[test]
fn a_setting_that_is_null_has_its_default() {
    let names = [
        "ORIGINS",
        "METHODS",
        "ALLOW_HEADERS",
        "EXPOSE_HEADERS",
        "SUPPORTS_CREDENTIALS",
        "MAX_AGE",
        "SEND_WILDCARD",
        "VARY_HEADER",
        "ALWAYS_SEND",
        "ALLOW_PRIVATE_NETWORK",
        "AUTOMATIC_OPTIONS",
        "RESOURCES",
        "INTERCEPT_EXCEPTIONS",
    ];
    let mut app = App::new("test");
    for name in names {
        app.config.set(&format!("CORS_{name}"), Value::Null).unwrap();
    }
    app.config.set("CORS_INTERCEPT_EXCEPTIONS", true).unwrap();
    app.init(&Cors::new()).unwrap();
    app.route("/", || "hello");
    assert_eq!(header(&preflight(app, A, "GET", "x"), "allow-origin"), Some(A));
}

#[test]
fn settings_have_flasks_names() {
    let mut app = App::new("test");
    app.config.set("CORS_ORIGINS", A).unwrap();
    app.config.set("CORS_SUPPORTS_CREDENTIALS", true).unwrap();
    app.config.set("CORS_MAX_AGE", 60).unwrap();
    app.init(&Cors::new().max_age(Duration::from_secs(5))).unwrap();
    app.route("/", || "hello");
    let response = preflight(app, A, "GET", "x");
    let values = ["allow-origin", "allow-credentials", "max-age"].map(|name| header(&response, name).unwrap_or("none"));
    assert_eq!(values, [A, "true", "5"]);
}

#[rstest]
#[case::setting(|app: &mut App| { app.config.set("CORS_MAX_AGE", "60").unwrap(); app.init(&Cors::new()) }, "CORS_MAX_AGE")]
#[case::setting_that_is_unknown(|app: &mut App| { app.config.set("CORS_ORIGIN", A).unwrap(); app.init(&Cors::new()) }, "CORS_ORIGIN: unknown field")]
#[case::resources(|app: &mut App| { app.config.set("CORS_RESOURCES", 1).unwrap(); app.init(&Cors::new()) }, "CORS_RESOURCES: expected a text")]
#[case::options_of_a_resource(|app: &mut App| { app.config.set("CORS_RESOURCES", json!({"/a": {"origin": A}})).unwrap(); app.init(&Cors::new()) }, "CORS_RESOURCES: \"/a\": unknown field `origin`")]
#[case::resources_of_a_resource(|app: &mut App| { app.config.set("CORS_RESOURCES", json!({"/a": {"resources": "/b"}})).unwrap(); app.init(&Cors::new()) }, "of the app alone")]
#[case::no_interception(|app: &mut App| { app.config.set("CORS_INTERCEPT_EXCEPTIONS", false).unwrap(); app.init(&Cors::new()) }, "CORS_INTERCEPT_EXCEPTIONS: false")]
#[case::expression_for_a_path(|app: &mut App| app.init(&Cors::new().resource("/api/.*", Cors::new())), "write `*` for any text")]
#[case::mode_of_a_resource(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().compat("flask-cors 6"))), "on the outer `Cors`")]
#[case::resource_of_a_resource(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().resource("/b", Cors::new()))), "on the outer `Cors`")]
#[case::credentials(|app: &mut App| app.init(&Cors::new().supports_credentials(true)), "list the origins")]
#[case::credentials_in_flask(|app: &mut App| app.init(&Cors::new().supports_credentials(true).send_wildcard(true).compat("flask-cors 6")), "list the origins")]
#[case::credentials_for_every_regex(|app: &mut App| app.init(&Cors::new().origins(["https?://.+"]).supports_credentials(true)), "list the origins")]
#[case::credentials_for_flasks_star(|app: &mut App| app.init(&Cors::new().origins([".*"]).supports_credentials(true)), "list the origins")]
#[case::wildcard(|app: &mut App| app.init(&Cors::new().origins(["https://*.a.example"])), "write `.*`")]
#[case::regex(|app: &mut App| app.init(&Cors::new().resource("/a", Cors::new().origins(["("]))), "\"(\"")]
#[case::method(|app: &mut App| app.init(&Cors::new().methods(["GET POST"])), "is no method")]
#[case::headers(|app: &mut App| app.init(&Cors::new().expose_headers(["a\nb"])), "are no headers")]
#[case::mode(|app: &mut App| app.init(&Cors::new().compat("flask-cors 99")), "is unknown")]
#[case::twice(|app: &mut App| app.init(&Cors::new()).and_then(|()| app.init(&Cors::new())), "twice")]
fn what_cannot_be_meant_is_a_set_up_error(#[case] set_up: fn(&mut App) -> Result<(), Error>, #[case] message: &str) {
    let mut app = App::new("test");
    let error = set_up(&mut app).and_then(|()| app.build().map(drop)).unwrap_err();
    assert!(error.message().contains(message), "{error}");
    assert!(error.location().is_some());
}

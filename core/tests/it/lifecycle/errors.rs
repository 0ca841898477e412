use std::fmt;
use std::sync::Arc;

use costrel::{
    App, Blueprint, Error, ErrorKind, Exception, Extension, HeaderValue, HttpException, Response, StatusCode, abort, g,
    of_type, redirect_with,
    testing::{TestClient, TestResponse},
};
use rstest::rstest;

#[derive(Debug)]
struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of stock")
    }
}

impl std::error::Error for OutOfStock {}

/// An app with views of both colours that fail in each way.
fn app() -> App {
    let mut app = App::new("test");
    app.route("/sync/abort", || abort::<&str>(403));
    app.route("/async/abort", async || abort::<&str>(403));
    app.route("/sync/own", || Err::<&str, _>(OutOfStock));
    app.route("/async/own", async || Err::<&str, _>(OutOfStock));
    app.route("/sync/panic", || -> &str { panic!("the view panics, as it should") });
    app.route("/async/panic", async || -> &str { panic!("the view panics, as it should") });
    app.route("/sync/500", || abort::<&str>(500));
    app.route("/async/500", async || abort::<&str>(500));
    app.route("/fine", || "fine");
    app
}

fn get(client: &TestClient, colour: &str, path: &str) -> TestResponse {
    client.get(&format!("/{colour}/{path}")).wait().unwrap()
}

#[rstest]
fn unhandled_errors_and_panics_are_a_500_that_tells_the_client_nothing(
    #[values("sync", "async")] colour: &str,
    #[values("own", "panic")] path: &str,
) {
    let client = app().test_client();
    let failed = get(&client, colour, path);
    assert_eq!(failed.status(), 500);
    assert!(!failed.text().contains("stock") && !failed.text().contains("panic"), "{}", failed.text());
    assert_eq!(client.get("/fine").wait().unwrap().text(), "fine");
}

#[rstest]
fn abort_is_a_page_with_its_status(#[values("sync", "async")] colour: &str) {
    let page = get(&app().test_client(), colour, "abort");
    assert_eq!(page.status(), 403);
    assert!(
        page.text().starts_with("<!doctype html>\n<html lang=en>\n<title>403 Forbidden</title>\n<h1>Forbidden</h1>\n")
    );
}

/// The bare answer of a handler is a 200.
#[rstest]
fn a_handler_for_a_status_answers(#[values("sync", "async")] colour: &str, #[values(true, false)] sync_handler: bool) {
    let mut app = app();
    if sync_handler {
        app.errorhandler(403, |error: Error| format!("handled {}", error.status_code().as_u16()));
    } else {
        app.errorhandler(403, async |error: Error| format!("handled {}", error.status_code().as_u16()));
    }
    let handled = get(&app.test_client(), colour, "abort");
    assert_eq!((handled.status().as_u16(), handled.text().as_str()), (200, "handled 403"));
}

/// The more exact handler comes before the more general one.
#[rstest]
fn status_before_type_before_all(#[values("sync", "async")] colour: &str) {
    let mut app = app();
    app.errorhandler(Exception, |error: Error| (format!("all: {error}"), 500));
    app.errorhandler(403, async |_: Error| ("status", 403));
    app.errorhandler(of_type::<OutOfStock>(), |_: Error| ("type", 409));
    let client = app.test_client();
    assert_eq!(get(&client, colour, "abort").text(), "status");
    assert_eq!(get(&client, colour, "own").text(), "type");
    assert_eq!(client.get("/nowhere").wait().unwrap().text(), "all: There is nothing at this address.");
    assert_eq!(get(&client, colour, "panic").text(), "all: panicked: the view panics, as it should");
}

/// As in Flask, where such an error is a class beneath that of its status, in whichever order the handlers are registered.
#[rstest]
fn an_error_with_a_status_and_a_type_goes_to_the_handler_for_its_type(
    #[values("sync", "async")] colour: &str,
    #[values(true, false)] type_first: bool,
) {
    let mut app = App::new("test");
    let refuse = || Err::<&str, _>(Error::status(403).with_source(OutOfStock).with_message("sold out"));
    app.route("/sync", refuse).route("/async", move || std::future::ready(refuse()));
    if type_first {
        app.errorhandler(of_type::<OutOfStock>(), |_: Error| ("type", 409)).errorhandler(403, || ("status", 403));
    } else {
        app.errorhandler(403, || ("status", 403)).errorhandler(of_type::<OutOfStock>(), |_: Error| ("type", 409));
    }
    assert_eq!(app.test_client().get(&format!("/{colour}")).wait().unwrap().text(), "type");
}

/// A blueprint's handler for the status is nearer than the app's for the type.
#[test]
fn an_error_with_a_status_and_a_type_is_looked_for_level_by_level() {
    let (mut app, mut blueprint) = (App::new("test"), Blueprint::new("shop"));
    let refuse = || Err::<&str, _>(Error::status(403).with_source(OutOfStock));
    blueprint.route("/in", refuse).errorhandler(403, || ("blueprint", 403));
    app.route("/out", refuse).errorhandler(of_type::<OutOfStock>(), |_: Error| ("app", 409));
    app.register_blueprint(blueprint);
    let client = app.test_client();
    assert_eq!(client.get("/in").wait().unwrap().text(), "blueprint");
    assert_eq!(client.get("/out").wait().unwrap().text(), "app");
}

/// The handler for all errors gets HTTP errors of every kind; a redirect to the path with its slash is no error.
#[test]
fn the_handler_for_all_gets_every_error_and_no_redirect() {
    let mut app = app();
    app.errorhandler(Exception, async |error: Error| format!("all {}", error.status_code().as_u16()));
    app.route("/slash/", || "there");
    let client = app.test_client();
    for path in ["/sync/500", "/async/500"] {
        assert_eq!(client.get(path).wait().unwrap().text(), "all 500");
    }
    assert_eq!(client.delete("/slash/").wait().unwrap().text(), "all 405");
    assert_eq!(client.get("/slash").wait().unwrap().status(), 308);
}

/// An unhandled error is logged once, with method and path; a handled error is not logged.
#[rstest]
fn an_error_without_a_handler_is_logged_once(
    #[values("sync", "async")] colour: &str,
    #[values(true, false)] handled: bool,
) {
    let mut app = app();
    if handled {
        app.errorhandler(of_type::<OutOfStock>(), async |_: Error| "handled");
    }
    let log = crate::support::log::log_of(app, &format!("/{colour}/own"));
    let told = format!("/{colour}/own [GET]");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("ERROR") && line.contains(&told)).collect();
    assert_eq!(lines.len(), usize::from(!handled), "{log}");
}

/// A view may answer its own timeout with a 504.
#[rstest]
fn a_view_may_give_up_with_a_504(#[values("/sync", "/async")] path: &str) {
    async fn impatient() -> Result<&'static str, Error> {
        let slow = tokio::time::timeout(std::time::Duration::from_millis(1), std::future::pending());
        slow.await.or_else(|_| abort(504))
    }
    let mut app = App::new("test");
    app.route("/sync", || costrel::async_to_sync(|()| impatient())(())?);
    app.route("/async", impatient);
    assert_eq!(app.test_client().get(path).wait().unwrap().status(), 504);
}

#[rstest]
fn the_500_handler_sees_errors_without_a_handler(#[values("sync", "async")] colour: &str) {
    let mut app = app();
    app.errorhandler(500, async |error: Error| {
        let original = error.original_exception().map(|original| original.downcast_ref::<OutOfStock>());
        (format!("500: {original:?}"), 500)
    });
    let client = app.test_client();
    assert_eq!(get(&client, colour, "own").text(), "500: Some(Some(OutOfStock))");
    assert_eq!(get(&client, colour, "500").text(), "500: None");
    assert_eq!(get(&client, colour, "panic").text(), "500: Some(None)");
}

/// The handler for HTTP errors gets those of views and of routing, and unhandled errors as a 500. For HTTP errors it
/// comes before a handler for all errors.
#[rstest]
fn a_handler_for_http_errors(#[values("sync", "async")] colour: &str, #[values(true, false)] with_all: bool) {
    let mut app = app();
    app.errorhandler(HttpException, |error: Error| (format!("http {}", error.status_code().as_u16()), 400));
    if with_all {
        app.errorhandler(Exception, async |_: Error| ("all", 400));
    }
    let client = app.test_client();
    assert_eq!(get(&client, colour, "abort").text(), "http 403");
    assert_eq!(client.get("/nowhere").wait().unwrap().text(), "http 404");
    assert_eq!(get(&client, colour, "own").text(), if with_all { "all" } else { "http 500" });
}

/// Debug mode shows the chain of errors in the browser, escaped; otherwise the page contains none of it.
#[rstest]
fn debug_mode_shows_what_went_wrong(#[values(true, false)] debug: bool, #[values("sync", "async")] colour: &str) {
    #[derive(Debug)]
    struct Broken(OutOfStock);
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("<b>cannot order</b>")
        }
    }
    impl std::error::Error for Broken {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let mut app = app();
    app.config.debug = debug;
    app.config.propagate_exceptions = Some(false);
    app.route("/sync/broken", || Err::<&str, _>(Broken(OutOfStock)));
    app.route("/async/broken", async || Err::<&str, _>(Broken(OutOfStock)));
    let page = get(&app.test_client(), colour, "broken").text();
    let told = page.contains("&lt;b&gt;cannot order&lt;/b&gt;") && page.contains("caused by: out of stock");
    assert_eq!((told, page.contains("order")), (debug, debug), "{page}");
}

#[rstest]
fn an_error_in_a_handler_is_a_500_with_the_new_error(
    #[values("sync", "async")] colour: &str,
    #[values(true, false)] panics: bool,
) {
    let mut app = app();
    app.errorhandler(403, move |_: Error| async move {
        assert!(!panics, "the handler panics, as it should");
        Err::<&str, _>(OutOfStock)
    });
    app.errorhandler(500, |error: Error| (format!("500: {error}"), 500));
    let expected = if panics { "500: panicked: the handler panics, as it should" } else { "500: out of stock" };
    assert_eq!(get(&app.test_client(), colour, "abort").text(), expected);
}

#[test]
fn abort_with_what_is_no_error_status_is_a_500_that_names_the_line() {
    for status in [0, 99, 200, 302, 600, 1000] {
        let error = abort::<()>(status).unwrap_err();
        assert_eq!((error.kind(), error.status_code().as_u16()), (ErrorKind::Other, 500));
        assert!(error.message().contains("errors.rs:") && error.message().contains("use 400 to 599"), "{error}");
    }
}

#[test]
fn debug_shows_the_chain() {
    #[derive(Debug)]
    struct Outer(OutOfStock);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot order")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let (shown, line) = (format!("{:?}", Error::from(Outer(OutOfStock))), line!());
    assert!(shown.starts_with("cannot order\n  caused by: out of stock\n  at "), "{shown}");
    assert!(shown.contains(&format!("errors.rs:{line}:")), "the line that made it: {shown}");
    let converted = || -> Result<(), Error> { Ok(Err(OutOfStock)?) };
    let line = line!() - 1;
    assert!(format!("{:?}", converted().unwrap_err()).contains(&format!("errors.rs:{line}:")));
}

/// A value whose destructor panics.
#[derive(Clone)]
struct PanicsWhenDropped(Arc<()>);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(Arc::strong_count(&self.0) > 1, "the destructor panics, as it should");
    }
}

/// A destructor that panics costs neither the response of its request nor the next request.
#[rstest]
#[case::value_on_g("g", 200)]
#[case::payload_of_a_panic("payload", 500)]
fn a_destructor_that_panics_does_not_lose_the_response(
    #[values("sync", "async")] colour: &'static str,
    #[values(None, Some(1))] threads: Option<usize>,
    #[case] path: &str,
    #[case] status: u16,
) {
    let keep = || {
        g().set("kept", PanicsWhenDropped(Arc::new(())));
        "kept"
    };
    let fail = || -> &str { std::panic::panic_any(PanicsWhenDropped(Arc::new(()))) };
    let mut app = App::new("test");
    app.config.threads = threads;
    app.route("/sync/g", keep).route("/sync/payload", fail);
    app.route("/async/g", move || async move { keep() }).route("/async/payload", move || async move { fail() });
    let client = app.test_client();
    for _ in 0..2 {
        assert_eq!(client.get(&format!("/{colour}/{path}")).wait().unwrap().status(), status);
    }
}

/// As Flask's `abort(response)`: the response is the answer, and no error handler sees it.
#[rstest]
fn a_response_ends_the_view(
    #[values("sync", "async")] colour: &str,
    #[values(None, Some(2))] threads: Option<usize>,
    #[values("view", "hook")] place: &str,
) {
    let mut app = App::new("test");
    app.config.threads = threads;
    let leave = || abort::<&str>(redirect_with("/login", StatusCode::SEE_OTHER));
    if place == "hook" {
        app.before_request(|| abort::<()>(redirect_with("/login", StatusCode::SEE_OTHER)));
    }
    app.route("/sync", leave).route("/async", move || std::future::ready(leave()));
    app.errorhandler(Exception, |_: Error| "never").errorhandler(HttpException, |_: Error| "never");
    app.after_request(|mut response: Response| {
        response.headers_mut().insert("x-after", HeaderValue::from_static("1"));
        response
    });
    let page = app.test_client().get(&format!("/{colour}")).wait().unwrap();
    let headers = [page.header("location"), page.header("x-after")];
    assert_eq!((page.status().as_u16(), headers), (303, [Some("/login"), Some("1")]));
}

/// Answers `OutOfStock`, after another extension that does so too, which it initialises.
struct Shop {
    name: &'static str,
    inner: Option<Box<Self>>,
}

impl Extension for Shop {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        self.inner.map_or(Ok(()), |inner| app.init(*inner))?;
        let name = self.name;
        app.errorhandler(of_type::<OutOfStock>(), move |_: Error| (name, 409));
        Ok(())
    }
}

#[rstest]
#[case::none(false, false, "outer")]
#[case::before(true, false, "own")]
#[case::after(false, true, "own")]
fn an_apps_error_handler_replaces_that_of_an_extension(
    #[case] before: bool,
    #[case] after: bool,
    #[case] answer: &str,
    #[values("sync", "async")] colour: &str,
) {
    let mut app = app();
    let own = |app: &mut App| {
        app.errorhandler(of_type::<OutOfStock>(), || ("own", 409));
    };
    if before {
        own(&mut app);
    }
    app.init(Shop { name: "outer", inner: Some(Box::new(Shop { name: "inner", inner: None })) }).unwrap();
    if after {
        own(&mut app);
    }
    assert_eq!(get(&app.test_client(), colour, "own").text(), answer);
}

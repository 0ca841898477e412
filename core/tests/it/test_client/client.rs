//! The test client: requests, redirects, cookies, sessions and contexts.

use costrel::{
    App, Cookie, Error, ErrorKind, Method, StatusCode, g, redirect, redirect_with, request, session, set_cookie,
    testing::TestClient,
};
use costrel::{IntoResponse, Response};
use rstest::rstest;

use crate::support::waiting::receive;

fn echo() -> String {
    let request = request();
    let body = request.get_data().wait().unwrap_or_default();
    let kind = request.header("content-type").unwrap_or("-").to_owned();
    format!("{} {} {kind} {}", request.method(), request.full_path(), String::from_utf8_lossy(&body))
}

async fn echo_async() -> String {
    let request = request();
    let body = request.get_data().await.unwrap_or_default();
    let kind = request.header("content-type").unwrap_or("-").to_owned();
    format!("{} {} {kind} {}", request.method(), request.full_path(), String::from_utf8_lossy(&body))
}

fn client() -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    let all = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    app.rule("/sync").methods(all).view(echo);
    app.rule("/async").methods(all).view(echo_async);
    app.rule("/hop/<int:status>")
        .methods(all)
        .view(|status: u16| redirect_with("/async?hop", StatusCode::from_u16(status)?));
    app.route("/round", || redirect("/round"));
    app.route("/away", || redirect("http://elsewhere.example/"));
    app.route("/folder/relative", || redirect("target?x"));
    app.route("/folder/query", || redirect("?q=1"));
    app.route("/folder/target", || request().url());
    app.route("/bare", async || redirect("https://localhost/sync"));
    app.route("/a/set", || {
        let mut response: Response = "set".into_response()?;
        for cookie in
            ["all=1; Path=/", "here=1; Path=/a", "secure=1; Path=/; Secure", "gone=1; Path=/; Max-Age=0", "own=1"]
        {
            response.headers_mut().append("set-cookie", cookie.parse()?);
        }
        Ok::<_, Error>(response)
    });
    for path in ["/a/cookies", "/b/cookies"] {
        app.rule(path).endpoint(path).view(|| request().header("cookie").unwrap_or("none").to_owned());
    }
    app.route("/session", || session().get::<i32>("n").map_or("empty".to_owned(), |n| n.to_string()));
    app.test_client()
}

#[rstest]
fn one_client_drives_views_of_both_colours(#[values("/sync", "/async")] path: &str) {
    let client = client();
    let text = |request: costrel::testing::TestRequest| request.wait().unwrap().text();
    assert_eq!(text(client.get(path).query(&[("a", "1 2"), ("b", "&")])), format!("GET {path}?a=1+2&b=%26 - "));
    assert_eq!(text(client.put(path).json(&[1])), format!("PUT {path} application/json [1]"));
    assert_eq!(
        text(client.patch(path).form(&[("a", "1")])),
        format!("PATCH {path} application/x-www-form-urlencoded a=1")
    );
    assert_eq!(text(client.delete(path)), format!("DELETE {path} - "));
    assert!(text(client.post(path).file("f", "f", "text/plain", b"x")).contains("multipart/form-data; boundary="));
}

#[rstest]
#[case::json_and_form(|client: &TestClient| drop(client.post("/").json(&1).form(&[("a", "1")])))]
#[case::form_and_body(|client: &TestClient| drop(client.post("/").form(&[("a", "1")]).body("x")))]
#[case::two_queries(|client: &TestClient| drop(client.get("/?a=1").query(&[("b", "1")])))]
#[case::no_path(|client: &TestClient| drop(client.get("sync")))]
fn what_cannot_be_sent_is_refused(#[case] make: fn(&TestClient)) {
    let client = client();
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make(&client)));
    assert!(refused.is_err());
}

#[rstest]
#[case(301, "GET /async?hop - ")]
#[case(302, "GET /async?hop - ")]
#[case(303, "GET /async?hop - ")]
#[case(307, "POST /async?hop application/json 1")]
#[case(308, "POST /async?hop application/json 1")]
fn redirects_are_followed(#[case] status: u16, #[case] expected: &str) {
    let response = client().post(&format!("/hop/{status}")).json(&1).follow_redirects().wait().unwrap();
    assert_eq!(response.text(), expected);
    assert_eq!(response.history().iter().map(|past| past.status().as_u16()).collect::<Vec<_>>(), [status]);
}

#[test]
fn redirects_that_lead_nowhere_are_errors() {
    let client = client();
    let error = |path: &str| client.get(path).follow_redirects().wait().unwrap_err().message().to_owned();
    assert!(error("/round").contains("form a loop"));
    assert!(error("/away").contains("external redirects"));
    assert_eq!(client.get("/bare").follow_redirects().wait().unwrap().text(), "GET /sync - ");
    let relative = client.get("https://localhost/folder/relative").follow_redirects().wait().unwrap();
    assert_eq!(relative.text(), "https://localhost/folder/target?x");
    assert!(error("/folder/query").contains("form a loop"));
}

/// Every form in which a `Location` can name a host: one of another host is never answered by this app.
#[rstest]
fn a_redirect_to_another_host_is_not_followed(
    #[values(
        "//example.com/x",
        "///example.com/x",
        "/\\example.com/x",
        "\\\\example.com/x",
        "/\t/example.com/x",
        "http:example.com/x",
        "https:/example.com/x",
        "http:\\\\example.com/x",
        "HTTP://example.com/x",
        "http://localhost:8080/x",
        "http://localhost@example.com/x",
        "http://example.com\\@localhost/x",
        "//localhost.example.com/x",
        "ftp://localhost/x",
        "javascript:alert(1)",
        "mailto:ada@localhost"
    )]
    location: &'static str,
    #[values(true, false)] sync: bool,
) {
    let mut app = App::new("test");
    app.fallback(|| "this app");
    // Not by `redirect`, which quotes what is no URL.
    let away = move || ("", 302, [("location", location)]);
    if sync {
        app.route("/", away)
    } else {
        app.route("/", move || async move { away() })
    };
    let client = app.test_client();
    let url = if location.starts_with("http:e") { "https://localhost/" } else { "/" };
    let error = client.get(url).follow_redirects().wait().unwrap_err();
    assert!(error.message().contains("external redirects"), "{location}: {error}");
}

#[rstest]
#[case("//localhost/x", "/x")]
#[case("http://LOCALHOST:80/x", "/x")]
#[case("https://localhost:443/x?y", "/x?y")]
#[case("https://localhost", "/")]
#[case("http://user@localhost/x", "/x")]
#[case("http:x", "/a/b/x")]
#[case(" /x#part ", "/x")]
#[case("../x/./y/..", "/a/x/")]
#[case("../../../x", "/x")]
#[case("\\x", "/x")]
#[case("/x//y?a=//b", "/x//y?a=//b")]
#[case("/x:y", "/x:y")]
#[case("/?next=http://example.com/", "/?next=http://example.com/")]
fn a_redirect_within_the_app_is_resolved_as_browsers_do(#[case] location: &'static str, #[case] expected: &str) {
    let mut app = App::new("test");
    app.fallback(|| request().full_path().to_owned());
    app.route("/a/b/c", move || ("", 302, [("location", location)]));
    assert_eq!(app.test_client().get("/a/b/c").follow_redirects().wait().unwrap().text(), expected);
}

/// A host can set no cookie for another one.
#[rstest]
#[case("a=1; Path=/", "http://shop.example/", "http://SHOP.example:8080/", "a=1")]
#[case("a=1; Path=/", "http://shop.example/", "http://www.shop.example/", "none")]
#[case("a=1; Path=/; Domain=example", "http://shop.example/", "http://other.example/", "a=1")]
#[case("a=1; Path=/; Domain=bank.example", "http://shop.example/", "http://bank.example/", "none")]
#[case("a=1; Path=/; Domain=0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", "none")]
#[case("a=1; Path=/", "http://[::1]:80/", "http://[::1]/", "a=1")]
fn cookies_are_kept_by_host(#[case] cookie: &'static str, #[case] from: &str, #[case] to: &str, #[case] sent: &str) {
    let mut app = App::new("test");
    app.post("/", move || ("", [("set-cookie", cookie)]));
    app.route("/", || request().header("cookie").unwrap_or("none").to_owned());
    let client = app.test_client();
    client.post(from).wait().unwrap();
    assert_eq!(client.get(to).wait().unwrap().text(), sent);
}

#[test]
fn cookies_are_kept_by_path_and_time() {
    let client = client();
    client.get("/a/set").wait().unwrap();
    let sent = |path: &str| {
        let response = client.get(path).wait().unwrap();
        let mut cookies: Vec<_> = response.text().split("; ").map(str::to_owned).collect();
        cookies.sort();
        cookies
    };
    assert_eq!(sent("/a/cookies"), ["all=1", "here=1", "own=1"]);
    assert_eq!(sent("/b/cookies"), ["all=1"]);
    assert_eq!(sent("https://localhost/b/cookies"), ["all=1", "secure=1"]);
    assert_eq!(sent("http://other.example/b/cookies"), ["none"]);
    client.delete_cookie("all");
    assert_eq!(sent("/b/cookies"), ["none"]);
    let without = client.application().test_client_without_cookies();
    without.get("/a/set").wait().unwrap();
    assert_eq!(without.get("/b/cookies").wait().unwrap().text(), "none");
}

/// A cookie for a domain goes to the hosts beneath it too, and to no other host.
#[rstest]
fn cookies_are_kept_by_domain(#[values(true, false)] sync: bool) {
    let set = || ("", [("set-cookie", "all=1; Domain=shop.example; Path=/")]);
    let cookies = || request().header("cookie").unwrap_or("none").to_owned();
    let mut app = App::new("test");
    if sync {
        app.route("/set", set).route("/cookies", cookies);
    } else {
        app.route("/set", move || async move { set() }).route("/cookies", move || async move { cookies() });
    }
    let client = app.test_client();
    client.get("http://shop.example/set").wait().unwrap();
    for (host, expected) in [("shop.example", "all=1"), ("www.shop.example", "all=1"), ("myshop.example", "none")] {
        assert_eq!(client.get(&format!("http://{host}/cookies")).wait().unwrap().text(), expected, "{host}");
    }
}

/// A transaction sees what a view wrote, and a view sees what a transaction wrote.
#[rstest]
fn a_transaction_sees_what_a_view_wrote(#[values("/sync", "/async")] path: &str) {
    let count = || session().set("n", session().get::<i32>("n").unwrap_or(0) + 1).map(|()| "");
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.route("/sync", count).route("/async", move || async move { count() });
    let client = app.test_client();
    client.session_transaction(|session| session.set("n", 5)).wait().unwrap();
    client.get(path).wait().unwrap();
    assert_eq!(client.session_transaction(|session| Ok(session.get::<i32>("n"))).wait().unwrap(), Some(6));
}

#[tokio::test]
async fn a_session_can_be_prepared_from_an_async_test() {
    let client = client();
    client.session_transaction(|session| session.set("n", 5)).await.unwrap();
    assert_eq!(client.get("/session").await.unwrap().text(), "5");
    assert_eq!(client.session_transaction(|session| Ok(session.get::<i32>("n"))).await.unwrap(), Some(5));
    let without = client.application().test_client_without_cookies();
    let error = without.session_transaction(|session| session.set("n", 5)).await.unwrap_err();
    assert!(error.message().starts_with("Cookies are disabled"), "{error}");
}

#[test]
fn a_session_needs_a_secret_to_be_prepared() {
    let error = App::new("test").test_client().session_transaction(|session| session.set("n", 5)).wait().unwrap_err();
    assert!(error.message().contains("no secret key was set"), "{error}");
}

/// The context of a request can be inspected after its response.
#[rstest]
fn a_response_has_its_context(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    let view = || {
        g().set("seen", 7);
        session().set("n", 8).map(|()| "")
    };
    if sync {
        app.route("/", view)
    } else {
        app.route("/", move || async move { view() })
    };
    let response = app.test_client().get("/?q=1").wait().unwrap();
    let look = || (g().get::<i32>("seen"), session().get::<i32>("n"), request().args().get("q").map(str::to_owned));
    assert_eq!(response.context().run_sync(look), (Some(7), Some(8), Some("1".to_owned())));
    assert!(!costrel::has_request_context());
}

/// A request context for tests runs no hooks until the test calls for them.
#[rstest]
fn a_request_context_for_tests(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        app.before_request(|| g().set("hook", true));
    } else {
        app.before_request(async || g().set("hook", true));
    }
    let closed = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = closed.clone();
    let (over, wait) = std::sync::mpsc::channel();
    app.teardown_request(move |error: Option<Error>| {
        assert!(error.is_none());
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let _ = over.send(());
    });
    app.rule("/x").methods(["POST"]).endpoint("x").view(|| "");
    let client = app.test_client();
    let context = client.post("/x?y=1").json(&[1]).test_request_context();
    let body = context.run_sync(|| request().get_json::<Vec<i32>>().wait());
    assert_eq!(body.unwrap(), [1]);
    assert_eq!(context.run_sync(|| request().endpoint().map(str::to_owned)).as_deref(), Some("x"));
    assert_eq!(context.run_sync(|| g().get::<bool>("hook")), None);
    let event_loop = tokio::runtime::Runtime::new().unwrap();
    assert!(event_loop.block_on(async { context.preprocess_request().await }).unwrap().is_none());
    assert_eq!(context.run_sync(|| g().get::<bool>("hook")), Some(true));
    drop(context);
    receive(&wait);
    assert_eq!(closed.load(std::sync::atomic::Ordering::SeqCst), 1);
    let missing = client.open(Method::GET, "/missing").test_request_context();
    assert_eq!(missing.run_sync(|| request().endpoint().map(str::to_owned)), None);
}

#[rstest]
#[case(true, false, None, true)]
#[case(false, true, None, true)]
#[case(true, false, Some(false), false)]
#[case(false, false, Some(true), true)]
#[case(false, false, None, false)]
fn unhandled_errors_come_out_of_the_client_in_tests(
    #[values(true, false)] sync: bool,
    #[case] testing: bool,
    #[case] debug: bool,
    #[case] propagate: Option<bool>,
    #[case] comes_out: bool,
) {
    let mut app = App::new("test");
    (app.config.testing, app.config.debug, app.config.propagate_exceptions) = (testing, debug, propagate);
    let fail = || Err::<&str, _>(std::io::Error::other("the disk is on fire"));
    if sync {
        app.route("/", fail)
    } else {
        app.route("/", move || async move { fail() })
    };
    app.route("/handled", || costrel::abort::<&str>(418));
    app.errorhandler(500, |_: Error| ("handled", 500));
    let client = app.test_client();
    match client.get("/").wait() {
        Err(error) => assert!(comes_out && error.kind() == ErrorKind::Other && error.message().contains("on fire")),
        Ok(response) => assert!(!comes_out && response.text() == "handled" && response.status() == 500),
    }
    assert_eq!(client.get("/handled").wait().unwrap().status(), 418);
}

#[rstest]
fn cookies_have_every_attribute(#[values(true, false)] sync: bool) {
    let make = || {
        let cookie = Cookie::build(("a", "1")).domain("x.example").path("/p").secure(true).http_only(true);
        let cookie =
            cookie.same_site(cookie::SameSite::Strict).partitioned(true).max_age(cookie::time::Duration::seconds(5));
        let mut response = "".into_response()?;
        set_cookie(&mut response, cookie.build())?;
        Ok::<_, Error>(response)
    };
    let mut app = App::new("test");
    if sync {
        app.route("/", make)
    } else {
        app.route("/", move || async move { make() })
    };
    let response = app.test_client().get("/").wait().unwrap();
    let cookie = response.header("set-cookie").unwrap();
    for part in
        ["a=1", "Domain=x.example", "Path=/p", "Secure", "HttpOnly", "SameSite=Strict", "Partitioned", "Max-Age=5"]
    {
        assert!(cookie.split("; ").any(|attribute| attribute == part), "{part} in {cookie}");
    }
}

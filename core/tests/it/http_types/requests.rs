use costrel::{App, Body, Error, Json, request, testing::TestClient};
use futures_util::stream;
use rstest::rstest;

use crate::support::log::log_of;

/// Returns a client whose views `/sync` and `/async` return the JSON they receive, and whose view `/ignore` does
/// not read it.
fn client(max: Option<u64>) -> TestClient {
    let mut app = App::new("test");
    app.config.max_content_length = max;
    app.post("/sync", || Ok::<_, Error>(Json(request().get_json::<Vec<i32>>().wait()?)));
    app.post("/async", async || Ok::<_, Error>(Json(request().get_json::<Vec<i32>>().await?)));
    app.post("/ignore", || "ignored");
    app.post("/data/sync", || Ok::<_, Error>(request().get_data().wait()?.len().to_string()));
    app.post("/data/async", async || Ok::<_, Error>(request().get_data().await?.len().to_string()));
    app.errorhandler(413, async |_: Error| ("too large, says the handler", 413));
    app.test_client()
}

#[rstest]
fn json(#[values("/sync", "/async")] path: &str) {
    let client = client(None);
    assert_eq!(client.post(path).json(&[1, 2]).wait().unwrap().text(), "[1,2]\n");
    let vendor = client.post(path).header("content-type", "application/vnd.api+json; charset=utf-8").body("[3]");
    assert_eq!(vendor.wait().unwrap().text(), "[3]\n");
    assert_eq!(client.post(path).body("[1]").wait().unwrap().status(), 415);
    for malformed in ["{", "", "\"text\"", "[1,]", "\u{0}"] {
        let response = client.post(path).header("content-type", "application/json").body(malformed).wait().unwrap();
        assert_eq!(response.status(), 400, "{malformed:?}");
    }
}

#[rstest]
fn a_body_over_the_limit_is_413_when_it_is_read(
    #[values("sync", "async")] colour: &str,
    #[values(true, false)] streamed: bool,
) {
    let client = client(Some(3));
    let send = |path: &str, body: &'static str| {
        let request = client.post(path);
        let request = if streamed {
            request.body(Body::from_stream(stream::iter([Ok::<_, Error>(&body[..1]), Ok(&body[1..])])))
        } else {
            request.body(body)
        };
        let response = request.wait().unwrap();
        (response.status().as_u16(), response.text())
    };
    let path = format!("/data/{colour}");
    assert_eq!(send(&path, "abc"), (200, "3".into()));
    assert_eq!(send(&path, "abcde"), (413, "too large, says the handler".into()));
    assert_eq!(send("/ignore", "abcde"), (200, "ignored".into()));
}

#[rstest]
fn a_body_that_breaks_off_is_400(#[values("/data/sync", "/data/async")] path: &str) {
    let broken = Body::from_stream(stream::iter([Ok("some"), Err(Error::status(400).with_message("gone"))]));
    assert_eq!(client(None).post(path).body(broken).wait().unwrap().status(), 400);
}

#[test]
fn a_body_can_be_read_again() {
    let mut app = App::new("test");
    app.before_request(async || request().get_data().await.map(drop));
    app.post("/", async || Ok::<_, Error>(request().get_data().await?));
    assert_eq!(app.test_client().post("/").body("twice").wait().unwrap().text(), "twice");
}

#[rstest]
fn forms_arguments_cookies_and_headers(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let show = || {
        let request = request();
        let part = |value: Option<&str>| value.unwrap_or("-").to_owned();
        let cookie = request.cookie("c");
        [part(request.args().get("q")), part(cookie.as_deref()), part(request.header("x-h"))].join(" ")
    };
    if sync {
        app.post("/", move || {
            Ok::<_, Error>(request().form().wait()?.get("f").unwrap_or("-").to_owned() + " " + &show())
        });
    } else {
        app.post("/", move || async move {
            Ok::<_, Error>(request().form().await?.get("f").unwrap_or("-").to_owned() + " " + &show())
        });
    }
    let client = app.test_client();
    client.set_cookie("c", "1%202");
    let full = client.post("/?q=a+b").form(&[("f", "x&y=é")]).header("x-h", "head").wait().unwrap();
    assert_eq!(full.text(), "x&y=é a b 1%202 head");
    assert_eq!(client.post("/").body("f=1").wait().unwrap().text(), "- - 1%202 -", "not sent as a form");
}

#[rstest]
#[case("session=%FF; a")]
#[case(";;;=;")]
#[case("c=\u{1f}")]
fn broken_cookies_are_no_crash(#[case] cookies: &str) {
    let mut app = App::new("test");
    app.route("/", || format!("{:?}", request().cookie("c")));
    let Ok(value) = costrel::HeaderValue::from_str(cookies) else { return };
    let request = app.test_client().get("/").header("cookie", value.to_str().unwrap_or_default());
    assert_eq!(request.wait().unwrap().status(), 200);
}

/// A cookie's name is not decoded, so that no cookie can pass for one with a protected prefix.
#[test]
fn a_cookies_name_is_not_decoded() {
    let mut app = App::new("test");
    app.route("/", || format!("{:?}", request().cookie("__Host-sid")));
    let client = app.test_client();
    assert_eq!(client.get("/").header("cookie", "%5F%5FHost-sid=attacker").wait().unwrap().text(), "None");
    assert_eq!(client.get("/").header("cookie", "a=1; __Host-sid=100%25").wait().unwrap().text(), "Some(\"100%25\")");
}

#[rstest]
fn a_form_may_not_take_more_memory_than_it_should(#[values("sync", "async")] colour: &str) {
    let mut app = App::new("test");
    app.post("/sync", || request().form().wait().map(|form| form.iter().count().to_string()));
    app.post("/async", async || request().form().await.map(|form| form.iter().count().to_string()));
    let client = app.test_client();
    let send = |body: String| {
        let request = client.post(&format!("/{colour}")).header("content-type", "Application/X-WWW-Form-Urlencoded");
        request.body(body).wait().unwrap()
    };
    assert_eq!(send("a&".repeat(250_000)).text(), "250000");
    assert_eq!(send("a&".repeat(250_001)).status(), 413);
}

/// A request for an untrusted host is refused before hooks and rules; a leading dot also allows subdomains.
#[rstest]
#[case("shop.example", 200)]
#[case("shop.example:8080", 200)]
#[case("www.shop.example", 400)]
#[case("example.org", 200)]
#[case("api.example.org", 200)]
#[case("evilexample.org", 400)]
#[case("evil.example", 400)]
#[case("", 400)]
fn only_trusted_hosts_are_served(#[case] host: &str, #[case] status: u16, #[values("/sync", "/async")] path: &str) {
    let mut app = App::new("test");
    app.config.trusted_hosts = Some(vec!["shop.example".into(), ".example.org".into()]);
    app.route("/sync", || "");
    app.route("/async", async || "");
    assert_eq!(app.test_client().get(path).header("host", host).wait().unwrap().status(), status);
}

#[rstest]
#[case(serde_json::json!("shop.example"), (200, 400))]
#[case(serde_json::json!([".example.org"]), (400, 200))]
#[case(serde_json::json!(["shop.example", "api.example.org"]), (200, 200))]
#[case(serde_json::json!(null), (200, 200))]
fn the_setting_of_trusted_hosts_is_one_text_or_a_list(#[case] value: serde_json::Value, #[case] statuses: (u16, u16)) {
    let mut app = App::new("test");
    app.config.set("TRUSTED_HOSTS", value).unwrap();
    assert!(app.config.set("TRUSTED_HOSTS", 1).unwrap_err().message().contains("a text or a list of texts"));
    app.route("/", || "");
    let client = app.test_client();
    let status = |host| client.get("/").header("host", host).wait().unwrap().status().as_u16();
    assert_eq!((status("shop.example"), status("api.example.org")), statuses);
}

/// A request has a span around all its work and a log line at its end; the view's log lines are inside the span.
#[rstest]
fn a_request_is_logged(#[values("/sync/7", "/async/7")] path: &str) {
    let mut app = App::new("test");
    app.rule("/sync/<int:n>").endpoint("shown").view(|n: i64| saying(n));
    app.rule("/async/<int:n>").endpoint("shown_async").view(async |n: i64| saying(n));
    let log = log_of(app, path);
    let line = log.lines().find(|line| line.contains(" 202 ")).unwrap();
    let shown = ["request{method=GET", &format!("path=\"{path}\""), "endpoint=\"shown", "status=202", "ms="];
    assert!(shown.iter().all(|part| line.contains(part)), "{line}");
    assert!(log.lines().any(|line| line.contains("request{method=GET") && line.contains("the view saw 7")), "{log}");
}

fn saying(n: i64) -> (&'static str, u16) {
    tracing::info!("the view saw {n}");
    ("", 202)
}

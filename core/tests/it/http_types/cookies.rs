//! The cookies of responses: what may be in them, and what becomes of the rest.

use costrel::{App, Cookie, Error, IntoResponse, Response, request, session, set_cookie};
use rstest::rstest;

use crate::support::log::log_of;

fn set(cookie: Cookie<'static>) -> Result<String, Error> {
    let mut response = "".into_response()?;
    set_cookie(&mut response, cookie)?;
    Ok(response.headers()["set-cookie"].to_str()?.to_owned())
}

#[rstest]
fn a_name_that_clients_read_as_another_is_an_error(
    #[values("", "a=b", "a b", "a;b", "a,b", "é", "a\r\nx: 1", "a\0", "\"a\"", "a/b", " a", "[a]")] name: &'static str,
) {
    let error = set(Cookie::new(name, "v")).unwrap_err();
    assert!(error.message().contains("a cookie's name, path or domain cannot be"), "{error}");
}

#[rstest]
#[case::plain("/shop", "/shop")]
#[case::other_letters("/käse laden", "/k%C3%A4se%20laden")]
#[case::encoded_already("/a%20b", "/a%20b")]
fn a_path_is_encoded(#[case] path: &'static str, #[case] expected: &str) {
    assert_eq!(set(Cookie::build(("a", "v")).path(path).build()).unwrap(), format!("a=v; Path={expected}"));
}

#[rstest]
#[case::dot(".example.com", "example.com")]
#[case::port("localhost:5000", "localhost")]
fn a_domain_is_a_bare_host(#[case] domain: &'static str, #[case] expected: &str) {
    let line = set(Cookie::build(("a", "v")).domain(domain).build()).unwrap();
    assert!(line.contains(&format!("Domain={expected}")), "{line}");
}

#[rstest]
fn a_domain_that_is_no_host_is_an_error(
    #[values("", "a b", "a;Secure", "bücher.example", "a\r\nb", ".", "a=b", "a,b")] domain: &'static str,
) {
    let error = set(Cookie::build(("a", "v")).domain(domain).build()).unwrap_err();
    assert!(error.message().contains("a cookie's name, path or domain cannot be"), "{error}");
}

#[rstest]
fn any_value_comes_back_and_is_one_cookie(
    #[values("a=b", "a b", "a;b, c", "\"q\\", "é\r\nx: 1", "\u{0}\u{7f}")] value: &'static str,
    #[values(true, false)] sync: bool,
) {
    let mut app = App::new("test");
    let set = move || Ok::<_, Error>(("", Cookie::new("v", value)));
    if sync {
        app.route("/set", set)
    } else {
        app.route("/set", move || std::future::ready(set()))
    };
    app.route("/get", || costrel::request().cookie("v").unwrap_or_default());
    let client = app.test_client();
    let response = client.get("/set").wait().unwrap();
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
    assert_eq!(client.get("/get").wait().unwrap().text(), value);
}

#[rstest]
#[case::own(|| ("", Cookie::new("big", "x".repeat(4100))).into_response(), "big")]
#[case::session(|| session().set("n", noise()).and_then(|()| "".into_response()), "session")]
fn a_cookie_that_browsers_ignore_is_in_the_log(
    #[case] answer: fn() -> Result<Response, Error>,
    #[case] name: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    if sync {
        app.route("/", answer)
    } else {
        app.route("/", move || std::future::ready(answer()))
    };
    let log = log_of(app, "/");
    // A sync view may run where the log is not captured, so only the async one is sure to be in it; see `log_of`.
    assert!(log.contains(&format!("The {name:?} cookie is too large")) && log.contains("4093"), "{log}");
}

/// Text that does not compress.
fn noise() -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..6000).map(|_| next()).collect()
}

#[test]
fn a_cookie_of_ordinary_size_is_not_in_the_log() {
    let mut app = App::new("test");
    app.route("/", async || ("", Cookie::new("small", "x".repeat(4000))));
    assert!(!log_of(app, "/").contains("too large"));
}

/// A backslash in a quoted value stands before three octal digits, or before a letter that it keeps.
#[rstest]
#[case::octal(r#""\012\303\251""#, "\n\u{e9}")]
#[case::a_sign(r#""\+12""#, "+12")]
#[case::too_large(r#""\777""#, "777")]
#[case::no_octal(r#""\089""#, "089")]
#[case::cut(r#""\01""#, "01")]
#[case::escaped(r#""\"\\""#, "\"\\")]
fn a_quoted_value_is_read_as_flask_reads_it(#[case] sent: &str, #[case] value: &str) {
    let mut app = App::new("test");
    app.route("/sync", || request().cookie("a").unwrap_or_default());
    app.route("/async", async || request().cookie("a").unwrap_or_default());
    let client = app.test_client();
    for path in ["/sync", "/async"] {
        assert_eq!(client.get(path).header("cookie", &format!("a={sent}")).wait().unwrap().text(), value);
    }
}

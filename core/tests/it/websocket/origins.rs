//! The pages that may open a WebSocket.

use costrel::{App, testing::TestHandshake, websocket};
use rstest::rstest;

use crate::support::log::log_while;

fn app(origins: &[&str]) -> App {
    let mut app = App::new("test");
    app.config.websocket_origins = origins.iter().map(ToString::to_string).collect();
    app.websocket("/sync", || websocket().close(1000, "").wait());
    app.websocket("/async", async || websocket().close(1000, "").await);
    app
}

fn status(handshake: TestHandshake, headers: &[(&str, &str)]) -> u16 {
    let handshake = headers.iter().fold(handshake, |handshake, (name, value)| handshake.header(name, value));
    handshake.wait().unwrap().status().as_u16()
}

#[rstest]
#[case::none("shop.example", None, 101)]
#[case::same("shop.example", Some("http://shop.example"), 101)]
#[case::same_by_https("shop.example", Some("https://shop.example"), 101)]
#[case::upper_case("Shop.Example", Some("http://shop.EXAMPLE"), 101)]
#[case::port("shop.example:5000", Some("http://shop.example:5000"), 101)]
#[case::default_port("shop.example:80", Some("http://shop.example"), 101)]
#[case::default_port_of_https("shop.example:443", Some("https://shop.example"), 101)]
#[case::ipv6("[::1]:5000", Some("http://[::1]:5000"), 101)]
#[case::other_port("shop.example:5000", Some("http://shop.example:5001"), 403)]
#[case::no_port("shop.example:5000", Some("http://shop.example"), 403)]
#[case::no_port_of_ours("shop.example", Some("http://shop.example:5000"), 403)]
#[case::port_of_the_other_scheme("shop.example:80", Some("https://shop.example"), 403)]
#[case::other_host("shop.example", Some("http://evil.example"), 403)]
#[case::subdomain("shop.example", Some("http://a.shop.example"), 403)]
#[case::domain_above("a.shop.example", Some("http://shop.example"), 403)]
#[case::suffix("shop.example", Some("http://evilshop.example"), 403)]
#[case::prefix("shop.example", Some("http://shop.example.evil.example"), 403)]
#[case::userinfo("shop.example", Some("http://shop.example@evil.example"), 403)]
#[case::userinfo_of_ours("shop.example", Some("http://evil.example@shop.example"), 403)]
#[case::path("shop.example", Some("http://shop.example/page"), 403)]
#[case::extension("shop.example", Some("chrome-extension://shop.example"), 403)]
#[case::null("shop.example", Some("null"), 403)]
#[case::empty("shop.example", Some(""), 403)]
#[case::garbage("shop.example", Some("shop.example"), 403)]
#[case::two_in_one("shop.example", Some("http://shop.example, http://evil.example"), 403)]
fn pages_of_the_same_host_may_and_no_others(
    #[case] host: &str,
    #[case] origin: Option<&str>,
    #[case] expected: u16,
    #[values("/sync", "/async")] path: &str,
) {
    let client = app(&[]).test_client();
    let headers: Vec<_> = [("host", host)].into_iter().chain(origin.map(|origin| ("origin", origin))).collect();
    assert_eq!(status(client.websocket(path), &headers), expected);
}

#[rstest]
#[case::listed(&["https://app.example"], "https://app.example", 101)]
#[case::same_host_still(&["https://app.example"], "http://localhost", 101)]
#[case::case_and_slash(&["HTTPS://App.example/"], "https://app.example", 101)]
#[case::default_port(&["https://app.example:443"], "https://app.example", 101)]
#[case::port(&["http://localhost:3000"], "http://localhost:3000", 101)]
#[case::second(&["https://a.example", "https://b.example"], "https://b.example", 101)]
#[case::extension(&["chrome-extension://abc"], "chrome-extension://abc", 101)]
#[case::other_scheme(&["https://app.example"], "http://app.example", 403)]
#[case::other_port(&["https://app.example"], "https://app.example:8443", 403)]
#[case::subdomain(&["https://app.example"], "https://x.app.example", 403)]
#[case::not_null(&["https://app.example"], "null", 403)]
#[case::null(&["null"], "null", 101)]
#[case::null_is_not_garbage(&["null"], "garbage", 403)]
#[case::all(&["*"], "https://any.example", 101)]
#[case::all_and_null(&["*"], "null", 101)]
fn listed_origins_may_too(#[case] listed: &[&str], #[case] origin: &str, #[case] expected: u16) {
    let client = app(listed).test_client();
    for path in ["/sync", "/async"] {
        assert_eq!(status(client.websocket(path), &[("host", "localhost"), ("origin", origin)]), expected);
    }
}

/// Behind a proxy the host is the one that the proxy was asked for, if the app trusts it.
#[rstest]
#[case::trusted(1, &[("x-forwarded-host", "shop.example")], "https://shop.example", 101)]
#[case::trusted_port(1, &[("x-forwarded-host", "shop.example:8443")], "https://shop.example:8443", 101)]
#[case::inner_name(1, &[("x-forwarded-host", "shop.example")], "http://inner:5000", 403)]
#[case::not_trusted(0, &[("x-forwarded-host", "shop.example")], "https://shop.example", 403)]
#[case::forged(1, &[("x-forwarded-host", "evil.example, shop.example")], "https://evil.example", 403)]
#[case::https(1, &[("x-forwarded-host", "shop.example"), ("x-forwarded-proto", "https")], "https://shop.example", 101)]
#[case::page_without_https(1, &[("x-forwarded-host", "shop.example"), ("x-forwarded-proto", "https")], "http://shop.example", 403)]
fn behind_a_proxy_its_host_counts(
    #[case] hops: usize,
    #[case] headers: &[(&str, &str)],
    #[case] origin: &str,
    #[case] expected: u16,
) {
    let mut app = app(&[]);
    (app.config.server.proxy_fix.x_host, app.config.server.proxy_fix.x_proto) = (hops, hops);
    let headers = [headers, &[("host", "inner:5000"), ("origin", origin)]].concat();
    assert_eq!(status(app.test_client().websocket("/async"), &headers), expected);
}

#[test]
fn a_refusal_says_in_the_log_what_to_set() {
    let client = app(&[]).test_client();
    let log = log_while(async {
        let handshake = client.websocket("/async").header("host", "shop.example");
        assert_eq!(handshake.header("origin", "http://evil.example").await.unwrap().status(), 403);
    });
    for part in ["\"http://evil.example\"", "\"shop.example\"", "config.websocket_origins", "GET /async 403"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[rstest]
#[case("app.example")]
#[case("https://")]
#[case("https://a.example/path")]
#[case(".example.com")]
#[case("")]
fn what_is_no_origin_is_a_set_up_error(#[case] origin: &str) {
    let error = app(&[origin]).build().unwrap_err();
    assert!(error.message().contains(&format!("`config.websocket_origins` has {origin:?}")), "{error}");
}

#[test]
fn the_setting_is_one_text_or_a_list() {
    let mut app = App::new("test");
    app.config.set("WEBSOCKET_ORIGINS", "*").unwrap();
    assert_eq!(app.config.websocket_origins, ["*"]);
    app.config.set("WEBSOCKET_ORIGINS", ["https://a.example", "https://b.example"]).unwrap();
    assert_eq!(app.config.websocket_origins, ["https://a.example", "https://b.example"]);
    assert!(app.config.set("WEBSOCKET_ORIGINS", 1).unwrap_err().message().contains("a text or a list of texts"));
}

//! The headers of proxies, and how far the app believes them.

use costrel::{App, Error, current_app, request, url_for};
use rstest::rstest;

#[rstest]
#[case::nothing_is_believed(0, "9.9.9.9", "127.0.0.1:1 http localhost")]
#[case::the_last(1, "1.1.1.1, 9.9.9.9", "9.9.9.9:0 https shop.example")]
#[case::the_last_but_one(2, "1.1.1.1, 2.2.2.2, 9.9.9.9", "2.2.2.2:0 http b.example")]
#[case::fewer_than_there_should_be(3, "9.9.9.9", "127.0.0.1:1 http localhost")]
#[case::with_a_port(1, "9.9.9.9:4711", "9.9.9.9:4711 https shop.example")]
#[case::version_six(1, "[2001:db8::1]", "[2001:db8::1]:0 https shop.example")]
#[case::no_address(1, "unknown", "127.0.0.1:1 https shop.example")]
fn headers_are_believed_as_far_as_the_settings_say(
    #[case] hops: usize,
    #[case] forwarded_for: &str,
    #[case] expected: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = App::new("test");
    let fix = &mut app.config.server.proxy_fix;
    (fix.x_for, fix.x_proto, fix.x_host) = (hops, hops, hops);
    let seen = || format!("{} {} {}", request().remote_addr().unwrap(), request().scheme(), request().host());
    app.route("/sync", seen);
    app.route("/async", move || async move { seen() });
    let request = app.test_client().get(path).header("x-forwarded-for", forwarded_for);
    let request =
        request.header("x-forwarded-proto", "http, https").header("x-forwarded-host", "b.example, shop.example");
    assert_eq!(request.wait().unwrap().text(), expected);
}

#[test]
fn urls_are_as_the_client_sees_them() {
    let mut app = App::new("test");
    (app.config.server.proxy_fix.x_proto, app.config.server.proxy_fix.x_host) = (1, 1);
    app.rule("/").endpoint("index").view(|| -> Result<String, Error> {
        assert!(request().is_secure() && current_app().name() == "test");
        url_for("index").external(true).build()
    });
    let request =
        app.test_client().get("/").header("x-forwarded-proto", "https").header("x-forwarded-host", "shop.example");
    assert_eq!(request.wait().unwrap().text(), "https://shop.example/");
}

/// `X-Forwarded-Port` sets the port of the host, which the client or a proxy has named.
#[rstest]
#[case("shop.example", "8443", "shop.example:8443")]
#[case("shop.example:80", "8443", "shop.example:8443")]
#[case("[::1]", "8443", "[::1]:8443")]
#[case("[::1]:80", "8443", "[::1]:8443")]
#[case("shop.example", "443", "shop.example")]
#[case("shop.example", "many", "")]
fn the_port_is_the_clients(
    #[case] host: &str,
    #[case] port: &str,
    #[case] expected: &str,
    #[values("host", "x-forwarded-host")] header: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = App::new("test");
    let fix = &mut app.config.server.proxy_fix;
    (fix.x_host, fix.x_port, fix.x_proto) = (1, 1, 1);
    app.route("/sync", || request().host().to_owned());
    app.route("/async", async || request().host().to_owned());
    let request = app.test_client().get(path).header(header, host).header("x-forwarded-port", port);
    let answer = request.header("x-forwarded-proto", "https").wait().unwrap();
    let seen = if answer.status() == 400 { String::new() } else { answer.text() };
    assert_eq!(seen, expected);
}

/// `Forwarded` is believed as far as the setting says; RFC 7239.
#[rstest]
#[case::one("for=9.9.9.9;proto=https;host=shop.example", "9.9.9.9:0 https shop.example")]
#[case::the_last("for=1.1.1.1;host=a, For=\"[2001:db8::1]:4711\";Proto=http;Host=\"b\"", "[2001:db8::1]:4711 http b")]
#[case::an_open_quote("for=\"1.1.1.1, for=9.9.9.9", "9.9.9.9:0 http localhost")]
#[case::unknown("for=unknown;proto=https", "127.0.0.1:1 https localhost")]
#[case::hidden("for=_secret", "127.0.0.1:1 http localhost")]
#[case::hidden_port("for=\"9.9.9.9:_p\"", "9.9.9.9:0 http localhost")]
#[case::no_pairs("9.9.9.9", "127.0.0.1:1 http localhost")]
fn the_forwarded_header_is_believed(
    #[case] header: &str,
    #[case] expected: &str,
    #[values(true, false)] trusted: bool,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = App::new("test");
    app.config.server.proxy_fix.forwarded = usize::from(trusted);
    let seen = || format!("{} {} {}", request().remote_addr().unwrap(), request().scheme(), request().host());
    app.route("/sync", seen);
    app.route("/async", move || async move { seen() });
    let answer = app.test_client().get(path).header("forwarded", header).wait().unwrap();
    assert_eq!(answer.text(), if trusted { expected } else { "127.0.0.1:1 http localhost" });
}

/// `X-Forwarded-Prefix` is the path above the app, in every URL and in no rule.
#[rstest]
#[case::trusted(1, "/outer, /shop/", "http://localhost/shop/sync /shop/sync /sync")]
#[case::two_proxies(2, "/outer, /shop", "http://localhost/outer/sync /outer/sync /sync")]
#[case::not_trusted(0, "/shop", "http://localhost/sync /sync /sync")]
#[case::no_host(1, "//evil.example", "http://localhost/evil.example/sync /evil.example/sync /sync")]
#[case::no_backslash(1, "/\\evil.example", "http://localhost/%5Cevil.example/sync /%5Cevil.example/sync /sync")]
fn the_prefix_is_above_the_app(
    #[case] hops: usize,
    #[case] prefix: &str,
    #[case] expected: &str,
    #[values("sync", "async")] colour: &str,
) {
    let mut app = App::new("test");
    app.config.server.proxy_fix.x_prefix = hops;
    let seen = || {
        let path = url_for(request().endpoint().unwrap_or_default()).build()?;
        Ok::<_, Error>(format!("{} {path} {}", request().url(), request().path()))
    };
    app.rule("/sync").endpoint("sync").view(seen);
    app.rule("/async").endpoint("async").view(move || async move { seen() });
    let answer = app.test_client().get(&format!("/{colour}")).header("x-forwarded-prefix", prefix).wait().unwrap();
    assert_eq!(answer.text(), expected.replace("/sync", &format!("/{colour}")));
}

//! The host of a request: what is one, and which of a request's hosts counts.

use std::io::Write;

use costrel::http::{Request, Version};
use costrel::{App, Body, Error, request, url_for};
use rstest::rstest;

use crate::support::server::{Server, read_all};

const NO_HOSTS: [&str; 18] = [
    "evil.com/.good.example",
    "evil.com?.good.example",
    "evil.com#.good.example",
    "evil.com\\.good.example",
    "evil.com:80@a.good.example",
    "evil.com,a.good.example",
    "evil.com .good.example",
    "evil.com;.good.example",
    "a\"><script>.good.example",
    "'.good.example",
    "evil.com%2f.good.example",
    "caf\u{e9}.good.example",
    ".good.example",
    "a..good.example",
    "good.example:80:80",
    "good.example:http",
    "good.example:65536",
    "[::1.good.example",
];

/// An app with a view of each colour, that trusts `.good.example` or every host.
fn app(trusts: bool) -> App {
    let mut app = App::new("test");
    app.config.trusted_hosts = trusts.then(|| vec![".good.example".into(), "[::1]".into()]);
    let seen = || Ok::<_, Error>(format!("{} {}", request().url(), url_for("sync").external(true).build()?));
    app.rule("/sync").endpoint("sync").view(seen);
    app.rule("/async").endpoint("async").view(move || async move { seen() });
    app.errorhandler(400, || (format!("refused: {}", request().url()), 400));
    app
}

/// Text that is no host is a 400, wherever it stands, and no code of the app sees it.
#[rstest]
fn what_is_no_host_is_refused(
    #[values(true, false)] trusts: bool,
    #[values("host", "x-forwarded-host", "forwarded")] header: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let mut app = app(trusts);
    (app.config.server.proxy_fix.x_host, app.config.server.proxy_fix.forwarded) = (1, 1);
    let client = app.test_client();
    // A comma ends an element of a list, so what follows is the proxy's host.
    for text in NO_HOSTS.into_iter().filter(|text| header == "host" || !text.contains(',')) {
        let quoted = format!("host=\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let value = if header == "forwarded" { &quoted } else { text };
        let answer = client.get(path).header(header, value).wait().unwrap();
        assert_eq!((answer.status().as_u16(), answer.text()), (400, format!("refused: http://{path}")), "{text}");
    }
}

#[rstest]
#[case("good.example", "http://good.example/")]
#[case("A.Good.Example:8080", "http://A.Good.Example:8080/")]
#[case("x.a_b.good.example:80", "http://x.a_b.good.example/")]
#[case("[::1]:81", "http://[::1]:81/")]
fn a_host_with_or_without_a_port_is_served(
    #[case] host: &str,
    #[case] url: &str,
    #[values(true, false)] trusts: bool,
    #[values("sync", "async")] colour: &str,
) {
    let answer = app(trusts).test_client().get(&format!("/{colour}")).header("host", host).wait().unwrap();
    assert_eq!((answer.status().as_u16(), answer.text()), (200, format!("{url}{colour} {url}sync")));
}

/// A request that another server or the process itself hands to the app is looked at too.
#[rstest]
#[case::no_host(&[], "/sync", Version::HTTP_11, 200)]
#[case::one(&["a.good.example"], "/sync", Version::HTTP_11, 200)]
#[case::two(&["a.good.example", "a.good.example"], "/sync", Version::HTTP_11, 400)]
#[case::empty(&[""], "/sync", Version::HTTP_11, 400)]
#[case::user_in_the_target(&[], "http://user@a/async", Version::HTTP_2, 400)]
#[case::authority(&[], "http://a/async", Version::HTTP_2, 200)]
#[case::authority_and_the_same_host(&["a"], "http://A/async", Version::HTTP_2, 200)]
#[case::authority_and_another_host(&["b"], "http://a/async", Version::HTTP_2, 400)]
#[case::two_in_http_2(&["a", "b"], "http://a/async", Version::HTTP_2, 400)]
#[tokio::test]
async fn the_app_checks_the_host_itself(
    #[case] hosts: &[&str],
    #[case] target: &str,
    #[case] version: Version,
    #[case] status: u16,
) {
    let application = app(false).build().unwrap();
    let mut request = Request::get(target).version(version);
    for host in hosts {
        request = request.header("host", *host);
    }
    assert_eq!(application.call(request.body(Body::empty()).unwrap()).await.status(), status);
}

/// RFC 9112, 3.2: one host, in the header or in the target, whose host goes first.
#[rstest]
#[case::one("/sync HTTP/1.1\r\nHost: a.good.example", 200, "http://a.good.example/sync")]
#[case::none("/sync HTTP/1.1", 400, "http:///sync")]
#[case::none_in_http_1_0("/async HTTP/1.0", 200, "http:///async")]
#[case::two("/sync HTTP/1.1\r\nHost: a\r\nHost: b", 400, "http:///sync")]
#[case::two_that_are_the_same("/sync HTTP/1.1\r\nHost: a\r\nHost: a", 400, "http:///sync")]
#[case::empty("/async HTTP/1.1\r\nHost:", 400, "http:///async")]
#[case::with_a_user("/async HTTP/1.1\r\nHost: user@a", 400, "http:///async")]
#[case::with_a_path("/async HTTP/1.1\r\nHost: a/path", 400, "http:///async")]
#[case::target("http://a.good.example:81/sync HTTP/1.1\r\nHost: evil.example", 200, "http://a.good.example:81/sync")]
#[case::target_alone("http://a.good.example/async HTTP/1.1", 400, "http://a.good.example/async")]
#[case::target_alone_in_http_1_0("http://a.good.example/async HTTP/1.0", 200, "http://a.good.example/async")]
#[case::target_with_a_user("http://u:p@a/async HTTP/1.1\r\nHost: a", 400, "http:///async")]
fn our_server_wants_one_host(#[case] request: &str, #[case] status: u16, #[case] url: &str) {
    let server = Server::start(app(false));
    let mut stream = server.connect();
    write!(stream, "GET {request}\r\nConnection: close\r\n\r\n").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with(&format!("HTTP/1.{} {status}", u8::from(request.contains("/1.1")))), "{answer}");
    assert!(answer.contains(url), "{answer}");
}

/// The header that views and extensions read is the host of the target too.
#[test]
fn the_header_is_the_targets_host() {
    let mut app = App::new("test");
    app.route("/", || request().header("host").unwrap_or_default().to_owned());
    let server = Server::start(app);
    let mut stream = server.connect();
    write!(stream, "GET http://shop.example/ HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_all(stream).ends_with("\r\n\r\nshop.example"));
}

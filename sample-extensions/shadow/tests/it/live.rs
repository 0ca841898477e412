//! A share of the live traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use costrel::{App, Body, HeaderValue, IntoView, Response, request};
use costrel_shadow::Shadow;
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::{Server, poll_until};

fn old() -> (Server, Arc<AtomicUsize>) {
    let seen = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&seen);
    let mut app = App::new("old");
    app.before_request(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    app.rule("/")
        .methods(["GET", "POST"])
        .view(|| format!("hello {} of {}", request().header("x-name").unwrap_or("you"), request().host()));
    app.after_request(|mut response: Response| {
        response.headers_mut().insert("x-app", HeaderValue::from_static("both"));
        response
    });
    (Server::start(app), seen)
}

/// A new app with the old one's view, behind the decorator.
fn new(shadow: &Shadow, share: f64, is_sync: bool, greeting: &'static str) -> App {
    let mut app = App::new("new");
    let text = move || format!("{greeting} {} of {}", request().header("x-name").unwrap_or("you"), request().host());
    let view = if is_sync { text.into_view() } else { (move || async move { text() }).into_view() };
    app.rule("/").methods(["GET", "POST"]).endpoint("index").decorate(shadow.live(share)).view(view);
    app.after_request(|mut response: Response| {
        response.headers_mut().insert("x-app", HeaderValue::from_static("both"));
        response
    });
    app
}

#[rstest]
fn what_leaves_is_compared_beside_the_request(#[values(true, false)] is_sync: bool) {
    let (old, _) = old();
    let shadow = Shadow::new(&old.url());
    let client = new(&shadow, 1.0, is_sync, "hello").test_client();
    let page = client.get("http://shop.example/").header("x-name", "Ada").wait().unwrap();
    assert_eq!(page.text(), "hello Ada of shop.example");
    poll_until(|| !shadow.report().rules().is_empty());
    let rule = &shadow.report().rules()[0];
    assert_eq!((&*rule.rule, rule.equal, &rule.examples.len()), ("GET index", 1, &0), "{rule:?}");
    assert!(rule.old_ms.is_some() && rule.new_ms.is_some());
}

/// The old app sees the client's address, by which it may limit or greet.
#[rstest]
fn the_old_app_sees_the_client(#[values(true, false)] is_sync: bool) {
    let mut app = App::new("old");
    app.config.server.proxy_fix.x_for = 1;
    app.route("/", || request().remote_addr().map(|address| address.ip().to_string()).unwrap_or_default());
    let old = Server::start(app);
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    let view = if is_sync { (|| "10.1.2.3").into_view() } else { (async || "10.1.2.3").into_view() };
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(view);
    app.test_client().get("/").remote_addr(([10, 1, 2, 3], 4000).into()).wait().unwrap();
    poll_until(|| !shadow.report().rules().is_empty());
    assert_eq!(shadow.report().rules()[0].equal, 1, "{:?}", shadow.report().rules()[0]);
}

/// A browser asks for compressed pages, of which the bytes say nothing.
#[rstest]
fn a_page_that_the_old_app_would_compress_is_equal(#[values(true, false)] is_sync: bool) {
    let mut app = App::new("old");
    app.route("/", || {
        let is_asked = request().header("accept-encoding").is_some();
        let body = if is_asked { "compressed" } else { "hello you of localhost" };
        let encoding = if is_asked { "gzip" } else { "identity" };
        (body, [("content-encoding", encoding), ("x-app", "both")])
    });
    app.after_request(|mut response: Response| {
        if response.headers().get("content-encoding").is_some_and(|encoding| encoding == "identity") {
            response.headers_mut().remove("content-encoding");
        }
        response
    });
    let old = Server::start(app);
    let shadow = Shadow::new(&old.url());
    let client = new(&shadow, 1.0, is_sync, "hello").test_client();
    client.get("/").header("accept-encoding", "gzip, br").wait().unwrap();
    poll_until(|| !shadow.report().rules().is_empty());
    let rule = &shadow.report().rules()[0];
    assert_eq!((rule.equal, rule.examples.len()), (1, 0), "{rule:?}");
}

#[rstest]
fn a_difference_is_found_and_the_client_does_not_notice(#[values(true, false)] is_sync: bool) {
    let (old, _) = old();
    let shadow = Shadow::new(&old.url());
    let client = new(&shadow, 1.0, is_sync, "hallo").test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "hallo you of localhost");
    poll_until(|| !shadow.report().rules().is_empty());
    assert_eq!(shadow.report().rules()[0].examples[0].differences[0].old, "hello you of localhost");
}

#[test]
fn a_share_is_a_share_and_a_post_is_none_of_it() {
    let (old, seen) = old();
    let shadow = Shadow::new(&old.url());
    let client = new(&shadow, 0.25, false, "hello").test_client();
    let compared = || shadow.report().rules().iter().map(|rule| rule.equal + rule.different).sum::<u64>();
    for n in 1..=8 {
        client.post("/").wait().unwrap();
        client.get("/").wait().unwrap();
        poll_until(|| compared() == n / 4);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

/// The response that is about to leave has no date yet.
#[rstest]
fn a_cookie_that_lasts_another_time_is_a_difference(#[values(true, false)] is_sync: bool) {
    let end = |days: u32| {
        let at = SystemTime::now() + Duration::from_secs(60 * 60 * 24) * days;
        ("", [("set-cookie", format!("a=b; Expires={}", httpdate::fmt_http_date(at)))])
    };
    let mut app = App::new("old");
    app.route("/<int:days>", move |_: u32| end(2));
    let old = Server::start(app);
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    let view = if is_sync { end.into_view() } else { (move |days| std::future::ready(end(days))).into_view() };
    app.rule("/<int:days>").endpoint("index").decorate(shadow.live(1.0)).view(view);
    let client = app.test_client();
    for (days, equal, different) in [("/2", 1, 0), ("/3", 1, 1)] {
        client.get(days).wait().unwrap();
        poll_until(|| {
            let rules = shadow.report().rules();
            rules.first().is_some_and(|rule| (rule.equal, rule.different) == (equal, different))
        });
    }
}

#[test]
fn an_old_app_that_is_away_costs_the_client_nothing() {
    let shadow = Shadow::new("http://127.0.0.1:1");
    let client = new(&shadow, 1.0, true, "hello").test_client();
    assert_eq!(client.get("/").wait().unwrap().status(), 200);
    poll_until(|| shadow.report().rules().first().is_some_and(|rule| rule.unanswered == 1));
}

/// The bytes of a compressed page say nothing of what it shows.
#[rstest]
fn a_compressed_page_is_skipped(#[values(true, false)] is_sync: bool) {
    let (old, seen) = old();
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    let view = || ("x", [("content-encoding", "gzip")]);
    let view = if is_sync { view.into_view() } else { (move || std::future::ready(view())).into_view() };
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(view);
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "x");
    assert_eq!((shadow.report().rules()[0].skipped, seen.load(Ordering::SeqCst)), (1, 0));
}

/// The server adds the length of a response after the comparison has seen it.
#[rstest]
#[case(200)]
#[case(204)]
#[case(304)]
#[case(404)]
fn an_empty_page_is_equal(#[case] status: u16, #[values(true, false)] is_sync: bool) {
    let mut app = App::new("old");
    app.route("/", move || ("", status));
    let old = Server::start(app);
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    let view = move || ("", status);
    let view = if is_sync { view.into_view() } else { (move || std::future::ready(view())).into_view() };
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(view);
    app.test_client().get("/").wait().unwrap();
    poll_until(|| !shadow.report().rules().is_empty());
    assert_eq!(shadow.report().rules()[0].equal, 1, "{:?}", shadow.report().rules()[0]);
}

/// Sixteen requests wait for the old app; the next one is not sent there, and counted.
#[rstest]
fn a_request_too_many_at_a_time_is_skipped(#[values(true, false)] is_sync: bool) {
    let may_answer = Arc::new(Semaphore::new(0));
    let mut app = App::new("old");
    let held = Arc::clone(&may_answer);
    app.route("/", move || {
        let held = Arc::clone(&held);
        async move { held.acquire_owned().await.map(|_| "").unwrap_or_default() }
    });
    let old = Server::start(app);
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    let view = if is_sync { (|| "").into_view() } else { (async || "").into_view() };
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(view);
    let client = app.test_client();
    for _ in 0..17 {
        client.get("/").wait().unwrap();
    }
    assert_eq!(shadow.report().rules().iter().map(|rule| rule.skipped).sum::<u64>(), 1);
    may_answer.add_permits(1);
    poll_until(|| shadow.report().rules()[0].equal == 16);
}

#[test]
fn a_stream_is_skipped() {
    let (old, seen) = old();
    let shadow = Shadow::new(&old.url());
    let mut app = App::new("new");
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(|| Body::from_iterator(["a", "b"]));
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "ab");
    assert_eq!((shadow.report().rules()[0].skipped, seen.load(Ordering::SeqCst)), (1, 0));
}

#[test]
fn a_wrong_address_is_a_set_up_error() {
    let shadow = Shadow::new("127.0.0.1");
    let mut app = App::new("new");
    app.rule("/").endpoint("index").decorate(shadow.live(1.0)).view(|| "");
    assert!(app.build().unwrap_err().message().contains("no address"));
}

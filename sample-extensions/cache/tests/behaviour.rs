//! Tests of `cached` and `cached_by`, on sync and async views.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{
    App, Body, Colour, Error, IntoResponse, IntoView, Method, Request, Response, View, abort, g, request, session,
    testing::TestClient,
};
use costrel_cache::Cache;
use costrel_ext_kit::Clock;
use rstest::rstest;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const MINUTE: Duration = Duration::from_secs(60);

/// A view of either colour that passes the number of its run to `answer` and returns the result.
fn counted(colour: Colour, answer: impl Fn(usize) -> Result<Response, Error> + Clone + Send + Sync + 'static) -> View {
    let runs = Arc::new(AtomicUsize::new(0));
    match colour {
        Colour::Sync => (move || answer(runs.fetch_add(1, Ordering::Relaxed))).into_view(),
        Colour::Async => (move || {
            let (runs, answer) = (runs.clone(), answer.clone());
            async move { answer(runs.fetch_add(1, Ordering::Relaxed)) }
        })
        .into_view(),
    }
}

fn client_of(cache: &Cache, view: View) -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = Some("test".into());
    app.init(cache).unwrap();
    app.rule("/page").methods(["GET", "POST"]).decorate(cache.cached(MINUTE)).view(view);
    app.test_client()
}

fn text(client: &TestClient, method: Method, path: &str) -> String {
    client.open(method, path).wait().unwrap().text()
}

fn plain(run: usize) -> Result<Response, Error> {
    format!("run {run}").into_response()
}

#[rstest]
fn one_run_answers_until_it_is_old(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let client = client_of(&Cache::new().clock(clock.clone()), counted(colour, plain));
    let first = client.get("/page").wait().unwrap();
    assert_eq!((first.text().as_str(), first.header("x-cache")), ("run 0", Some("miss")));
    clock.advance(Duration::from_millis(59_999));
    let hit = client.get("/page").wait().unwrap();
    assert_eq!((hit.text().as_str(), hit.header("x-cache")), ("run 0", Some("hit")));
    clock.advance(Duration::from_millis(1));
    assert_eq!(text(&client, Method::GET, "/page"), "run 1");
}

#[rstest]
fn other_queries_are_other_pages_and_their_order_does_not_matter(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let client = client_of(&Cache::new(), counted(colour, plain));
    assert_eq!(text(&client, Method::GET, "/page?a=1&b=2"), "run 0");
    assert_eq!(text(&client, Method::GET, "/page?b=2&a=1"), "run 0");
    assert_eq!(text(&client, Method::GET, "/page?a=1"), "run 1");
}

#[rstest]
fn only_get_is_kept_and_head_may_use_it(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(&Cache::new(), counted(colour, plain));
    client.open(Method::HEAD, "/page").wait().unwrap();
    assert_eq!(text(&client, Method::POST, "/page"), "run 1");
    assert_eq!(text(&client, Method::POST, "/page"), "run 2");
    let client = client_of(&Cache::new(), counted(colour, plain));
    assert_eq!(text(&client, Method::GET, "/page"), "run 0");
    let head = client.open(Method::HEAD, "/page").wait().unwrap();
    assert_eq!((head.header("x-cache"), head.header("content-length")), (Some("hit"), Some("5")));
}

#[rstest]
#[case::sets_a_cookie(|run| (format!("run {run}"), [("set-cookie", "a=1")]).into_response())]
#[case::writes_the_session(|run| { session().set("seen", true)?; format!("run {run}").into_response() })]
#[case::reads_the_session(|run| { session().contains("seen"); format!("run {run}").into_response() })]
#[case::says_private(|run| (format!("run {run}"), [("cache-control", "max-age=9, Private")]).into_response())]
#[case::says_no_store(|run| (format!("run {run}"), [("cache-control", "no-store")]).into_response())]
#[case::says_no_cache(|run| (format!("run {run}"), [("cache-control", "no-cache")]).into_response())]
#[case::varies(|run| (format!("run {run}"), [("vary", "Authorization")]).into_response())]
#[case::is_not_a_200(|run| (format!("run {run}"), 203).into_response())]
#[case::streams(|run| Body::from_stream(futures_util::stream::iter([Ok::<_, Error>(format!("run {run}"))])).into_response())]
#[case::has_trailers(|run| (format!("run {run}"), [("trailer", "x-sum")]).into_response())]
fn what_is_for_one_visitor_is_not_kept(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] answer: fn(usize) -> Result<Response, Error>,
) {
    let client = client_of(&Cache::new(), counted(colour, answer));
    assert_eq!(text(&client, Method::GET, "/page"), "run 0");
    let again = client.get("/page").wait().unwrap();
    assert_eq!((again.text().as_str(), again.header("x-cache")), ("run 1", None));
}

/// The inner service of a tower layer answers with such a stream.
#[rstest]
#[case::short(5, "run 0")]
#[case::too_long(1024 * 1024 + 1, "run 1")]
fn a_stream_of_known_length_is_kept_if_it_is_not_too_long(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] length: usize,
    #[case] again: &str,
) {
    let answer = move |run: usize| {
        let chunks = [format!("run {run}"), ".".repeat(length - 5)];
        Body::from_iterator(chunks).with_length(length as u64).into_response()
    };
    let client = client_of(&Cache::new(), counted(colour, answer));
    assert!(text(&client, Method::GET, "/page").starts_with("run 0"));
    let kept = text(&client, Method::GET, "/page");
    assert!(kept.starts_with(again) && kept.len() == length, "{}", kept.len());
}

/// A page for one user is never given to another user, even if a hook outside of the view read the session.
#[rstest]
fn a_page_for_one_user_is_not_kept_for_the_next(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] by_owner: bool,
) {
    let greet = || format!("secret of {}", g().get::<String>("user").unwrap_or_default());
    let view = match colour {
        Colour::Sync => (move || greet()).into_view(),
        Colour::Async => (move || async move { greet() }).into_view(),
    };
    let cache = Cache::new();
    let owner = async |_: Request| g().get::<String>("user").unwrap_or_default();
    let cached = if by_owner { cache.cached_by(MINUTE, owner)(view) } else { cache.cached(MINUTE)(view) };
    let mut app = App::new("test");
    app.config.secret_key = Some("test".into());
    app.init(&cache).unwrap();
    app.before_request(async || g().set("user", session().get::<String>("user").unwrap_or_default()));
    app.post("/login/<name>", async |name: String| session().set("user", name).map(|()| "welcome"));
    app.rule("/page").view(cached.named("page"));
    let application = app.build().unwrap();
    for user in ["ada", "bob"] {
        let client = application.test_client();
        client.post(&format!("/login/{user}")).wait().unwrap();
        for state in if by_owner { [Some("miss"), Some("hit")] } else { [None, None] } {
            let page = client.get("/page").wait().unwrap();
            assert_eq!((page.text(), page.header("x-cache")), (format!("secret of {user}"), state));
        }
    }
}

#[test]
fn who_brings_credentials_passes_the_cache_by() {
    let client = client_of(&Cache::new(), counted(Colour::Async, plain));
    let with_key =
        |client: &TestClient| client.get("/page").header("authorization", "Bearer ada").wait().unwrap().text();
    assert_eq!(with_key(&client), "run 0");
    assert_eq!(text(&client, Method::GET, "/page"), "run 1");
    assert_eq!(with_key(&client), "run 2");
}

#[test]
fn hosts_and_the_order_of_values_tell_pages_apart() {
    let client = client_of(&Cache::new(), counted(Colour::Async, plain));
    assert_eq!(text(&client, Method::GET, "/page?a=1&a=2"), "run 0");
    assert_eq!(text(&client, Method::GET, "/page?a=2&a=1"), "run 1");
    let other_host = client.get("/page?a=1&a=2").header("host", "evil.example");
    assert!(other_host.wait().is_ok());
    assert_eq!(text(&client, Method::GET, "/page?a=1&a=2"), "run 0");
}

#[rstest]
fn head_does_not_keep_get_out(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(&Cache::new(), counted(colour, plain));
    client.open(Method::HEAD, "/page").wait().unwrap();
    assert_eq!(text(&client, Method::GET, "/page"), "run 1");
    assert_eq!(client.get("/page").wait().unwrap().header("x-cache"), Some("hit"));
}

#[rstest]
fn errors_are_not_kept(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let fails_once = |run| if run == 0 { abort(503) } else { plain(run) };
    let client = client_of(&Cache::new(), counted(colour, fails_once));
    assert_eq!(client.get("/page").wait().unwrap().status(), 503);
    assert_eq!(text(&client, Method::GET, "/page"), "run 1");
}

/// A page whose view waits at a gate, so that requests pile up behind the first.
struct Gated {
    client: TestClient,
    gate: Arc<Semaphore>,
    entered: Arc<Semaphore>,
    runs: Arc<AtomicUsize>,
}

impl Gated {
    async fn wait_for_entry(&self) {
        let entry = timeout(Duration::from_secs(10), self.entered.acquire()).await;
        entry.expect("no request entered the view within 10 s").unwrap().forget();
    }
}

fn gated(colour: Colour, panics_first: bool) -> Gated {
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let runs = Arc::new(AtomicUsize::new(0));
    let inside = (gate.clone(), entered.clone(), runs.clone());
    let waiting = move || {
        let (gate, entered, runs) = inside.clone();
        async move {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            assert!(!(panics_first && run == 0), "the first run panics, as it should");
            format!("run {run}")
        }
    };
    let view = match colour {
        Colour::Async => waiting.into_view(),
        Colour::Sync => (move || costrel::async_to_sync(|()| waiting())(())).into_view(),
    };
    Gated { client: client_of(&Cache::new(), view), gate, entered, runs }
}

#[rstest]
#[tokio::test]
async fn many_misses_at_once_run_the_view_once(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let page = gated(colour, false);
    let requests: Vec<_> = (0..20).map(|_| tokio::spawn(page.client.get("/page").into_future())).collect();
    page.wait_for_entry().await;
    page.gate.add_permits(20);
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().text(), "run 0");
    }
    assert_eq!(page.runs.load(Ordering::Relaxed), 1);
}

#[rstest]
#[tokio::test]
async fn when_the_first_fails_or_leaves_another_takes_its_turn(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] panics: bool,
) {
    let page = gated(colour, panics);
    let first = tokio::spawn(page.client.get("/page").into_future());
    page.wait_for_entry().await;
    let second = tokio::spawn(page.client.get("/page").into_future());
    if panics {
        page.gate.add_permits(1);
        assert_eq!(first.await.unwrap().unwrap().status(), 500);
    } else {
        first.abort();
    }
    page.gate.add_permits(2);
    assert_eq!(second.await.unwrap().unwrap().text(), "run 1");
}

#[test]
fn two_apps_do_not_share_pages() {
    let cache = Cache::new();
    let (one, other) =
        (client_of(&cache, counted(Colour::Async, plain)), client_of(&cache, counted(Colour::Async, plain)));
    assert_eq!(one.get("/page").wait().unwrap().header("x-cache"), Some("miss"));
    assert_eq!(other.get("/page").wait().unwrap().header("x-cache"), Some("miss"));
}

#[test]
fn a_page_for_ever_is_kept_for_ever() {
    let (cache, clock) = (Cache::new(), Clock::manual());
    let cache = cache.clock(clock.clone());
    let mut app = App::new("test");
    app.init(&cache).unwrap();
    app.rule("/").decorate(cache.cached(Duration::MAX)).view(|| request().path().to_owned());
    let client = app.test_client();
    client.get("/").wait().unwrap();
    clock.advance(Duration::from_secs(1 << 40));
    assert_eq!(client.get("/").wait().unwrap().header("x-cache"), Some("hit"));
}

/// A full cache makes room with what has expired.
#[rstest]
fn an_expired_page_goes_before_a_fresh_one(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().capacity(2).clock(clock.clone());
    let mut app = App::new("test");
    app.init(&cache).unwrap();
    app.rule("/short").decorate(cache.cached(Duration::from_secs(1))).view(counted(colour, plain).named("short"));
    app.rule("/long").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("long"));
    app.rule("/new").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("new"));
    let client = app.test_client();
    text(&client, Method::GET, "/long");
    clock.advance(Duration::from_millis(1));
    text(&client, Method::GET, "/short");
    clock.advance(Duration::from_secs(2));
    text(&client, Method::GET, "/new");
    assert_eq!(client.get("/long").wait().unwrap().header("x-cache"), Some("hit"));
    assert_eq!(client.get("/new").wait().unwrap().header("x-cache"), Some("hit"));
}

#[test]
fn of_fresh_pages_the_one_unused_for_the_longest_time_goes() {
    let clock = Clock::manual();
    let cache = Cache::new().capacity(2).clock(clock.clone());
    let client = client_of(&cache, counted(Colour::Async, plain));
    for query in ["a", "b", "a", "c"] {
        clock.advance(Duration::from_millis(1));
        text(&client, Method::GET, &format!("/page?{query}"));
    }
    assert_eq!(client.get("/page?a").wait().unwrap().header("x-cache"), Some("hit"));
    assert_eq!(client.get("/page?b").wait().unwrap().header("x-cache"), Some("miss"));
}

/// What has failed may be overloaded, so those who wait try one after the other.
#[rstest]
#[tokio::test]
async fn after_a_failure_those_who_wait_try_one_at_a_time(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] as_error: bool,
) {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let failing = move || {
        let (inside, most) = (inside.clone(), most.clone());
        async move {
            most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // Long enough for every other request to begin, if it could.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            inside.fetch_sub(1, Ordering::Relaxed);
            if as_error { abort(503) } else { ("failed", 503).into_response() }
        }
    };
    let view = match colour {
        Colour::Async => failing.into_view(),
        Colour::Sync => (move || costrel::async_to_sync(|()| failing())(()).flatten()).into_view(),
    };
    let client = client_of(&Cache::new(), view);
    let requests: Vec<_> = (0..11).map(|_| tokio::spawn(client.get("/page").into_future())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 503);
    }
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

/// A conversation cannot be cached, so to try is an error at start-up.
#[test]
fn a_websocket_is_not_cached() {
    let cache = Cache::new();
    let mut app = App::new("test");
    app.init(&cache).unwrap();
    app.rule("/talk").decorate(cache.cached(MINUTE)).websocket(async || ());
    assert!(app.build().unwrap_err().message().contains("`cached` is for pages"));
}

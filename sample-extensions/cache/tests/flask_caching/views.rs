//! Timeouts, `unless`, filters and forced updates of cached views.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{COLOURS, MINUTE, app, callback, client_of, counted, plain, text};
use costrel::{Colour, IntoResponse, Method, MethodView, Methods, Request, Response, session};
use costrel_cache::{Cache, timeout};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;
use rstest::rstest;

#[rstest]
fn c1_one_run_answers_until_its_timeout_and_not_at_it(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, plain)));
    assert_eq!(text(&client, "/page"), "run 0");
    clock.advance(Duration::from_nanos(59_999_999_999));
    assert_eq!(text(&client, "/page"), "run 0");
    clock.advance(Duration::from_nanos(1));
    assert_eq!(text(&client, "/page"), "run 1");
}

#[derive(Clone)]
struct Page {
    runs: Arc<[AtomicUsize; 2]>,
}

impl Page {
    fn get(self) -> String {
        format!("run {}", self.runs[0].fetch_add(1, Ordering::Relaxed))
    }

    async fn post(self) -> String {
        format!("run {}", self.runs[1].fetch_add(1, Ordering::Relaxed))
    }
}

impl MethodView for Page {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post)
    }
}

#[test]
fn c2_a_class_view_is_cached() {
    let cache = Cache::new();
    let mut app = app(&cache);
    let runs = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let by_method = timeout(MINUTE).make_cache_key(|request: Request| request.method().to_string());
    app.rule("/page")
        .decorate(cache.cached(by_method))
        .view(Page::as_view("page", move || Page { runs: runs.clone() }));
    let client = app.test_client();
    for method in [Method::GET, Method::POST] {
        let pages = [(); 2].map(|()| client.open(method.clone(), "/page").wait().unwrap().text());
        assert_eq!(pages, ["run 0", "run 0"], "{method}");
    }
}

#[test]
fn c3_an_async_view_runs_once() {
    let cache = Cache::new();
    let client = client_of(&cache, cache.cached(MINUTE)(counted(Colour::Async, plain)));
    assert_eq!([(); 2].map(|()| text(&client, "/page")), ["run 0", "run 0"]);
}

#[rstest]
fn c4_unless_bypasses_the_cache(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let cache = Cache::new();
    let unless = callback(of_callback, |request: Request| request.args().get("live").is_some());
    let client =
        client_of(&cache, cache.cached(timeout(MINUTE).unless(unless).query_string(false))(counted(colour, plain)));
    assert_eq!([(); 2].map(|()| text(&client, "/page?live")), ["run 0", "run 1"]);
    assert_eq!([(); 2].map(|()| text(&client, "/page")), ["run 2", "run 2"]);
    // Neither read from the cache nor written to it.
    assert_eq!(text(&client, "/page?live"), "run 3");
    assert_eq!(text(&client, "/page"), "run 2");
}

#[test]
fn c4_unless_may_take_nothing_and_look_at_the_session() {
    for colour in COLOURS {
        let cache = Cache::new();
        let is_member = callback(colour, |_: Request| session().contains("user"));
        let mut app = app(&cache);
        app.post("/login", || session().set("user", "ada").map(|()| ""));
        app.rule("/page")
            .decorate(cache.cached(timeout(MINUTE).unless(is_member)))
            .view(counted(colour, plain).named("p"));
        app.rule("/other")
            .decorate(cache.cached(timeout(MINUTE).unless(|| false)))
            .view(counted(colour, plain).named("o"));
        let application = app.build().unwrap();
        let (member, visitor) = (application.test_client(), application.test_client());
        member.post("/login").wait().unwrap();
        assert_eq!([(); 2].map(|()| text(&visitor, "/page")), ["run 0", "run 0"]);
        assert_eq!([(); 2].map(|()| text(&member, "/page")), ["run 1", "run 2"]);
        assert_eq!([(); 2].map(|()| text(&visitor, "/other")), ["run 0", "run 0"]);
    }
}

/// What `unless` loads of the user, as a login does, is as personal as what a hook loads.
#[rstest]
fn c4_what_unless_has_put_on_g_keeps_a_page_from_others(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let unless = callback(colour, |_: Request| {
        costrel::g().set("user", session().get::<String>("user").unwrap_or_default());
        false
    });
    let greet = |_| format!("hello {}", costrel::g().get::<String>("user").unwrap_or_default()).into_response();
    let mut app = app(&cache);
    app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
    app.rule("/page").decorate(cache.cached(timeout(MINUTE).unless(unless))).view(counted(colour, greet).named("page"));
    let application = app.build().unwrap();
    for name in ["ada", "bob"] {
        let client = application.test_client();
        client.post(&format!("/login/{name}")).wait().unwrap();
        assert_eq!(text(&client, "/page"), format!("hello {name}"));
    }
}

#[rstest]
fn c5_only_what_the_filter_lets_through_is_stored(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let cache = Cache::new();
    let is_whole = callback(of_callback, |response: Response| {
        response.body().as_bytes().is_some_and(|body| body.as_ref() != b"run 0")
    });
    let client = client_of(&cache, cache.cached(timeout(MINUTE).response_filter(is_whole))(counted(colour, plain)));
    assert_eq!([(); 3].map(|()| text(&client, "/page")), ["run 0", "run 1", "run 1"]);
}

#[rstest]
fn c5_a_500_is_not_stored_and_the_200_after_it_is(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let answer = |run| (format!("run {run}"), if run == 0 { 500 } else { 200 }).into_response();
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
    assert_eq!([(); 3].map(|()| text(&client, "/page")), ["run 0", "run 1", "run 1"]);
}

#[rstest]
fn c6_a_forced_update_is_stored(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let cache = Cache::new();
    let forced = callback(of_callback, |request: Request| request.args().get("new").is_some());
    let caching = timeout(MINUTE).forced_update(forced).query_string(false);
    let client = client_of(&cache, cache.cached(caching)(counted(colour, plain)));
    let paths = ["/page", "/page", "/page?new", "/page", "/page?new", "/page"];
    assert_eq!(paths.map(|path| text(&client, path)), ["run 0", "run 0", "run 1", "run 1", "run 2", "run 2"]);
}

#[rstest]
fn c7_is_stale_is_asked_on_hits_alone(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let cache = Cache::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let is_stale = callback(of_callback, move |response: Response| {
        let text = String::from_utf8(response.body().as_bytes().unwrap().to_vec()).unwrap();
        seen.lock().push(text.clone());
        text == "run 0"
    });
    let caching =
        timeout(MINUTE).is_stale(is_stale).forced_update(|request: Request| request.args().get("new").is_some());
    let client = client_of(&cache, cache.cached(caching.query_string(false))(counted(colour, plain)));
    assert_eq!(["/page", "/page", "/page"].map(|path| text(&client, path)), ["run 0", "run 1", "run 1"]);
    assert_eq!(*asked.lock(), ["run 0", "run 1"]);
    assert_eq!(text(&client, "/page?new"), "run 2");
    assert_eq!(asked.lock().len(), 2);
}

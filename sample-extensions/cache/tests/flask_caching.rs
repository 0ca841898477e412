//! The behaviours of Flask-Caching, one test each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{
    App, Body, Colour, Error, IntoResponse, IntoView, Method, MethodView, Methods, Request, Response, StatusCode, View,
    abort, context, render_template_string, request, session,
};
use costrel_cache::{
    CACHE_MEMOIZE_HIT, CACHE_MEMOIZE_MISS, CACHE_VIEW_HIT, CACHE_VIEW_MISS, Cache, CacheEvent, CachedResponse, Caching,
    make_template_fragment_key, timeout,
};
use costrel_ext_kit::{Clock, Decorate};
use parking_lot::Mutex;
use rstest::rstest;
use support::{COLOURS, MINUTE, app, callback, client_of, counted, page, plain, text};

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

#[rstest]
fn c8_another_view_makes_the_same_key(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    fn key_of(fruit: &str) -> String {
        format!("fruit {fruit}")
    }
    let cache = Cache::new();
    let mut app = app(&cache);
    let key = callback(colour, |request: Request| key_of(&request.view_args()[0].1.to_string()));
    let fruit = counted(colour, plain);
    app.rule("/fruit/<name>")
        .decorate(cache.cached(timeout(MINUTE).make_cache_key(key)))
        .view(move |_: String| fruit.call(request()));
    let by_key = cache.clone();
    app.route("/eaten/<name>", move |name: String| by_key.delete(&key_of(&name)).wait().map(|was| was.to_string()));
    let client = app.test_client();
    assert_eq!(["/fruit/apple", "/fruit/apple"].map(|path| text(&client, path)), ["run 0", "run 0"]);
    assert_eq!(["/eaten/apple", "/eaten/apple"].map(|path| text(&client, path)), ["true", "false"]);
    assert_eq!(text(&client, "/fruit/apple"), "run 1");
}

#[rstest]
fn c9_a_key_of_the_body_tells_posts_apart(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let cache = Cache::new();
    let body = || async { Ok::<_, Error>(String::from_utf8_lossy(&request().get_data().await?).into_owned()) };
    let runs = Arc::new(AtomicUsize::new(0));
    let answer = move || {
        let runs = runs.clone();
        async move { Ok::<_, Error>(format!("run {} of {}", runs.fetch_add(1, Ordering::Relaxed), body().await?)) }
    };
    let view = match colour {
        Colour::Sync => (move || costrel::async_to_sync(|()| answer())(()).flatten()).into_view(),
        Colour::Async => answer.into_view(),
    };
    let key = match of_callback {
        Colour::Sync => cache
            .cached(timeout(MINUTE).make_cache_key(move || costrel::async_to_sync(|()| body())(()).flatten()))(
            view
        ),
        Colour::Async => cache.cached(timeout(MINUTE).make_cache_key(body))(view),
    };
    let client = client_of(&cache, key);
    let post = |body: &'static str| client.post("/page").body(body).wait().unwrap().text();
    assert_eq!(["a", "a", "b", "a"].map(post), ["run 0 of a", "run 0 of a", "run 1 of b", "run 0 of a"]);
    // GET with the same body is another page.
    assert_eq!(client.get("/page").body("a").wait().unwrap().text(), "run 2 of a");
}

/// What the key does not say stays with its client.
#[rstest]
fn c9_a_key_shares_no_more_than_it_says(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let key = callback(colour, |request: Request| request.header("accept-language").unwrap_or_default().to_owned());
    let greet = |_| {
        let said = |name| request().header(name).unwrap_or_default().to_owned();
        format!(
            "{} {}",
            said("accept-language"),
            if said("accept-language") == "de" { String::new() } else { said("x-user") }
        )
        .into_response()
    };
    let client = client_of(&cache, cache.cached(timeout(MINUTE).make_cache_key(key))(counted(colour, greet)));
    let by = |language: &str, user: &str| {
        let response = client.get("/page").header("accept-language", language).header("x-user", user).wait().unwrap();
        (response.text(), response.header("x-cache").map(str::to_owned))
    };
    assert_eq!(by("de", "ada"), ("de ".into(), Some("miss".into())));
    assert_eq!(by("de", "bob"), ("de ".into(), Some("hit".into())));
    assert_eq!(by("en", "ada"), ("en ada".into(), None));
    assert_eq!(by("en", "bob"), ("en bob".into(), None));
}

#[rstest]
fn c11_a_key_prefix_goes_with_the_query(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    for (path, prefix) in [("/one", "all"), ("/two", "all"), ("/three", "of/%s"), ("/four", "of/%s")] {
        let caching = timeout(MINUTE).key_prefix(prefix).query_string(true);
        app.rule(path)
            .endpoint(path.trim_start_matches('/'))
            .decorate(cache.cached(caching))
            .view(counted(colour, plain));
    }
    let by_key = cache.clone();
    app.route("/delete", move || {
        let keys = ["all", "all?a=1&b=2", "of//three", "of//four"];
        by_key.delete_many(keys).wait().map(|deleted| deleted.to_string())
    });
    let client = app.test_client();
    assert_eq!(
        ["/one", "/two", "/one?b=2&a=1", "/two?a=1&b=2"].map(|path| text(&client, path)),
        ["run 0", "run 0", "run 1", "run 1"]
    );
    assert_eq!(["/three", "/four", "/three"].map(|path| text(&client, path)), ["run 0", "run 0", "run 0"]);
    assert_eq!(text(&client, "/delete"), "4");
    assert_eq!(text(&client, "/one"), "run 2");
}

#[rstest]
fn c12_variables_named_path_and_query_args_change_no_key(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let mut app = app(&cache);
    for kind in ["summary", "detail"] {
        let view = counted(colour, move |run| format!("{kind} {run}").into_response());
        app.rule(&format!("/{kind}/<path>/<query_args>"))
            .endpoint(kind)
            .decorate(cache.cached(MINUTE))
            .view(move |_: String, _: String| view.call(request()));
    }
    let client = app.test_client();
    let paths = ["/summary/a/b", "/detail/a/b", "/summary/a/b", "/detail/a/b", "/detail/a/c"];
    assert_eq!(paths.map(|path| text(&client, path)), ["summary 0", "detail 0", "summary 0", "detail 0", "detail 1"]);
}

#[rstest]
fn c13_a_page_of_get_answers_no_other_method_but_in_compat_mode(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, plain)));
    assert_eq!(text(&client, "/page"), "run 0");
    let post = client.post("/page").wait().unwrap();
    assert_eq!(post.text(), if is_compat { "run 0" } else { "run 1" });
    assert_eq!(post.header("x-cache"), None);
    assert_eq!(text(&client, "/page"), "run 0");
}

#[rstest]
fn c14_a_cookie_is_given_to_no_second_client(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let answer = |run| (format!("run {run}"), [("set-cookie", format!("visitor={run}"))]).into_response();
    let mut app = app(&cache);
    for (path, caching) in [("/safe", timeout(MINUTE)), ("/public", timeout(MINUTE).public())] {
        app.rule(path).endpoint(&path[1..]).decorate(cache.cached(caching)).view(counted(colour, answer));
    }
    let application = app.build().unwrap();
    for path in ["/safe", "/public"] {
        for visitor in ["visitor=0", "visitor=1"] {
            let response = application.test_client().get(path).wait().unwrap();
            assert_eq!(response.header("set-cookie"), Some(visitor), "{path}");
        }
    }
}

/// A check of the user that declares no phase, so that the order is not refused at start-up.
fn members_only(view: View) -> View {
    view.guarded_by(|_| if session().contains("user") { Ok(()) } else { abort(401) })
}

#[rstest]
fn c16_a_login_inside_of_the_cache_locks_out_and_lets_in_nobody_else(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
    #[values(true, false)] member_first: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let mut app = app(&cache);
    app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
    let private = |_| format!("private of {}", session().get::<String>("user").unwrap_or_default()).into_response();
    app.rule("/page")
        .decorate(cache.cached(MINUTE))
        .decorate(members_only)
        .view(counted(colour, private).named("page"));
    let application = app.build().unwrap();
    let [alice, bob, visitor] = [(); 3].map(|()| application.test_client());
    for (member, name) in [(&alice, "alice"), (&bob, "bob")] {
        member.post(&format!("/login/{name}")).wait().unwrap();
    }
    if member_first {
        assert_eq!(text(&alice, "/page"), "private of alice");
    }
    for _ in 0..2 {
        assert_eq!(visitor.get("/page").wait().unwrap().status(), 401);
        assert_eq!(text(&alice, "/page"), "private of alice");
        assert_eq!(text(&bob, "/page"), "private of bob");
    }
}

#[rstest]
fn c17_a_404_is_kept_in_neither_form(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
    #[values(true, false)] aborts: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let runs = Arc::new(AtomicUsize::new(0));
    let seen = runs.clone();
    let missing = move |run| {
        seen.store(run + 1, Ordering::Relaxed);
        if aborts { abort(404) } else { ("missing", 404).into_response() }
    };
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, missing)));
    for _ in 0..2 {
        assert_eq!(client.get("/page").wait().unwrap().status(), 404);
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[rstest]
fn c17_what_is_kept_has_its_status_headers_and_body(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let answer = |run: usize| {
        let headers = [("x-two", "1"), ("x-two", "2"), ("content-type", "text/plain"), ("etag", "\"7\"")];
        (vec![0xff, 0, u8::try_from(run)?], 200, headers.to_vec()).into_response()
    };
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
    let [mut first, mut hit] = [(); 2].map(|()| {
        let response = client.get("/page").wait().unwrap();
        (response.status(), response.headers().clone(), response.data().clone())
    });
    assert!([&mut first, &mut hit].map(|response| response.1.remove("x-cache").is_some()) == [true, true]);
    assert_eq!(first, hit);
    assert_eq!(hit.1.get_all("x-two").iter().count(), 2);
}

#[rstest]
fn c19_a_response_has_a_timeout_of_its_own(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    for (own, lasts) in [(7, 7), (0, 60)] {
        let clock = Clock::manual();
        let cache = Cache::new().clock(clock.clone());
        let answer = move |run| CachedResponse::new(format!("run {run}"), Duration::from_secs(own)).into_response();
        let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
        text(&client, "/page");
        clock.advance(Duration::from_secs(lasts - 1));
        assert_eq!(text(&client, "/page"), "run 0", "{own}");
        clock.advance(Duration::from_secs(1));
        assert_eq!(text(&client, "/page"), "run 1", "{own}");
    }
}

#[rstest]
fn c20_what_never_expires_stays_longest(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone()).capacity(2);
    let mut app = app(&cache);
    for (name, lasts) in [("ever", 0), ("long", 60), ("new", 60)] {
        let cached = cache.cached(Duration::from_secs(lasts));
        app.rule(&format!("/{name}")).endpoint(name).decorate(cached).view(counted(colour, plain));
    }
    let client = app.test_client();
    text(&client, "/ever");
    clock.advance(Duration::from_millis(1));
    text(&client, "/long");
    text(&client, "/new");
    assert_eq!(page(&client, "/ever"), ("run 0".into(), Some("hit".into())));
    clock.advance(Duration::from_secs(1 << 40));
    assert_eq!(page(&client, "/ever"), ("run 0".into(), Some("hit".into())));
}

#[rstest]
fn c21_the_hit_header_is_there_on_hits_if_it_is_asked_for(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let other = Cache::new();
    let with = client_of(&cache, cache.cached(timeout(MINUTE).response_hit_indication(true))(counted(colour, plain)));
    let without = client_of(&other, other.cached(MINUTE)(counted(colour, plain)));
    for is_hit in [false, true] {
        let response = with.get("/page").wait().unwrap();
        assert_eq!(response.header("hit_cache"), is_hit.then_some("True"));
        assert_eq!(response.header("x-cache").is_some(), !is_compat);
        assert_eq!(without.get("/page").wait().unwrap().header("hit_cache"), None);
    }
}

#[rstest]
fn c23_a_stream_is_joined_or_not_stored(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] has_length: bool,
    #[values(true, false)] fails: bool,
) {
    let cache = Cache::new();
    let answer = move |run: usize| {
        let last = if fails && run == 0 { Err(Error::status(500)) } else { Ok(format!("{run}")) };
        let body = Body::from_iterator([Ok("run ".to_owned()), last]);
        if has_length { body.with_length(5) } else { body }.into_response()
    };
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
    let first = client.get("/page").wait();
    assert_eq!(first.is_ok_and(|first| first.text() == "run 0"), !fails);
    let first_kept = i32::from(fails);
    let again = if has_length { first_kept } else { 1 };
    assert_eq!(text(&client, "/page"), format!("run {again}"));
    let third = if has_length { first_kept } else { 2 };
    assert_eq!(text(&client, "/page"), format!("run {third}"));
}

#[rstest]
fn c27_one_page_is_deleted_by_its_url(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_compat: bool,
) {
    let cache = if is_compat { Cache::new().compat("flask-caching 2.5") } else { Cache::new() };
    let by_url = cache.clone();
    let mut app = app(&cache);
    let cached = cache.cached(timeout(MINUTE).query_string(true));
    app.rule("/works").decorate(cached.clone()).view(counted(colour, plain).named("works"));
    app.rule("/works2").decorate(cached).view(counted(colour, plain).named("works2"));
    app.route("/delete", move || by_url.delete_cached(request().args().get("url").unwrap()).wait().map(|()| ""));
    let client = app.test_client();
    let all = |client: &_| ["/works", "/works?a=1&b=2", "/works?a=2", "/works2"].map(|path| text(client, path));
    assert_eq!(all(&client), ["run 0", "run 1", "run 2", "run 0"]);
    client.get("/delete").query(&[("url", "/works?b=2&a=1")]).wait().unwrap();
    assert_eq!(all(&client), ["run 0", "run 3", "run 2", "run 0"]);
    client.get("/delete").query(&[("url", "/works")]).wait().unwrap();
    assert_eq!(all(&client), ["run 4", "run 3", "run 2", "run 0"]);
}

#[test]
fn c27_all_copies_of_a_page_are_deleted() {
    let cache = Cache::new();
    let by_url = cache.clone();
    let mut app = app(&cache);
    let answer = |run| (format!("run {run}"), [("vary", "accept-language")]).into_response();
    app.rule("/page").decorate(cache.cached(MINUTE)).view(counted(Colour::Async, answer));
    app.route("/delete", move || by_url.delete_cached("/page").wait().map(|()| ""));
    let client = app.test_client();
    let pages = |client: &costrel::testing::TestClient| {
        [("a.example", "de"), ("a.example", "en"), ("b.example", "de")].map(|(host, language)| {
            let request = client.get("/page").header("host", host).header("accept-language", language);
            request.wait().unwrap().text()
        })
    };
    assert_eq!(pages(&client), ["run 0", "run 1", "run 2"]);
    assert_eq!(pages(&client), ["run 0", "run 1", "run 2"]);
    text(&client, "/delete");
    assert_eq!(pages(&client), ["run 3", "run 4", "run 5"]);
}

#[cfg(test)]
mod fragments {
    use super::*;

    fn app_with(cache: &Cache, source: &'static str) -> App {
        let (mut app, runs) = (app(cache), Arc::new(AtomicUsize::new(0)));
        app.templates(move |templates| {
            templates.add_function("run", move || runs.fetch_add(1, Ordering::Relaxed));
        });
        app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
        app.route("/sync/<user>", move |user: String| render_template_string(source, context! { user }).wait());
        app.route("/async/<user>", async move |user: String| render_template_string(source, context! { user }).await);
        app
    }

    #[rstest]
    fn c33_a_fragment_is_kept_for_each_of_its_values(#[values("sync", "async")] colour: &'static str) {
        let clock = Clock::manual();
        let cache = Cache::new().clock(clock.clone());
        let by_key = cache.clone();
        let mut app = app_with(&cache, "{% call cache(60, 'menu', user) %}<b>{{ user }}</b> {{ run() }}{% endcall %}");
        app.route("/delete", move || {
            let key = make_template_fragment_key("menu", ["a_b"]);
            assert_eq!(key, "_template_fragment_cache_menu_a%5Fb");
            by_key.delete(&key).wait().map(|was| was.to_string())
        });
        let client = app.test_client();
        let of = |user: &str| text(&client, &format!("/{colour}/{user}"));
        assert_eq!(["a_b", "bob", "a_b"].map(of), ["<b>a_b</b> 0", "<b>bob</b> 1", "<b>a_b</b> 0"]);
        assert_eq!(text(&client, "/delete"), "true");
        assert_eq!(["a_b", "bob"].map(of), ["<b>a_b</b> 2", "<b>bob</b> 1"]);
        clock.advance(MINUTE);
        assert_eq!(of("bob"), "<b>bob</b> 3");
    }

    #[rstest]
    fn c33_del_deletes_and_renders(#[values("sync", "async")] colour: &'static str) {
        let source = "{% call cache('del' if user == 'gone' else none, 'menu') %}{{ run() }}{% endcall %}";
        let client = app_with(&Cache::new(), source).test_client();
        let of = |user: &str| text(&client, &format!("/{colour}/{user}"));
        assert_eq!(["ada", "bob", "gone", "gone", "bob", "ada"].map(of), ["0", "0", "1", "2", "3", "3"]);
    }

    #[rstest]
    fn c33_a_fragment_that_looked_at_its_client_is_kept_for_its_values_alone(
        #[values("sync", "async")] colour: &'static str,
        #[values(true, false)] is_said: bool,
    ) {
        let source = if is_said {
            "{% call cache(60, 'menu', user) %}{{ session.user }} {{ run() }}{% endcall %}"
        } else {
            "{% call cache(60, 'menu') %}{{ session.user }} {{ run() }}{% endcall %}"
        };
        let application = app_with(&Cache::new(), source).build().unwrap();
        let [ada, bob] = ["ada", "bob"].map(|name| {
            let client = application.test_client();
            client.post(&format!("/login/{name}")).wait().unwrap();
            (name, client)
        });
        let pages = [&ada, &bob, &ada].map(|(name, client)| text(client, &format!("/{colour}/{name}")));
        assert_eq!(pages, ["ada 0", "bob 1", if is_said { "ada 0" } else { "ada 2" }]);
    }

    #[test]
    fn c33_a_wrong_call_says_what_is_right() {
        for (source, says) in [
            ("{{ cache(60, 'menu') }}", "it is a block"),
            ("{% call cache(60) %}{% endcall %}", "it needs a timeout and a name"),
            ("{% call cache(-1, 'menu') %}{% endcall %}", "negative"),
        ] {
            let mut app = app_with(&Cache::new(), source);
            app.config.testing = true;
            let error = app.test_client().get("/async/ada").wait().unwrap_err();
            assert!(format!("{error:?}").contains(says), "{source}: {error:?}");
        }
    }
}

/// The signals of views and functions, as `(signal, key, args)`.
type Sent = Arc<Mutex<Vec<(&'static str, String, String)>>>;

#[rstest]
fn c34_signals_tell_of_misses_and_hits_if_they_are_enabled(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] enabled: bool,
) {
    fn double(n: u32) -> u32 {
        2 * n
    }
    let (cache, sent) = (Cache::new(), Sent::default());
    let mut app = App::new("test");
    app.config.set("CACHE_ENABLE_SIGNALS", enabled).unwrap();
    app.init(&cache).unwrap();
    let signals = [
        (&CACHE_VIEW_MISS, "view miss"),
        (&CACHE_VIEW_HIT, "view hit"),
        (&CACHE_MEMOIZE_MISS, "memoize miss"),
        (&CACHE_MEMOIZE_HIT, "memoize hit"),
    ];
    for (signal, name) in signals {
        let sent = sent.clone();
        let note = move |event: CacheEvent| sent.lock().push((name, event.cache_key, event.args));
        match colour {
            Colour::Sync => app.connect(signal, note),
            Colour::Async => app.connect(signal, move |event: CacheEvent| {
                note(event);
                std::future::ready(())
            }),
        };
    }
    let view = counted(colour, plain);
    app.rule("/page/<int:n>")
        .decorate(cache.cached(timeout(MINUTE).key_prefix("page")))
        .view(move |_: u32| view.call(request()));
    let double = cache.memoize(MINUTE, double);
    app.route("/double", move || double.call(4).wait().map(|n| n.to_string()));
    let client = app.test_client();
    for path in ["/page/7", "/page/7", "/double", "/double"] {
        text(&client, path);
    }
    let sent = sent.lock();
    let named: Vec<_> = sent.iter().map(|(name, key, args)| (*name, &key[..4], args.as_str())).collect();
    let expected = [
        ("view miss", "page", "n=7"),
        ("view hit", "page", "n=7"),
        ("memoize miss", "memo", "4"),
        ("memoize hit", "memo", "4"),
    ];
    assert_eq!(named, if enabled { expected.to_vec() } else { Vec::new() });
}

#[rstest]
fn a_version_is_part_of_the_key(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    for (path, version) in [("/old", "1"), ("/new", "2"), ("/same", "2")] {
        let caching = timeout(MINUTE).key_prefix("page").version(version);
        app.rule(path)
            .endpoint(&path[1..])
            .decorate(cache.cached(caching))
            .view(counted(colour, move |_| path.into_response()));
    }
    let client = app.test_client();
    assert_eq!(["/old", "/new", "/same"].map(|path| text(&client, path)), ["/old", "/new", "/new"]);
}

#[rstest]
fn what_is_public_is_shared_whatever_it_looked_at(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.before_request(async || drop(session().get::<String>("user")));
    let answer = |run| {
        format!("run {run} {:?} {:?}", request().cookie("token"), session().get::<String>("user")).into_response()
    };
    app.rule("/page").decorate(cache.cached(timeout(MINUTE).public())).view(counted(colour, answer).named("page"));
    let client = app.test_client();
    let as_client = |name: &str| {
        let request = client.get("/page").header("cookie", &format!("token={name}"));
        request.header("authorization", name).wait().unwrap().text()
    };
    assert_eq!(["ada", "bob"].map(as_client), ["run 0 Some(\"ada\") None", "run 0 Some(\"ada\") None"]);
}

#[rstest]
fn the_settings_of_flask_caching_are_read(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let mut app = App::new("test");
    app.config.set("CACHE_DEFAULT_TIMEOUT", 5).unwrap();
    app.config.set("CACHE_THRESHOLD", 1).unwrap();
    app.config.set("CACHE_TYPE", "flask_caching.backends.SimpleCache").unwrap();
    app.init(&cache).unwrap();
    for name in ["one", "two"] {
        let cached = cache.cached(Caching::default());
        app.rule(&format!("/{name}")).endpoint(name).decorate(cached).view(counted(colour, plain));
    }
    let client = app.test_client();
    assert_eq!(["/one", "/one", "/two", "/one"].map(|path| text(&client, path)), ["run 0", "run 0", "run 0", "run 1"]);
    clock.advance(Duration::from_secs(5));
    assert_eq!(text(&client, "/one"), "run 2");
}

#[rstest]
#[case("CACHE_TYPE", "RedisCache", "needs a store")]
#[case("CACHE_DEFAULT_TIMEOUT", "soon", "invalid type")]
#[case("CACHE_DEFAULT_TIMEOUT", -1, "negative")]
#[case("CACHE_THRESHOLD", -1, "invalid value")]
fn a_wrong_setting_is_an_error_at_set_up(
    #[case] key: &str,
    #[case] value: impl Into<serde_json::Value>,
    #[case] says: &str,
) {
    let mut app = App::new("test");
    app.config.set(key, value.into()).unwrap();
    let error = app.init(&Cache::new()).unwrap_err();
    assert!(error.message().contains(key) && error.message().contains(says), "{error}");
    assert_eq!(error.kind(), costrel::ErrorKind::Setup);
}

#[test]
fn another_version_of_the_original_is_an_error_at_set_up() {
    let error = App::new("test").init(&Cache::new().compat("flask-caching 1")).unwrap_err();
    assert!(error.message().contains("write `compat(\"flask-caching 2.5\")`"), "{error}");
}

#[rstest]
fn a_null_cache_keeps_nothing(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = App::new("test");
    app.config.set("CACHE_TYPE", "NullCache").unwrap();
    app.init(&cache).unwrap();
    app.rule("/page").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("page"));
    let client = app.test_client();
    assert_eq!([(); 2].map(|()| text(&client, "/page")), ["run 0", "run 1"]);
}

#[rstest]
fn values_are_set_and_read_by_their_keys(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let mut app = app(&cache);
    let check = move || {
        let (cache, clock) = (cache.clone(), clock.clone());
        async move {
            assert_eq!(cache.get::<u32>("n").await?, None);
            cache.set("n", 1, MINUTE).await?;
            assert_eq!((cache.get("n").await?, cache.get::<String>("n").await?), (Some(1), None));
            assert!(!cache.add("n", 2, MINUTE).await?);
            assert!(cache.add("m", vec!["a"], Duration::ZERO).await?);
            clock.advance(MINUTE);
            assert_eq!(cache.get::<u32>("n").await?, None);
            assert!(cache.add("n", 3, None).await?);
            assert_eq!((cache.delete("n").await?, cache.delete("n").await?), (true, false));
            assert_eq!(cache.delete_many(["m", "n"]).await?, 1);
            cache.set("m", (1, "x"), None).await?;
            cache.clear().await?;
            assert_eq!(cache.get::<(i32, String)>("m").await?, None);
            Ok::<_, Error>("done")
        }
    };
    match colour {
        Colour::Sync => app.route("/", move || costrel::async_to_sync(|()| check())(()).flatten()),
        Colour::Async => app.route("/", check),
    };
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status(), response.text().as_str()), (StatusCode::OK, "done"));
}

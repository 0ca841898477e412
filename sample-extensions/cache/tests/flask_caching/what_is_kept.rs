//! What is kept of a page, for how long, and how it is deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{MINUTE, app, client_of, counted, page, plain, text};
use costrel::{Body, Colour, Error, IntoResponse, IntoView, Method, Request, View, abort, request, session};
use costrel_cache::{Cache, CachedResponse, timeout};
use costrel_ext_kit::{Clock, Decorate};
use costrel_stores::MemoryEntries;
use rstest::rstest;
use tokio::sync::Semaphore;

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

/// What was begun before its page was deleted is not kept: it may have been made from what has changed since.
#[rstest]
#[case::by_its_url(false, |cache: &Cache| cache.delete_cached("/page").wait())]
#[case::by_its_key(true, |cache: &Cache| cache.delete("own").wait().map(drop))]
#[case::by_several_keys(true, |cache: &Cache| cache.delete_many(["other", "own"]).wait().map(drop))]
#[case::all(false, |cache: &Cache| cache.clear().wait())]
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_deleted_while_its_view_runs_is_not_kept(
    #[case] has_own_key: bool,
    #[case] delete: fn(&Cache) -> Result<(), Error>,
    #[values(false, true)] has_store: bool,
    #[values("", "accept-language")] vary: &'static str,
) {
    let cache = if has_store { Cache::new().store(MemoryEntries::new()) } else { Cache::new() };
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (inside, enter, deleting) = (gate.clone(), entered.clone(), cache.clone());
    let mut app = app(&cache);
    let own_key = timeout(MINUTE).make_cache_key(|_: Request| "own".to_owned());
    let caching = if has_own_key { own_key } else { timeout(MINUTE) };
    app.rule("/page").decorate(cache.cached(caching)).endpoint("page").view(move || {
        let (gate, entered) = (inside.clone(), enter.clone());
        async move {
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            ("made", [("vary", vary)])
        }
    });
    app.route("/delete", move || delete(&deleting).map(|()| ""));
    let client = app.test_client();
    let first = tokio::spawn(client.get("/page").into_future());
    entered.acquire().await.unwrap().forget();
    assert_eq!(client.get("/delete").await.unwrap().status(), 200);
    gate.add_permits(3);
    assert_eq!(first.await.unwrap().unwrap().header("x-cache"), Some("miss"));
    assert_eq!(client.get("/page").await.unwrap().header("x-cache"), Some("miss"), "the old page was kept");
    assert_eq!(client.get("/page").await.unwrap().header("x-cache"), Some("hit"));
}

/// All copies of a page whose key the app has made are deleted by it, and none comes back with the next copy.
#[rstest]
fn a_page_is_deleted_by_its_own_key_in_all_its_copies(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] has_store: bool,
) {
    let cache = if has_store { Cache::new().store(MemoryEntries::new()) } else { Cache::new() };
    let (deleting, mut app) = (cache.clone(), app(&cache));
    let answer = |run| (format!("run {run}"), [("vary", "accept-language")]).into_response();
    let caching = timeout(MINUTE).make_cache_key(|_: Request| "own".to_owned());
    app.rule("/page").decorate(cache.cached(caching)).view(counted(colour, answer));
    app.route("/delete", move || deleting.delete("own").wait().map(|was| was.to_string()));
    let client = app.test_client();
    let pages =
        || ["de", "en"].map(|language| client.get("/page").header("accept-language", language).wait().unwrap().text());
    assert_eq!((pages(), pages()), (["run 0".into(), "run 1".into()], ["run 0".into(), "run 1".into()]));
    assert_eq!(text(&client, "/delete"), "true");
    assert_eq!((pages(), pages()), (["run 2".into(), "run 3".into()], ["run 2".into(), "run 3".into()]));
}

/// An answer to one client's copy, or part, of the page says nothing of the page.
#[rstest]
#[case::copy("if-none-match", "\"tag\"", 304)]
#[case::other_version("if-match", "\"other\"", 412)]
fn a_conditional_request_keeps_no_page_out(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] name: &'static str,
    #[case] value: &'static str,
    #[case] status: u16,
) {
    let cache = Cache::new();
    let answer = |run| {
        let response = (format!("run {run}"), [("etag", "\"tag\"")]).into_response()?;
        costrel::make_conditional(response)
    };
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
    assert_eq!(client.get("/page").header(name, value).wait().unwrap().status(), status);
    assert_eq!(page(&client, "/page"), ("run 1".into(), Some("miss".into())));
    assert_eq!(page(&client, "/page"), ("run 1".into(), Some("hit".into())));
}

/// HEAD fills nothing in, so it neither waits for another request nor keeps one waiting.
#[tokio::test]
async fn head_waits_for_no_other_request() {
    let cache = Cache::new();
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (inside, enter) = (gate.clone(), entered.clone());
    let view = move || {
        let (gate, entered) = (inside.clone(), enter.clone());
        async move {
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "made"
        }
    };
    let client = client_of(&cache, cache.cached(MINUTE)(view.into_view()));
    let requests = [Method::HEAD, Method::HEAD, Method::GET, Method::HEAD].map(|method| client.open(method, "/page"));
    let running = requests.map(|request| tokio::spawn(request.into_future()));
    let all = tokio::time::timeout(Duration::from_secs(10), entered.acquire_many(4)).await;
    all.expect("a request waits for another").unwrap().forget();
    gate.add_permits(4);
    for request in running {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(client.open(Method::HEAD, "/page").await.unwrap().header("x-cache"), Some("hit"));
}

//! The keys of pages: what they tell apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{MINUTE, app, callback, client_of, counted, plain, text};
use costrel::{Colour, Error, IntoResponse, IntoView, Request, request};
use costrel_cache::{Cache, timeout};
use rstest::rstest;

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

/// A client that has a say in a page's key reaches no other page by it.
#[rstest]
fn a_key_of_the_clients_words_is_no_other_pages(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    let owner = callback(colour, |request: Request| request.header("x-user").unwrap_or_default().to_owned());
    app.rule("/mine")
        .decorate(cache.cached_by(MINUTE, owner))
        .view(counted(colour, |_| "mine".into_response()).named("mine"));
    let id = |request: Request| request.args().get("id").unwrap_or_default().to_owned();
    app.rule("/item")
        .methods(["GET", "POST"])
        .decorate(cache.cached(timeout(MINUTE).make_cache_key(callback(colour, id))))
        .view(counted(colour, |_| request().method().to_string().into_response()).named("item"));
    let client = app.test_client();
    assert_eq!(client.get("/mine").header("x-user", "7").wait().unwrap().header("x-cache"), Some("miss"));
    assert_eq!(client.get("/mine").header("x-user", "7").wait().unwrap().header("x-cache"), Some("hit"));
    for id in ["view/%2Fmine%3F%20http%3A%2F%2Flocalhost%0Amine%0Amine%201%3A7", "view/%2Fmine"] {
        assert_eq!(text(&client, &format!("/item?id={id}")), "GET");
    }
    assert_eq!(text(&client, "/item?id=x%204:POST"), "GET");
    assert_eq!(client.post("/item?id=x").wait().unwrap().text(), "POST");
}

/// Two spellings of one name are not put in another order, because the first value of a name counts.
#[rstest]
fn the_order_of_one_name_in_two_spellings_matters(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let answer = |_| request().args().get("a").unwrap_or_default().to_owned().into_response();
    let client = client_of(&cache, cache.cached(MINUTE)(counted(colour, answer)));
    let paths = ["/page?a=2&%61=1", "/page?%61=1&a=2", "/page?a=2&%61=1", "/page?%61=1&a=2"];
    assert_eq!(paths.map(|path| text(&client, path)), ["2", "1", "2", "1"]);
}

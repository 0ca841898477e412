//! Signals, settings, versions, and values by their keys.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{MINUTE, app, counted, plain, text};
use costrel::{App, Colour, Error, IntoResponse, StatusCode, request, session};
use costrel_cache::{
    CACHE_MEMOIZE_HIT, CACHE_MEMOIZE_MISS, CACHE_VIEW_HIT, CACHE_VIEW_MISS, Cache, CacheEvent, Caching, timeout,
};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;
use rstest::rstest;

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
#[case("CACHE_TYPE", "MemcachedCache", "needs a store")]
#[case("CACHE_TYPE", "flask_caching.backends.RedisCache", "set CACHE_REDIS_URL")]
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

//! `memoize`: functions that are no views, called from code of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{Colour, Error, ErrorKind, IntoView, View, copy_current_request_context, request, session, url_for};
use costrel_cache::{Cache, Memoized, timeout};
use costrel_ext_kit::Clock;
use costrel_stores::MemoryEntries;
use rstest::rstest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use support::{MINUTE, app, callback, client_of, text};
use tokio::sync::Semaphore;

/// A view of either colour that calls `function` with the arguments in the query, which is JSON.
fn calling<A, V>(colour: Colour, function: &Memoized<A, V>) -> View
where
    A: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Clone + Send + Sync + std::fmt::Debug + 'static,
{
    let args = || serde_json::from_str::<A>(request().args().get("args").unwrap_or("null"));
    let function = function.clone();
    match colour {
        Colour::Sync => (move || function.call(args()?).wait().map(|value| format!("{value:?}"))).into_view(),
        Colour::Async => (move || {
            let function = function.clone();
            async move { function.call(args()?).await.map(|value| format!("{value:?}")) }
        })
        .into_view(),
    }
}

fn of(client: &TestClient, args: &str) -> String {
    client.get("/page").query(&[("args", args)]).wait().unwrap().text()
}

/// A function of two arguments and an optional one.
type Counting = Memoized<(i32, i32, Option<i32>), usize>;

/// A function that returns the number of its run.
fn counting(colour: Colour, cache: &Cache) -> Counting {
    let runs = Arc::new(AtomicUsize::new(0));
    let inside = runs;
    let function = match colour {
        Colour::Sync => {
            cache.memoize(MINUTE, move |_: i32, _: i32, _: Option<i32>| inside.fetch_add(1, Ordering::Relaxed))
        }
        Colour::Async => cache.memoize(MINUTE, move |_: i32, _: i32, _: Option<i32>| {
            let inside = inside.clone();
            async move { inside.fetch_add(1, Ordering::Relaxed) }
        }),
    };
    function.make_name("counting")
}

#[rstest]
fn c28_the_arguments_tell_values_apart(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_function: Colour,
) {
    let cache = Cache::new();
    let function = counting(of_function, &cache);
    let client = client_of(&cache, calling(colour, &function));
    let args =
        ["[1,2,null]", "[1,2,null]", "[2,1,null]", "[1,2,0]", "[1,2,null]", "[1,2,0]", "[12,0,null]", "[1,20,null]"];
    assert_eq!(args.map(|args| of(&client, args)), ["0", "0", "1", "2", "0", "2", "3", "4"]);
}

#[rstest]
fn c29_values_are_forgotten_by_function_and_by_arguments(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_function: Colour,
) {
    let cache = Cache::new();
    let function = counting(of_function, &cache);
    let other = counting(of_function, &cache);
    let other = other.make_name("another instance");
    let mut app = app(&cache);
    app.rule("/page").view(calling(colour, &function).named("page"));
    app.rule("/other").view(calling(colour, &other).named("other"));
    let (all, one) = ((cache.clone(), function.clone()), (cache.clone(), function.clone()));
    app.route("/all", move || all.0.delete_memoized(&all.1).wait().map(|()| ""));
    app.route("/one", move || one.0.delete_memoized_for(&one.1, (1, 2, None)).wait().map(|()| ""));
    let client = app.test_client();
    let others = || client.get("/other").query(&[("args", "[1,2,null]")]).wait().unwrap().text();
    let both = |client: &TestClient| ["[1,2,null]", "[3,4,null]"].map(|args| of(client, args));
    assert_eq!((both(&client), others()), (["0".into(), "1".into()], "0".into()));
    text(&client, "/one");
    assert_eq!(both(&client), ["2", "1"]);
    text(&client, "/all");
    assert_eq!(both(&client), ["3", "4"]);
    // The function of another instance keeps its values.
    assert_eq!(others(), "0");
}

#[rstest]
fn c30_the_version_outlives_the_newest_value_and_ends_after_it(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let function = counting(colour, &cache);
    let mut app = app(&cache);
    app.rule("/page").view(calling(colour, &function).named("page"));
    let version = cache.clone();
    app.route("/version", move || {
        version.get::<u64>("memver/counting").wait().map(|found| found.is_some().to_string())
    });
    let client = app.test_client();
    assert_eq!(of(&client, "[1,1,null]"), "0");
    clock.advance(Duration::from_secs(40));
    assert_eq!(of(&client, "[2,2,null]"), "1");
    // The version would have ended with the first value.
    clock.advance(Duration::from_secs(40));
    assert_eq!(of(&client, "[2,2,null]"), "1");
    assert_eq!(text(&client, "/version"), "true");
    clock.advance(Duration::from_secs(20));
    assert_eq!(text(&client, "/version"), "false");
    assert_eq!(of(&client, "[2,2,null]"), "2");
}

#[rstest]
fn c31_arguments_that_the_key_leaves_out_share_a_value(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let (cache, runs) = (Cache::new(), AtomicUsize::new(0));
    let key = callback(of_callback, |(n, _): (i32, String)| n.to_string());
    let function = cache
        .memoize(timeout(MINUTE).make_cache_key(key), move |_: i32, _: String| runs.fetch_add(1, Ordering::Relaxed))
        .make_name("by number");
    let client = client_of(&cache, calling(colour, &function));
    assert_eq!(["[1,\"a\"]", "[1,\"b\"]", "[2,\"a\"]"].map(|args| of(&client, args)), ["0", "0", "1"]);
}

#[rstest]
fn c4_c5_c6_c7_memoize_takes_the_functions_of_cached(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
) {
    let (cache, runs) = (Cache::new(), Arc::new(AtomicUsize::new(0)));
    let caching = timeout(MINUTE)
        .unless(callback(of_callback, |n: i32| n == 1))
        .forced_update(callback(of_callback, |n: i32| n == 2))
        .response_filter(callback(of_callback, |value: (i32, usize)| value.0 != 3))
        .is_stale(callback(of_callback, |value: (i32, usize)| value.0 == 4));
    let function =
        cache.memoize(caching, move |n: i32| (n, runs.fetch_add(1, Ordering::Relaxed))).make_name("counting");
    let client = client_of(&cache, calling(colour, &function));
    for args in ["1", "2", "3", "4"] {
        let [first, second] = [(); 2].map(|()| of(&client, args));
        assert_ne!(first, second, "{args}");
    }
    assert_eq!(of(&client, "5"), of(&client, "5"));
}

fn sum(numbers: Vec<i32>, _: bool) -> i32 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    numbers.iter().sum()
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

async fn divided(n: i32, by: i32) -> Result<i32, Error> {
    n.checked_div(by).ok_or_else(|| Error::status(400))
}

/// A function has its own name, wherever it is memoized; an error is not kept.
#[rstest]
fn c35_plain_functions_of_either_colour_are_called_from_code_of_either(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let cache = Cache::new();
    let mut app = app(&cache);
    let before = RUNS.load(Ordering::Relaxed);
    app.rule("/one").view(calling(colour, &cache.memoize(MINUTE, sum)).named("one"));
    app.rule("/two").view(calling(colour, &cache.memoize(MINUTE, sum)).named("two"));
    app.rule("/page").view(calling(colour, &cache.memoize(MINUTE, divided)).named("page"));
    app.rule("/none")
        .view(calling(colour, &cache.memoize(MINUTE, async || "nothing".to_owned()).make_name("none")).named("none"));
    let client = app.test_client();
    for path in ["/one", "/two"] {
        assert_eq!(client.get(path).query(&[("args", "[[1,2],true]")]).wait().unwrap().text(), "3");
    }
    assert!(RUNS.load(Ordering::Relaxed) <= before + 2, "once for each colour that runs beside this one");
    assert_eq!(of(&client, "[6,3]"), "2");
    assert_eq!(client.get("/page").query(&[("args", "[6,0]")]).wait().unwrap().status(), 400);
    assert_eq!(text(&client, "/none"), "\"nothing\"");
}

#[rstest]
#[tokio::test]
async fn c24_many_calls_at_once_run_a_function_once(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] panics: bool,
) {
    let cache = Cache::new();
    let (gate, entered, runs) =
        (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let inside = (gate.clone(), entered.clone(), runs.clone());
    let waiting = move || {
        let (gate, entered, runs) = inside.clone();
        async move {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            assert!(!(panics && run == 0), "the first run panics, as it should");
            run
        }
    };
    let function = match colour {
        Colour::Async => cache.memoize(MINUTE, waiting),
        Colour::Sync => cache.memoize(MINUTE, move || costrel::async_to_sync(|()| waiting())(())),
    };
    let client = client_of(&cache, calling(colour, &function.make_name("waiting")));
    let requests: Vec<_> = (0..10).map(|_| tokio::spawn(client.get("/page").into_future())).collect();
    let entry = tokio::time::timeout(Duration::from_secs(10), entered.acquire()).await;
    entry.expect("no request entered the function within 10 s").unwrap().forget();
    gate.add_permits(10);
    let mut answers = Vec::new();
    for request in requests {
        let response = request.await.unwrap().unwrap();
        answers.push(if response.status() == 200 { response.text() } else { response.status().to_string() });
    }
    let failed = answers.iter().filter(|answer| answer.starts_with("500")).count();
    assert_eq!((failed, runs.load(Ordering::Relaxed)), if panics { (1, 2) } else { (0, 1) });
}

/// A value that is not kept, such as one that JSON has no number for, is no reason to wait for one's turn.
#[rstest]
#[tokio::test]
async fn calls_that_wait_for_a_value_that_is_not_kept_go_on_at_once(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(f64::NAN, f64::INFINITY)] number: f64,
) {
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let inside = (gate.clone(), entered.clone());
    let waiting = move || {
        let (gate, entered) = inside.clone();
        async move {
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            number
        }
    };
    let cache = Cache::new();
    let function = match colour {
        Colour::Async => cache.memoize(MINUTE, waiting),
        Colour::Sync => cache.memoize(MINUTE, move || costrel::async_to_sync(|()| waiting())(())),
    };
    let client = client_of(&cache, calling(colour, &function.make_name("number")));
    let requests: Vec<_> = (0..4).map(|_| tokio::spawn(client.get("/page").into_future())).collect();
    let enter = async |calls| {
        let entry = tokio::time::timeout(Duration::from_secs(10), entered.acquire_many(calls)).await;
        entry.expect("calls wait for one another, for 10 s by now").unwrap().forget();
    };
    enter(1).await;
    gate.add_permits(1);
    enter(3).await;
    gate.add_permits(3);
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().text(), format!("{number:?}"));
    }
}

#[rstest]
#[tokio::test]
async fn a_stale_value_is_given_while_another_call_makes_the_next(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_shared: bool,
) {
    let (clock, gate) = (Clock::manual(), Arc::new(Semaphore::new(1)));
    let (entered, runs) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let cache = Cache::new().clock(clock.clone());
    let cache = if is_shared { cache.store(MemoryEntries::new().clock(clock.clone())) } else { cache };
    let inside = (gate.clone(), entered.clone());
    let waiting = move || {
        let ((gate, entered), run) = (inside.clone(), runs.fetch_add(1, Ordering::Relaxed));
        async move {
            entered.add_permits(1);
            gate.acquire().await.unwrap().forget();
            run
        }
    };
    let caching = timeout(MINUTE).stale_for(MINUTE);
    let function = match colour {
        Colour::Async => cache.memoize(caching, waiting),
        Colour::Sync => cache.memoize(caching, move || costrel::async_to_sync(|()| waiting())(())),
    };
    let client = client_of(&cache, calling(colour, &function.make_name("waiting")));
    let get = || tokio::time::timeout(Duration::from_secs(10), client.get("/page").into_future());
    assert_eq!(get().await.unwrap().unwrap().text(), "0");
    clock.advance(MINUTE);
    let making = tokio::spawn(client.get("/page").into_future());
    entered.acquire_many(2).await.unwrap().forget();
    assert_eq!(get().await.expect("a call waits for another one's value").unwrap().text(), "0");
    gate.add_permits(1);
    assert_eq!(making.await.unwrap().unwrap().text(), "1");
    assert_eq!(get().await.unwrap().unwrap().text(), "1");
}

#[rstest]
fn a_value_that_looked_at_its_client_is_given_to_no_other(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_public: bool,
) {
    let cache = Cache::new();
    let user = || session().get::<String>("user").unwrap_or_default();
    let caching = if is_public { timeout(MINUTE).public() } else { timeout(MINUTE) };
    let function = cache.memoize(caching, user).make_name("user");
    let mut app = app(&cache);
    app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
    app.rule("/page").view(calling(colour, &function).named("page"));
    let application = app.build().unwrap();
    let pages = ["ada", "bob"].map(|name| {
        let client = application.test_client();
        client.post(&format!("/login/{name}")).wait().unwrap();
        text(&client, "/page")
    });
    assert_eq!(pages, if is_public { ["\"ada\"", "\"ada\""] } else { ["\"ada\"", "\"bob\""] });
}

/// A client may send any host, and asks for another path than the next one: what a function has made of that is no other request's.
#[rstest]
#[case::external_url(|| url_for("page").external(true).build().unwrap(), false)]
#[case::host(|| request().host().to_owned(), false)]
#[case::query(|| request().args().get("args").unwrap_or_default().to_owned(), false)]
#[case::endpoint(|| request().endpoint().unwrap_or_default().to_owned(), false)]
#[case::path_of_a_view(|| url_for("page").build().unwrap(), true)]
fn a_value_that_looked_at_where_the_request_goes_is_given_to_no_other(
    #[case] function: fn() -> String,
    #[case] is_kept: bool,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_function: Colour,
) {
    let (cache, runs) = (Cache::new(), Arc::new(AtomicUsize::new(0)));
    let inside = runs.clone();
    let of_request = move || {
        inside.fetch_add(1, Ordering::Relaxed);
        function()
    };
    let memoized = match of_function {
        Colour::Sync => cache.memoize(MINUTE, of_request),
        Colour::Async => cache.memoize(MINUTE, move || std::future::ready(of_request())),
    };
    let client = client_of(&cache, calling(colour, &memoized.make_name("url")));
    let ask = |host: &str| client.get("/page").header("host", host).wait().unwrap().text();
    assert!(!ask("evil.example").is_empty());
    assert!(!ask("shop.example").contains("evil"));
    assert_eq!(runs.load(Ordering::Relaxed), if is_kept { 1 } else { 2 });
}

/// Costrel names work that lasts by its request, which is no look of the function's.
#[rstest]
fn a_value_that_a_copied_context_asks_for_is_kept(#[values(Colour::Sync, Colour::Async)] of_function: Colour) {
    let (cache, runs) = (Cache::new(), Arc::new(AtomicUsize::new(0)));
    let inside = runs.clone();
    let double = move |n: u32| {
        inside.fetch_add(1, Ordering::Relaxed);
        2 * n
    };
    let memoized = match of_function {
        Colour::Sync => cache.memoize(MINUTE, double),
        Colour::Async => cache.memoize(MINUTE, move |n: u32| std::future::ready(double(n))),
    };
    let memoized = memoized.make_name("double");
    let view = move || {
        let memoized = memoized.clone();
        let asked = copy_current_request_context(async move { memoized.call(7).await });
        async move { tokio::spawn(asked).await?.map(|value| value.to_string()) }
    };
    let client = client_of(&cache, view.into_view());
    assert_eq!([text(&client, "/page"), text(&client, "/page")], ["14", "14"]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

/// JSON has one `null` for all of these, so they are neither kept nor found.
#[rstest]
fn what_json_cannot_tell_apart_is_not_kept(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    type Args = (Option<f64>, Option<Option<()>>);
    const ALL: [Args; 6] = [
        (None, None),
        (Some(f64::NAN), None),
        (Some(f64::INFINITY), None),
        (Some(f64::NEG_INFINITY), None),
        (None, Some(None)),
        (None, Some(Some(()))),
    ];
    fn named((number, unit): &Args) -> String {
        format!("{number:?} {unit:?}")
    }
    let cache = Cache::new();
    let shown = match colour {
        Colour::Sync => cache.memoize(MINUTE, |args: Args| named(&args)),
        Colour::Async => cache.memoize(MINUTE, async |args: Args| named(&args)),
    };
    let same = match colour {
        Colour::Sync => cache.memoize(MINUTE, |which: usize| ALL[which]),
        Colour::Async => cache.memoize(MINUTE, async |which: usize| ALL[which]),
    };
    let (shown, same, direct) = (shown.make_name("shown"), same.make_name("same"), cache.clone());
    let client = client_of(
        &cache,
        (move || {
            for (which, args) in ALL.into_iter().enumerate() {
                for _ in 0..2 {
                    assert_eq!(shown.call(args).wait()?, named(&args));
                    assert_eq!(named(&same.call(which).wait()?), named(&args));
                }
                assert_eq!(direct.set("value", args, None).wait().is_ok(), which == 0);
            }
            Ok::<_, Error>("")
        })
        .into_view(),
    );
    assert_eq!(client.get("/page").wait().unwrap().status(), 200);
}

/// All closures of a function have one path, so their values would mix.
#[rstest]
fn a_closure_without_a_name_is_an_error_that_says_what_to_do(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let (line, function) = (line!(), cache.memoize(MINUTE, || 1));
    let mut app = app(&cache);
    app.config.testing = true;
    app.rule("/page").view(calling(colour, &function).named("page"));
    let error = app.test_client().get("/page").wait().unwrap_err();
    assert!(error.message().contains("make_name"), "{error}");
    assert_eq!((error.kind(), error.location().unwrap().line()), (ErrorKind::Setup, line));
    assert_eq!(function.uncached(()).wait().unwrap(), 1);
}

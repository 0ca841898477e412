//! Pages and values in a store that several machines share, each an app of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod on_redis;
mod stores;
mod varying;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{App, Bytes, Colour, IntoResponse, IntoView, Request, View};
use costrel_cache::{Cache, Caching, timeout};
use costrel_ext_kit::Clock;
use costrel_stores::{Entries, MemoryEntries};
use rstest::rstest;
use support::{MINUTE, counted, page, plain, text};
use tokio::sync::Semaphore;

fn machine(cache: &Cache, caching: impl Into<Caching>, view: View) -> TestClient {
    let mut app = App::new("shop");
    app.init(cache).unwrap();
    app.rule("/page").decorate(cache.cached(caching)).view(view.named("page"));
    app.test_client()
}

#[rstest]
fn a_page_of_one_machine_answers_on_the_other(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let store = Arc::new(MemoryEntries::new().clock(clock.clone()));
    let answer = |run: usize| {
        let headers = [("x-two", "1"), ("x-two", "2"), ("vary", "accept-language"), ("x-latin", "\u{e9}")];
        (vec![b'\n', 0xff, u8::try_from(run)?], headers.to_vec()).into_response()
    };
    let [one, other] = [(); 2].map(|()| {
        let cache = Cache::new().store(store.clone());
        machine(&cache, MINUTE, counted(colour, answer))
    });
    let get = |client: &TestClient, language| {
        let response = client.get("/page").header("accept-language", language).wait().unwrap();
        let mut headers = response.headers().clone();
        (headers.remove("x-cache").unwrap(), headers, response.data().clone())
    };
    let (first, second) = (get(&one, "de"), get(&other, "de"));
    assert_eq!((first.0.to_str().unwrap(), second.0.to_str().unwrap()), ("miss", "hit"));
    assert_eq!((&first.1, &first.2), (&second.1, &second.2));
    assert_eq!(get(&other, "en").0, "miss");
    assert_eq!(get(&one, "en").0, "hit");
    clock.advance(MINUTE);
    assert_eq!(get(&one, "de").0, "miss");
}

/// Two machines with a view that waits at a gate.
struct Gated {
    machines: [TestClient; 2],
    gate: Arc<Semaphore>,
    entered: Arc<Semaphore>,
    runs: Arc<AtomicUsize>,
}

impl Gated {
    fn new(
        colour: Colour,
        stale_for: Duration,
        store: &Arc<impl Entries>,
        fill_timeout: Duration,
        panics: bool,
    ) -> Self {
        let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let runs = Arc::new(AtomicUsize::new(0));
        let inside = (gate.clone(), entered.clone(), runs.clone());
        let waiting = move || {
            let (gate, entered, runs) = inside.clone();
            async move {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                entered.add_permits(1);
                gate.acquire().await.unwrap().forget();
                assert!(!(panics && run == 0), "the first run panics, as it should");
                format!("run {run}")
            }
        };
        let machines = [(); 2].map(|()| {
            let waiting = waiting.clone();
            let view = match colour {
                Colour::Async => waiting.into_view(),
                Colour::Sync => (move || costrel::async_to_sync(|()| waiting())(())).into_view(),
            };
            machine(
                &Cache::new().store(store.clone()).fill_timeout(fill_timeout),
                timeout(MINUTE).stale_for(stale_for),
                view,
            )
        });
        Self { machines, gate, entered, runs }
    }

    async fn wait_for_entry(&self) {
        let entry = tokio::time::timeout(Duration::from_secs(10), self.entered.acquire()).await;
        entry.expect("no request entered the view within 10 s").unwrap().forget();
    }
}

#[rstest]
#[tokio::test]
async fn c24_one_machine_fills_in_and_the_others_wait(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let page = Gated::new(colour, Duration::ZERO, &Arc::<MemoryEntries>::default(), MINUTE, false);
    let first = tokio::spawn(page.machines[0].get("/page").into_future());
    page.wait_for_entry().await;
    let others: Vec<_> = (0..10).map(|n| tokio::spawn(page.machines[n % 2].get("/page").into_future())).collect();
    page.gate.add_permits(11);
    assert_eq!(first.await.unwrap().unwrap().text(), "run 0");
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().text(), "run 0");
    }
    assert_eq!(page.runs.load(Ordering::Relaxed), 1);
}

#[rstest]
#[tokio::test]
async fn c24_when_the_machine_that_fills_in_fails_another_takes_its_turn(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] panics: bool,
) {
    let page = Gated::new(colour, Duration::ZERO, &Arc::<MemoryEntries>::default(), MINUTE, panics);
    let first = tokio::spawn(page.machines[0].get("/page").into_future());
    page.wait_for_entry().await;
    let second = tokio::spawn(page.machines[1].get("/page").into_future());
    if panics {
        page.gate.add_permits(1);
        assert_eq!(first.await.unwrap().unwrap().status(), 500);
    } else {
        first.abort();
    }
    // Within ten seconds, and not only when the turn of a minute is over.
    page.wait_for_entry().await;
    page.gate.add_permits(2);
    assert_eq!(second.await.unwrap().unwrap().text(), "run 1");
}

#[rstest]
#[tokio::test]
async fn a_machine_waits_no_longer_than_the_set_time(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let page = Gated::new(colour, Duration::ZERO, &Arc::<MemoryEntries>::default(), Duration::from_millis(20), false);
    let first = tokio::spawn(page.machines[0].get("/page").into_future());
    page.wait_for_entry().await;
    let second = tokio::spawn(page.machines[1].get("/page").into_future());
    page.wait_for_entry().await;
    page.gate.add_permits(2);
    for request in [first, second] {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(page.runs.load(Ordering::Relaxed), 2);
}

#[rstest]
#[tokio::test]
async fn what_is_stale_is_given_while_one_machine_fills_in(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let store = Arc::new(MemoryEntries::new().clock(clock.clone()));
    let page = Gated::new(colour, MINUTE, &store, MINUTE, false);
    let get = |machine: usize| page.machines[machine].get("/page").into_future();
    page.gate.add_permits(1);
    assert_eq!(get(0).await.unwrap().text(), "run 0");
    page.wait_for_entry().await;
    // The page is filled in beside its request, and another request waits for that.
    assert_eq!(get(1).await.unwrap().text(), "run 0");
    clock.advance(MINUTE);
    let filling = tokio::spawn(get(0));
    page.wait_for_entry().await;
    for machine in [0, 1] {
        assert_eq!(get(machine).await.unwrap().text(), "run 0");
    }
    page.gate.add_permits(1);
    assert_eq!(filling.await.unwrap().unwrap().text(), "run 1");
    // Until the new page is filled in, others still get the old one.
    while get(1).await.unwrap().text() == "run 0" {
        tokio::task::yield_now().await;
    }
    clock.advance(2 * MINUTE);
    page.gate.add_permits(1);
    assert_eq!(get(1).await.unwrap().text(), "run 2");
}

#[rstest]
#[tokio::test]
async fn what_is_stale_is_given_from_memory_too(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let clock = Clock::manual();
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1)));
    let inside = (runs.clone(), gate.clone());
    let waiting = move || {
        let (runs, gate) = inside.clone();
        async move {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.unwrap().forget();
            format!("run {run}")
        }
    };
    let view = match colour {
        Colour::Async => waiting.into_view(),
        Colour::Sync => (move || costrel::async_to_sync(|()| waiting())(())).into_view(),
    };
    let client = machine(&Cache::new().clock(clock.clone()), timeout(MINUTE).stale_for(MINUTE), view);
    assert_eq!(client.get("/page").await.unwrap().text(), "run 0");
    clock.advance(MINUTE);
    let filling = tokio::spawn(client.get("/page").into_future());
    while runs.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get("/page").await.unwrap().text(), "run 0");
    gate.add_permits(1);
    assert_eq!(filling.await.unwrap().unwrap().text(), "run 1");
    assert_eq!(client.get("/page").await.unwrap().text(), "run 1");
}

#[rstest]
fn what_another_program_has_written_is_no_page(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    for garbage in [&b"!\x80\x05."[..], b"P", b"Px\n", b"P[200,false,[[\"bad name\",\"\"]]]\n", b"V,", b""] {
        let store = Arc::new(MemoryEntries::new());
        store.set("costrel_cache/shop/fixed", Bytes::from_static(garbage), None).wait().unwrap();
        let client = machine(&Cache::new().store(store), timeout(MINUTE).key_prefix("fixed"), counted(colour, plain));
        assert_eq!(page(&client, "/page"), ("run 0".into(), Some("miss".into())));
        assert_eq!(page(&client, "/page"), ("run 0".into(), Some("hit".into())));
    }
}

#[rstest]
fn a_cache_is_cleared_and_other_keys_stay(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let store = Arc::new(MemoryEntries::new());
    store.set("another", Bytes::from_static(b"1"), None).wait().unwrap();
    let cache = Cache::new().store(store.clone());
    let mut app = App::new("shop");
    app.config.set("CACHE_KEY_PREFIX", "mine_").unwrap();
    app.config.set("CACHE_TYPE", "RedisCache").unwrap();
    app.init(&cache).unwrap();
    app.rule("/page").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("page"));
    app.rule("/key")
        .decorate(cache.cached(timeout(MINUTE).key_prefix("key")))
        .view(counted(colour, plain).named("key"));
    let direct = cache.clone();
    app.route("/set", move || {
        direct.set("value", 1, None).wait()?;
        assert!(!direct.add("value", 2, None).wait()?);
        direct.get::<u32>("value").wait().map(|value| format!("{value:?}"))
    });
    let deleting = cache.clone();
    app.route("/delete", move || {
        deleting.delete_cached("/page").wait()?;
        deleting.delete_many(["key", "value", "none"]).wait().map(|deleted| deleted.to_string())
    });
    app.route("/clear", move || cache.clear().wait().map(|()| ""));
    let client = app.test_client();
    let pages = || ["/page", "/key"].map(|path| text(&client, path));
    assert_eq!((text(&client, "/set").as_str(), pages()), ("Some(1)", ["run 0".into(), "run 0".into()]));
    assert_eq!(pages(), ["run 0", "run 0"]);
    assert_eq!((text(&client, "/delete").as_str(), pages()), ("2", ["run 1".into(), "run 1".into()]));
    assert_eq!(pages(), ["run 1", "run 1"]);
    assert!(store.get("mine_key").wait().unwrap().is_some());
    text(&client, "/clear");
    assert_eq!((store.get("mine_key").wait().unwrap(), pages()), (None, ["run 2".into(), "run 2".into()]));
    assert_eq!(store.get("another").wait().unwrap(), Some(Bytes::from_static(b"1")));
}

/// A deletion counts while another process fills in the page, or one more copy of a page that is known to vary.
#[rstest]
#[tokio::test]
async fn a_deletion_by_one_process_outlives_what_another_fills_in(#[values(true, false)] is_known: bool) {
    let store = Arc::new(MemoryEntries::new());
    let (gate, entered) = (Arc::new(Semaphore::new(usize::from(is_known))), Arc::new(Semaphore::new(0)));
    let [one, other] = [(); 2].map(|()| {
        let (cache, gate, entered) = (Cache::new().store(store.clone()), gate.clone(), entered.clone());
        let (deleting, mut app) = (cache.clone(), App::new("shop"));
        app.init(&cache).unwrap();
        let caching = timeout(MINUTE).make_cache_key(|_: Request| "own".to_owned());
        app.rule("/page").decorate(cache.cached(caching)).endpoint("page").view(move || {
            let (gate, entered) = (gate.clone(), entered.clone());
            async move {
                entered.add_permits(1);
                gate.acquire().await.unwrap().forget();
                ("page", [("vary", "accept-language")])
            }
        });
        app.route("/delete", move || deleting.delete("own").wait().map(|was| was.to_string()));
        app.test_client()
    });
    let get = |client: &TestClient, language| client.get("/page").header("accept-language", language).into_future();
    let state =
        async |client: &TestClient, language| get(client, language).await.unwrap().header("x-cache") == Some("hit");
    if is_known {
        assert!(!state(&one, "de").await);
        assert!(state(&other, "de").await, "the note and the first copy are there");
        entered.acquire().await.unwrap().forget();
    }
    let filling = tokio::spawn(get(&other, "en"));
    entered.acquire().await.unwrap().forget();
    assert_eq!(one.get("/delete").await.unwrap().text(), is_known.to_string());
    gate.add_permits(3);
    assert_eq!(filling.await.unwrap().unwrap().status(), 200);
    // Waits for the fill, which is beside the request.
    assert!(!state(&other, "en").await, "the copy that was begun before the deletion was kept");
    assert!(!state(&one, "de").await, "an old copy came back");
    assert!(state(&one, "de").await && state(&one, "en").await);
}

/// What is in a store belongs to one cache of one app.
#[rstest]
fn caches_that_share_a_store_are_apart(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let store = Arc::new(MemoryEntries::new());
    let clients = ["shop", "shop_eu", "shop/eu"].map(|name| {
        let [one, other] = [(); 2].map(|()| Cache::new().store(store.clone()));
        let mut app = App::new(name);
        app.init(&one).unwrap();
        app.init(&other).unwrap();
        for (path, cache) in [("/one", one), ("/other", other)] {
            app.rule(path)
                .decorate(cache.cached(timeout(MINUTE).key_prefix("page")))
                .view(counted(colour, plain).named(path));
            let clear = format!("{path}/clear");
            app.rule(&clear).endpoint(&clear).view(move || cache.clear().wait().map(|()| ""));
        }
        app.test_client()
    });
    let states = || -> Vec<_> {
        let paths = clients.iter().flat_map(|client| ["/one", "/other"].map(|path| page(client, path).1.unwrap()));
        paths.collect()
    };
    assert_eq!(states(), ["miss"; 6]);
    assert_eq!(states(), ["hit"; 6]);
    text(&clients[0], "/one/clear");
    assert_eq!(states(), ["miss", "hit", "hit", "hit", "hit", "hit"]);
}

/// A key of the app's is not mistaken for the turn to fill another in, nor for its freshness.
#[test]
fn keys_of_any_beginning_are_values_of_their_own() {
    let cache = Cache::new().store(MemoryEntries::new());
    let mut app = App::new("shop");
    app.init(&cache).unwrap();
    app.route("/", move || {
        let keys = ["a", "fill/a", "fresh/a", "own/a", "own/fill/a", "own/own/a"];
        for key in keys {
            cache.set(key, key, None).wait()?;
        }
        // Which ends the turn to fill it in, too.
        cache.delete("a").wait()?;
        let found = keys.map(|key| cache.get::<String>(key).wait().ok().flatten() == Some(key.to_owned()));
        Ok::<_, costrel::Error>(format!("{found:?}"))
    });
    assert_eq!(text(&app.test_client(), "/"), "[false, true, true, true, true, true]");
}

#[rstest]
fn a_memoized_function_is_forgotten_on_all_machines(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (store, runs) = (Arc::new(MemoryEntries::new()), Arc::new(AtomicUsize::new(0)));
    let [one, other] = [(); 2].map(|()| {
        let (cache, runs) = (Cache::new().store(store.clone()), runs.clone());
        let mut app = App::new("shop");
        app.init(&cache).unwrap();
        let counting = match colour {
            Colour::Sync => cache.memoize(MINUTE, move || runs.fetch_add(1, Ordering::Relaxed)),
            Colour::Async => cache.memoize(MINUTE, move || std::future::ready(runs.fetch_add(1, Ordering::Relaxed))),
        };
        let counting = counting.make_name("counting");
        let same = counting.clone();
        app.route("/run", move || counting.call(()).wait().map(|run| run.to_string()));
        app.route("/forget", move || cache.delete_memoized(&same).wait().map(|()| ""));
        app.test_client()
    });
    assert_eq!([&one, &other, &one].map(|client| text(client, "/run")), ["0", "0", "0"]);
    text(&one, "/forget");
    assert_eq!([&other, &one].map(|client| text(client, "/run")), ["1", "1"]);
}

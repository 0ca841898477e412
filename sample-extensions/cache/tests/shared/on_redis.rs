//! Machines that share a Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{App, Colour, IntoResponse};
use costrel_cache::Cache;
use costrel_ext_kit::Clock;
use costrel_stores::{Entries, FailClosed, Failover, MemoryEntries, RedisEntries};
use costrel_test_redis::{RedisServer, or_skip, shared};
use rstest::rstest;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{MINUTE, counted, page, plain, text};
use crate::{Gated, machine};

/// A store on the server of all tests, with keys of its own. A busy machine is not taken for a server that is away.
fn store() -> Option<Arc<impl Entries>> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("test{}.", NEXT.fetch_add(1, Ordering::Relaxed));
    let redis = RedisEntries::open(shared()?).unwrap().prefix(prefix);
    Some(Arc::new(Failover::new(redis, FailClosed).deadline(Duration::from_secs(20))))
}

#[rstest]
fn a_page_of_one_machine_answers_on_the_other(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(store) = store() else { return };
    let answer = |run: usize| (vec![0xff, u8::try_from(run)?], [("vary", "accept-language")]).into_response();
    let [one, other] = [(); 2].map(|()| machine(&Cache::new().store(store.clone()), MINUTE, counted(colour, answer)));
    let get = |client: &TestClient, language| {
        let response = client.get("/page").header("accept-language", language).wait().unwrap();
        (response.header("x-cache").map(str::to_owned), response.data().clone())
    };
    assert_eq!(get(&one, "de"), (Some("miss".to_owned()), vec![0xff, 0].into()));
    assert_eq!(get(&other, "de"), (Some("hit".to_owned()), vec![0xff, 0].into()));
    assert_eq!(get(&other, "en").0.as_deref(), Some("miss"));
    assert_eq!(get(&one, "en").0.as_deref(), Some("hit"));
}

#[rstest]
#[tokio::test]
async fn c24_one_machine_fills_in_and_the_others_wait(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(store) = store() else { return };
    let page = Gated::new(colour, Duration::ZERO, &store, MINUTE, false);
    let first = tokio::spawn(page.machines[0].get("/page").into_future());
    page.wait_for_entry().await;
    let others: Vec<_> = (0..4).map(|n| tokio::spawn(page.machines[n % 2].get("/page").into_future())).collect();
    page.gate.add_permits(5);
    assert_eq!(first.await.unwrap().unwrap().text(), "run 0");
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().text(), "run 0");
    }
    assert_eq!(page.runs.load(Ordering::Relaxed), 1);
}

/// A Redis that is killed three times under load: every request gets the page, and few of them run the view.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_redis_that_is_killed_fails_no_request(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(mut server) = or_skip(RedisServer::start) else { return };
    let clock = Clock::manual();
    // A server that was killed refuses at once, and one that is busy is not taken for one.
    let store = Failover::new(RedisEntries::open(server.url()).unwrap(), MemoryEntries::new());
    let store = Arc::new(store.clock(clock.clone()).deadline(Duration::from_secs(20)));
    let [one, other] = [(); 2].map(|()| machine(&Cache::new().store(store.clone()), MINUTE, counted(colour, plain)));
    let (answers, is_over) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let mut senders = JoinSet::new();
    for client in [&one, &other].into_iter().cycle().take(32) {
        senders.spawn(send(client.clone(), answers.clone(), is_over.clone()));
    }
    let wait_for = async |count: u32| {
        let answered = tokio::time::timeout(Duration::from_secs(60), answers.acquire_many(count)).await;
        answered.expect("requests wait for Redis").unwrap().forget();
    };
    for _ in 0..3 {
        wait_for(300).await;
        server.kill();
        wait_for(300).await;
        server.start_again().unwrap();
        while format!("{store:?}").contains("(away)") {
            clock.advance(Duration::from_secs(64));
            wait_for(1).await;
        }
    }
    wait_for(300).await;
    is_over.store(true, Ordering::SeqCst);
    let misses: usize = senders.join_all().await.into_iter().sum();
    // Of each life of the server and each time without it, the first request, and one that was under way when that ended.
    assert!(misses <= 2 * 7, "{misses}");
    for client in [one, other] {
        assert_eq!(client.get("/page").await.unwrap().header("x-cache"), Some("hit"));
    }
}

/// Sends requests until they are over, and returns the number of those that ran the view.
async fn send(client: TestClient, answers: Arc<Semaphore>, is_over: Arc<AtomicBool>) -> usize {
    let mut misses = 0;
    while !is_over.load(Ordering::SeqCst) {
        let page = client.get("/page").await.unwrap();
        assert!(page.status() == 200 && page.text().starts_with("run "), "{} {}", page.status(), page.text());
        misses += usize::from(page.header("x-cache") != Some("hit"));
        answers.add_permits(1);
        // What waits for nothing would keep a thread to itself.
        tokio::task::yield_now().await;
    }
    misses
}

/// By the config alone, as in Flask-Caching. The store is asked for values themselves, whose errors would show.
#[rstest]
fn the_config_names_a_redis(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(url) = shared() else { return };
    let [one, other] = [(); 2].map(|()| {
        let (cache, mut app) = (Cache::new(), App::new("shop"));
        app.config.set("CACHE_TYPE", "RedisCache").unwrap();
        app.config.set("CACHE_REDIS_URL", url).unwrap();
        app.config.set("CACHE_KEY_PREFIX", format!("config {colour:?} ")).unwrap();
        app.init(&cache).unwrap();
        app.rule("/page").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("page"));
        let (setting, clearing) = (cache.clone(), cache.clone());
        app.route("/set", move || setting.set("value", 7, None).wait().map(|()| ""));
        app.route("/get", move || cache.get::<u32>("value").wait().map(|value| format!("{value:?}")));
        app.route("/clear", move || clearing.clear().wait().map(|()| ""));
        app.test_client()
    });
    text(&one, "/set");
    assert_eq!(text(&other, "/get"), "Some(7)");
    text(&other, "/clear");
    assert_eq!(text(&one, "/get"), "None");
    assert_eq!(page(&one, "/page").0, "run 0");
}

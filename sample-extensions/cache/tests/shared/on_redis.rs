//! Machines that share a Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{App, Colour, IntoResponse};
use costrel_cache::Cache;
use costrel_stores::{Entries, FailClosed, Failover, RedisEntries};
use costrel_test_redis::shared;
use rstest::rstest;

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
    let get = |client: &costrel::testing::TestClient, language| {
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

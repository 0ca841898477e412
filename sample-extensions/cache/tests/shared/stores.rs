//! Stores that another process writes at the same moment, and stores that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{App, Bytes, Colour, Error, IntoResponse};
use costrel_cache::{Cache, timeout};
use costrel_stores::{Entries, FailClosed, FailOpen, MemoryEntries, Outcome};
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::machine;
use crate::support::{MINUTE, counted, page, plain, text};

/// A store whose entries another process fills in between a look at an entry and the claim of the turn to fill it in.
#[derive(Debug)]
struct FilledMeanwhile {
    store: Arc<MemoryEntries>,
    is_filled: AtomicBool,
}

impl Entries for FilledMeanwhile {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        if self.is_filled.load(Ordering::Relaxed) { self.store.get(key) } else { Outcome::ready(Ok(None)) }
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        self.is_filled.store(true, Ordering::Relaxed);
        self.store.add(key, value, timeout)
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        self.store.set(key, value, timeout)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        self.store.delete(key)
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        self.store.delete_if(key, value)
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.store.delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(prefix)
    }
}

#[rstest]
fn what_another_process_fills_in_before_the_claim_is_not_filled_in_again(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Duration::ZERO, MINUTE)] stale_for: Duration,
) {
    let store = Arc::new(MemoryEntries::new());
    let caching = || timeout(MINUTE).stale_for(stale_for);
    let other = machine(&Cache::new().store(store.clone()), caching(), counted(colour, plain));
    // The second request is a hit when the first one's page is in the store.
    assert_eq!(["/page"; 2].map(|path| text(&other, path)), ["run 0", "run 0"]);
    let store = FilledMeanwhile { store, is_filled: AtomicBool::new(false) };
    let client = machine(&Cache::new().store(store), caching(), counted(colour, |_| "not filled in".into_response()));
    assert_eq!(page(&client, "/page"), ("run 0".into(), Some("hit".into())));
}

/// A store that keeps one process's second `set` back until another process has been refused the turn twice.
#[derive(Debug)]
struct SlowBetween {
    store: MemoryEntries,
    sets: AtomicUsize,
    refused: AtomicUsize,
    gate: Semaphore,
}

impl SlowBetween {
    fn refused(&self) -> bool {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 1 {
            self.gate.add_permits(1);
        }
        false
    }
}

impl Entries for SlowBetween {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        self.store.get(key)
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::new(async move { Ok(self.store.add(key, value, timeout).await? || self.refused()) })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        Outcome::new(async move {
            if self.sets.fetch_add(1, Ordering::Relaxed) == 1 {
                self.gate.acquire().await.unwrap().forget();
            }
            self.store.set(key, value, timeout).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        self.store.delete(key)
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        self.store.delete_if(key, value)
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        self.store.delete_many(keys)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(prefix)
    }
}

#[rstest]
fn a_page_that_varies_is_complete_for_another_process_or_not_there(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (sets, refused, gate) = (AtomicUsize::new(0), AtomicUsize::new(0), Semaphore::new(0));
    let store = Arc::new(SlowBetween { store: MemoryEntries::new(), sets, refused, gate });
    let answer = |run: usize| (format!("run {run}"), [("vary", "accept-language")]).into_response();
    let clients = [(); 2].map(|()| machine(&Cache::new().store(store.clone()), MINUTE, counted(colour, answer)));
    assert_eq!(page(&clients[0], "/page"), ("run 0".into(), Some("miss".into())));
    assert_eq!(page(&clients[1], "/page"), ("run 0".into(), Some("hit".into())));
}

/// A store that fails, or one that reads and does not write.
#[derive(Debug)]
struct Broken {
    reads: bool,
}

fn broken<'a, T: Send + 'a>() -> Outcome<'a, T> {
    Outcome::new(async { Err(Error::from(std::io::Error::other("the store is away"))) })
}

impl Entries for Broken {
    fn get<'a>(&'a self, _: &'a str) -> Outcome<'a, Option<Bytes>> {
        if self.reads { Outcome::ready(Ok(None)) } else { broken() }
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, ()> {
        broken()
    }

    fn add<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
        broken()
    }

    fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, bool> {
        broken()
    }

    fn delete_if<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Outcome<'a, bool> {
        broken()
    }

    fn delete_many<'a>(&'a self, _: &'a [&'a str]) -> Outcome<'a, u64> {
        broken()
    }

    fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        broken()
    }
}

/// `/page` is cached, `/double` calls a memoized function, `/value` reads a value.
fn app_on(store: impl Entries, colour: Colour) -> App {
    let cache = Cache::new().store(store);
    let mut app = App::new("shop");
    app.init(&cache).unwrap();
    app.rule("/page").decorate(cache.cached(MINUTE)).view(counted(colour, plain).named("page"));
    let double = match colour {
        Colour::Sync => cache.memoize(MINUTE, |n: u32| 2 * n),
        Colour::Async => cache.memoize(MINUTE, async |n: u32| 2 * n),
    };
    let double = double.make_name("double");
    app.route("/double", move || double.call(4).wait().map(|n| n.to_string()));
    app.route("/value", move || cache.get::<u32>("value").wait().map(|value| format!("{value:?}")));
    app
}

#[rstest]
#[tokio::test]
async fn c25_c26_without_its_store_an_app_answers_as_without_a_cache(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] reads: bool,
) {
    let client = app_on(Broken { reads }, colour).test_client();
    let get = async |path: &str| {
        let answered = tokio::time::timeout(Duration::from_secs(5), client.get(path).into_future()).await;
        answered.expect("a request waits for a store that is away").unwrap()
    };
    for run in ["run 0", "run 1"] {
        assert_eq!(get("/page").await.text(), run);
        assert_eq!(get("/double").await.text(), "8");
    }
    // Code that asks for a value itself gets the error, also from a store that is there to be read only.
    assert_eq!(get("/value").await.status(), 500);
    let mut app = app_on(Broken { reads }, colour);
    app.config.debug = true;
    app.config.propagate_exceptions = Some(false);
    let client = app.test_client();
    assert_eq!(client.get("/page").await.unwrap().status(), 500);
}

/// A store that takes calls and never answers, such as a server behind a cut cable.
#[derive(Debug, Default)]
struct Mute {
    calls: AtomicUsize,
    /// Whether it does clear, after a second.
    clears: bool,
}

impl Mute {
    fn never<'a, T: Send + 'a>(&self) -> Outcome<'a, T> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Outcome::new(std::future::pending())
    }
}

impl Entries for Mute {
    fn get<'a>(&'a self, _: &'a str) -> Outcome<'a, Option<Bytes>> {
        self.never()
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, ()> {
        self.never()
    }

    fn add<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
        self.never()
    }

    fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, bool> {
        self.never()
    }

    fn delete_if<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Outcome<'a, bool> {
        self.never()
    }

    fn delete_many<'a>(&'a self, _: &'a [&'a str]) -> Outcome<'a, u64> {
        self.never()
    }

    fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        if !self.clears {
            return self.never();
        }
        Outcome::new(async {
            let _over = tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
            Ok(())
        })
    }
}

/// The first request waits for the deadline, and the others for nothing.
#[rstest]
#[tokio::test]
async fn a_store_that_never_answers_is_asked_once(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let store = Arc::new(Mute::default());
    let client = app_on(store.clone(), colour).test_client();
    for path in ["/page", "/double", "/page", "/double", "/page"] {
        let answered = tokio::time::timeout(Duration::from_secs(10), client.get(path).into_future()).await;
        assert_eq!(answered.expect("a request waits for a store that is away").unwrap().status(), 200);
    }
    // Code that asks for a value itself gets the error.
    assert_eq!(client.get("/value").await.unwrap().status(), 500);
    assert_eq!(store.calls.load(Ordering::Relaxed), 1);
}

/// A large store takes longer to clear than a request waits for an entry.
#[tokio::test(start_paused = true)]
async fn clearing_takes_its_time() {
    let cache = Cache::new().store(Mute { clears: true, ..Mute::default() });
    let mut app = App::new("shop");
    app.init(&cache).unwrap();
    app.route("/clear", move || {
        let cache = cache.clone();
        async move { cache.clear().await.map(|()| "cleared") }
    });
    assert_eq!(app.test_client().get("/clear").await.unwrap().text(), "cleared");
}

#[rstest]
fn what_stands_in_for_a_store_decides(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let open = app_on(FailOpen, colour).test_client();
    for run in ["run 0", "run 1"] {
        assert_eq!((text(&open, "/page").as_str(), text(&open, "/double").as_str()), (run, "8"));
    }
    let closed = app_on(FailClosed, colour).test_client();
    for path in ["/page", "/double", "/value"] {
        assert_eq!(closed.get(path).wait().unwrap().status(), 503);
    }
}

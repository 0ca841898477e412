//! A Redis that is killed and restarted three times under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use costrel::Colour;
use costrel::testing::TestClient;
use costrel_ext_kit::Clock;
use costrel_limiter::Limiter;
use costrel_stores::{
    Charge, Counters, Counts, Failover, Hit, MemoryCounters, Outcome, RedisCounters, STORE_BACK, WithLimits,
};
use costrel_test_redis::{RedisServer, or_skip};
use rstest::rstest;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{app, seconds, user, view};

/// The number of requests at a time.
const SENDERS: usize = 32;

/// The number of answers before each kill, restart and end: more than any limit admits.
const ANSWERS: u32 = 300;

/// The longest time for those, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store that notes how many requests it has admitted.
#[derive(Debug)]
struct Noting<S> {
    store: S,
    admitted: Arc<AtomicUsize>,
}

impl<S: Counters> Counters for Noting<S> {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        Outcome::new(async move {
            let counts = self.store.count(hits, charge).await?;
            let is_admitted = counts.iter().all(|counted| counted.allowed);
            self.admitted.fetch_add(usize::from(is_admitted), Ordering::SeqCst);
            Ok(counts)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        self.store.delete(key)
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.store.clear(prefix)
    }
}

/// Requests from many tasks, until it is stopped.
struct Load {
    senders: JoinSet<[usize; 2]>,
    answers: Arc<Semaphore>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn begin(client: &TestClient) -> Self {
        let (answers, is_over) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(send(client.clone(), answers.clone(), is_over.clone()));
        }
        Self { senders, answers, is_over }
    }

    async fn wait_for(&self, answers: u32) {
        let answered = tokio::time::timeout(PATIENCE, self.answers.acquire_many(answers)).await;
        answered.expect("requests wait for Redis").unwrap().forget();
    }

    /// Returns the number of requests that were admitted, and that of those that were refused.
    async fn end(self) -> [usize; 2] {
        self.is_over.store(true, Ordering::SeqCst);
        let counts = self.senders.join_all().await;
        counts.into_iter().fold([0, 0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
    }
}

async fn send(client: TestClient, answers: Arc<Semaphore>, is_over: Arc<AtomicBool>) -> [usize; 2] {
    let mut counts = [0, 0];
    while !is_over.load(Ordering::SeqCst) {
        let status = client.get("/").header("x-user", "ada").await.unwrap().status().as_u16();
        assert!([200, 429].contains(&status), "{status}");
        counts[usize::from(status == 429)] += 1;
        answers.add_permits(1);
        // What waits for nothing would keep a thread to itself.
        tokio::task::yield_now().await;
    }
    counts
}

/// No request fails; the four lives of the server admit their limit each, and the stand-in its own, once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn r33_under_load_a_redis_that_is_killed_fails_no_request_and_admits_none_too_many(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let Some(mut server) = or_skip(RedisServer::start) else { return };
    let (clock, times_back) = (Clock::manual(), Arc::new(AtomicUsize::new(0)));
    let [of_server, of_stand_in] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let redis = Noting { store: RedisCounters::open(server.url()).unwrap(), admitted: of_server.clone() };
    let memory = WithLimits::new(MemoryCounters::new(), |hit| Hit { amount: hit.amount / 5, ..hit });
    let memory = Noting { store: memory, admitted: of_stand_in.clone() };
    // A server that was killed refuses at once, and one that is busy is not taken for one.
    let store = Failover::new(redis, memory).clock(clock.clone()).deadline(seconds(20));
    let limiter = Limiter::new(user).store(store);
    let mut app = app(&limiter);
    let back = times_back.clone();
    app.connect(&STORE_BACK, move |_: Duration| {
        back.fetch_add(1, Ordering::SeqCst);
    });
    app.rule("/").decorate(limiter.limit("50/day")).view(view(colour, "index"));
    let client = app.test_client();

    let load = Load::begin(&client);
    for restart in 1..=3 {
        load.wait_for(ANSWERS).await;
        server.kill();
        load.wait_for(ANSWERS).await;
        server.start_again().unwrap();
        while times_back.load(Ordering::SeqCst) < restart {
            clock.advance(seconds(64));
            load.wait_for(1).await;
        }
    }
    load.wait_for(ANSWERS).await;
    let [admitted, refused] = load.end().await;
    assert_eq!([of_server, of_stand_in].map(|of| of.load(Ordering::SeqCst)), [4 * 50, 10]);
    assert_eq!(admitted, 210, "{refused} were refused");
    for n in 0..51 {
        let status = client.get("/").header("x-user", "bob").await.unwrap().status();
        assert_eq!(status, if n < 50 { 200 } else { 429 }, "the server counts, {n}");
    }
}

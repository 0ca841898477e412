//! A store that is away, slow or lies: what stands in for it, for how long, and who is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use costrel::testing::TestClient;
use costrel::{App, Bytes, Colour, Error};
use costrel_ext_kit::Clock;
use costrel_stores::suite::Trouble::{Fails, NeverAnswers};
use costrel_stores::suite::{Trouble, Troubled, Troubles};
use costrel_stores::{
    Charge, Counters, Counts, Entries, FailAtOnce, FailClosed, FailOpen, Failover, Hit, MemoryCounters, MemoryEntries,
    RedisCounters, STORE_AWAY, STORE_BACK, WithLimits,
};
use costrel_test_redis::{RedisServer, or_skip};
use rstest::rstest;
use tokio::net::UnixListener;

const HIT: Hit<'static> = {
    let strategy = costrel_stores::Strategy::FixedWindow;
    Hit { key: "key", amount: 4, window: Duration::from_secs(3_600), strategy, cost: 1 }
};

/// The longest time that a test asks again, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counters whose server has this trouble, if any, and the troubles to come.
fn troubled(trouble: impl Into<Option<Trouble>>) -> (Troubled<MemoryCounters>, Troubles) {
    let troubles = Troubles::default();
    trouble.into().into_iter().for_each(|trouble| troubles.begin(trouble));
    (Troubled::new(MemoryCounters::new(), &troubles), troubles)
}

/// A client of an app whose view tells what remains after one hit, and which counts the signals.
fn client(store: impl Counters, colour: Colour, told: &Arc<[AtomicUsize; 2]>) -> TestClient {
    let (store, mut app) = (Arc::new(store), App::new("test"));
    let [away, back] = [0, 1].map(|n| {
        let told = told.clone();
        move || {
            told[n].fetch_add(1, Ordering::SeqCst);
        }
    });
    app.connect(&STORE_AWAY, move |_: Error| away());
    app.connect(&STORE_BACK, move |_: Duration| {
        back();
        async {}
    });
    let shown = |counts: Counts| if counts[0].allowed { counts[0].remaining.to_string() } else { "refused".to_owned() };
    match colour {
        Colour::Sync => {
            let store = store.clone();
            app.route("/", move || store.count(&[HIT], Charge::AllOrNone).wait().map(shown));
        }
        Colour::Async => {
            let store = store.clone();
            app.route("/", move || {
                let store = store.clone();
                async move { store.count(&[HIT], Charge::AllOrNone).await.map(shown) }
            });
        }
    }
    app.test_client()
}

fn get(client: &TestClient) -> String {
    client.get("/").wait().unwrap().text()
}

fn told(told: &Arc<[AtomicUsize; 2]>) -> [usize; 2] {
    [0, 1].map(|n| told[n].load(Ordering::SeqCst))
}

/// Asks until the answer is `wanted`, with a pause on the clock before each time.
fn get_until(client: &TestClient, clock: &Clock, pause: Duration, wanted: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        clock.advance(pause);
        let text = get(client);
        if wanted(&text) {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "after {PATIENCE:?} the answer is {text:?}");
    }
}

#[rstest]
fn a_stand_in_answers_until_the_store_is_back(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Fails, NeverAnswers)] trouble: Trouble,
) {
    let ((store, troubles), clock, signals) = (troubled(None), Clock::manual(), Arc::default());
    let half = WithLimits::new(MemoryCounters::new(), |hit| Hit { amount: hit.amount / 2, ..hit });
    let failover = Failover::new(store, half).clock(clock.clone()).deadline(Duration::from_millis(50));
    let client = client(failover, colour, &signals);
    assert_eq!(get(&client), "3");
    troubles.begin(trouble);
    assert_eq!([get(&client), get(&client), get(&client)], ["1", "0", "refused"], "the limits of the stand-in");
    assert_eq!(told(&signals), [1, 0]);
    assert_eq!(troubles.calls(), 2, "the store is left alone");
    troubles.end();
    assert_eq!(get(&client), "refused", "the pause is not over");
    clock.advance(Duration::from_secs(1));
    get_until(&client, &clock, Duration::ZERO, |text| text == "2");
    assert_eq!(told(&signals), [1, 1]);
    assert_eq!([get(&client), get(&client)], ["1", "0"], "the store goes on where it was");
}

#[rstest]
fn the_pauses_grow(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let ((store, troubles), clock, signals) = (troubled(Fails), Clock::manual(), Arc::default());
    let client = client(Failover::new(store, FailOpen).clock(clock.clone()), colour, &signals);
    get(&client);
    let mut asked = 1;
    for pause in [1, 2, 4, 8, 16, 32, 32, 32] {
        clock.advance(Duration::from_secs(pause).saturating_sub(Duration::from_millis(1)));
        for _ in 0..3 {
            get(&client);
        }
        assert_eq!(troubles.calls(), asked, "{pause}");
        clock.advance(Duration::from_millis(1));
        let began = Instant::now();
        while troubles.calls() == asked && began.elapsed() < PATIENCE {
            get(&client);
        }
        asked += 1;
        assert_eq!(troubles.calls(), asked, "{pause}");
    }
    assert_eq!(told(&signals), [1, 0], "said once");
}

#[rstest]
#[case::open(FailOpen, "4")]
#[case::closed(FailClosed, "503")]
#[case::memory(MemoryCounters::new(), "3")]
fn the_app_chooses_what_stands_in(
    #[case] stand_in: impl Counters,
    #[case] shown: &str,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let client = client(Failover::new(troubled(Fails).0, stand_in), colour, &Arc::default());
    let response = client.get("/").wait().unwrap();
    let found = if response.status() == 200 { response.text() } else { response.status().as_str().to_owned() };
    assert_eq!(found, shown);
    assert_eq!(response.header("retry-after"), (shown == "503").then_some("1"));
}

#[rstest]
#[case::open(FailOpen, [None, None])]
#[case::memory(MemoryEntries::new(), [Some("kept"), None])]
#[tokio::test]
async fn values_have_stand_ins_too(#[case] stand_in: impl Entries, #[case] found: [Option<&'static str>; 2]) {
    let store = Failover::new(FailAtOnce, stand_in);
    store.set("key", Bytes::from("kept"), None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), found[0].map(Bytes::from));
    assert!(store.add("lock", Bytes::from("mine"), None).await.unwrap());
    store.delete_many(&["key"]).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), found[1].map(Bytes::from));
}

/// A server that takes connections and never says a word costs the first request the deadline, and no other.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_never_answers_costs_the_deadline_once() {
    const DEADLINE: Duration = Duration::from_secs(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mute.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let redis = RedisCounters::open(&format!("redis+unix://{}", path.display())).unwrap();
    let store = Failover::new(redis, MemoryCounters::new()).deadline(DEADLINE);
    let mut waits = Vec::new();
    for remaining in [3, 2, 1, 0] {
        let asked = Instant::now();
        assert_eq!(store.count(&[HIT], Charge::AllOrNone).await.unwrap()[0].remaining, remaining);
        waits.push(asked.elapsed());
    }
    assert!(waits[0] >= DEADLINE && waits[1..].iter().all(|wait| *wait < DEADLINE), "{waits:?}");
}

/// What a server refuses to one call is that caller's error, and no reason to leave the server alone; but one that is there to be read
/// only is away.
#[rstest]
fn an_answer_to_one_call_is_that_calls_error(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(server) = or_skip(RedisServer::start) else { return };
    let signals = Arc::default();
    let failover = Failover::new(RedisCounters::open(server.url()).unwrap(), FailOpen).deadline(PATIENCE);
    let client = client(failover, colour, &signals);
    let redis = redis::Client::open(server.url()).unwrap();
    let mut connection = redis.get_connection().unwrap();
    redis::cmd("LPUSH").arg(&["LIMITS:key", "no number"]).exec(&mut connection).unwrap();
    assert_eq!([(); 2].map(|()| client.get("/").wait().unwrap().status()), [500, 500]);
    redis::cmd("DEL").arg("LIMITS:key").exec(&mut connection).unwrap();
    assert_eq!((get(&client).as_str(), told(&signals)), ("3", [0, 0]), "the store counts");
    redis::cmd("REPLICAOF").arg(&["127.0.0.1", "1"]).exec(&mut connection).unwrap();
    assert_eq!((get(&client).as_str(), told(&signals)), ("4", [1, 0]), "the stand-in answers");
}

/// A store's own status is its answer to the request.
#[rstest]
fn a_status_is_the_answer_to_the_request(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let signals = Arc::default();
    let client = client(Failover::new(FailClosed, FailOpen), colour, &signals);
    assert_eq!((client.get("/").wait().unwrap().status().as_u16(), told(&signals)), (503, [0, 0]));
}

/// A server that is killed and comes back, three times, under requests: none fails, and none is admitted beyond the limits.
#[rstest]
fn no_request_fails_while_redis_is_killed_and_restarted(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let Some(mut server) = or_skip(RedisServer::start) else { return };
    let (clock, signals) = (Clock::manual(), Arc::default());
    let redis = RedisCounters::open(server.url()).unwrap();
    let stand_in = WithLimits::new(MemoryCounters::new(), |hit| Hit { key: "stand-in", amount: 2, ..hit });
    // A server that was killed refuses at once, and one that is busy is not taken for one.
    let failover = Failover::new(redis, stand_in).clock(clock.clone()).deadline(Duration::from_secs(10));
    let client = client(failover, colour, &signals);
    for restart in 1..=3 {
        assert_eq!([(); 5].map(|()| get(&client)), ["3", "2", "1", "0", "refused"], "{restart}");
        server.kill();
        let answers = [(); 5].map(|()| get(&client));
        let of_stand_in = if restart == 1 { ["1", "0"] } else { ["refused", "refused"] };
        assert_eq!(answers[..2], of_stand_in, "{restart}");
        assert!(answers[2..].iter().all(|answer| answer == "refused"), "{restart}: {answers:?}");
        server.start_again().unwrap();
        let answer = get_until(&client, &clock, Duration::from_secs(64), |text| text != "refused");
        assert_eq!(answer, "3", "the server is empty again");
        assert_eq!(told(&signals), [restart, restart]);
        server.kill();
        server.start_again().unwrap();
    }
}

/// A connection whose other end is gone takes calls and never answers, as after a network is cut. It is given up, and made anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_went_silent_is_made_anew() {
    let Some(server) = or_skip(RedisServer::start) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.sock");
    let behind = server.url().trim_start_matches("redis+unix://").to_owned();
    let (cut, is_cut) = tokio::sync::watch::channel(false);
    tokio::spawn(forward(UnixListener::bind(&path).unwrap(), behind, is_cut));
    let store = RedisCounters::open(&format!("redis+unix://{}", path.display())).unwrap();
    assert!(store.count(&[HIT], Charge::AllOrNone).await.unwrap()[0].allowed);
    cut.send(true).unwrap();
    let within =
        async |time| tokio::time::timeout(Duration::from_millis(time), store.count(&[HIT], Charge::AllOrNone)).await;
    assert!(within(700).await.is_err(), "the connection is cut");
    let began = Instant::now();
    let counts = loop {
        if let Ok(Ok(counts)) = within(1_000).await {
            break counts;
        }
        assert!(began.elapsed() < PATIENCE, "the connection is not made anew");
    };
    assert!(counts[0].allowed);
}

/// Forwards each connection; the first one only until it is cut, and then takes what comes and says nothing.
async fn forward(listener: UnixListener, to: String, is_cut: tokio::sync::watch::Receiver<bool>) {
    let mut is_first = true;
    while let Ok((mut near, _)) = listener.accept().await {
        let mut far = tokio::net::UnixStream::connect(&to).await.unwrap();
        let (mut is_cut, is_cuttable) = (is_cut.clone(), std::mem::take(&mut is_first));
        tokio::spawn(async move {
            let cut = async {
                if is_cuttable { drop(is_cut.wait_for(|cut| *cut).await) } else { std::future::pending().await }
            };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                () = cut => drop(tokio::io::copy(&mut near, &mut tokio::io::sink()).await),
            }
        });
    }
}

//! The suite for stores over Redis, and what a Redis has beyond it: keys and values as those of the Python package `limits`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use costrel::{App, ErrorKind};
use costrel_stores::Strategy::{FixedWindow, MovingWindow, SlidingWindow};
use costrel_stores::suite::check;
use costrel_stores::{
    Charge, Counters, Hit, Redis, RedisCounters, Strategy, each_law_of_counters, each_law_of_entries,
};
use costrel_test_redis::{shared, shared_cluster};
use rstest::rstest;

/// Makes a module of tests, one for each law, which do nothing where there is no Redis.
macro_rules! suite {
    ($name:ident, $laws:ident, $server:ident, $fixture:expr) => {
        mod $name {
            use super::*;

            $laws! { suite { @tests $server, $fixture; } }
        }
    };
    (@tests $server:ident, $fixture:expr; $($law:ident $why:literal,)*) => {
        $(
            #[test]
            fn $law() {
                if let Some(url) = $server() {
                    check(stringify!($law), $fixture(url));
                }
            }
        )*
    };
}

suite!(counters, each_law_of_counters, shared, support::counters);
suite!(entries, each_law_of_entries, shared, support::entries);
suite!(counters_on_a_cluster, each_law_of_counters, shared_cluster, support::counters);
suite!(entries_on_a_cluster, each_law_of_entries, shared_cluster, support::entries);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A connection to look at keys with.
async fn connection(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn ask<T: redis::FromRedisValue>(url: &str, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection(url).await).await.unwrap()
}

/// Keys, values and ends as `limits` 5.8 leaves them, after four hits against a limit of three.
#[rstest]
#[case(FixedWindow, "LIMITER/127.0.0.1/a/3/1/minute", "4", 60_000)] // what is refused counts
#[case(SlidingWindow, "{LIMITER/127.0.0.1/a/3/1/minute}", "3", 120_000)]
#[tokio::test]
async fn keys_and_values_are_those_of_limits(
    #[case] strategy: Strategy,
    #[case] key: &str,
    #[case] value: &str,
    #[case] ends_in: u64,
) {
    let Some(url) = shared() else { return };
    let prefix = support::prefix();
    let store = RedisCounters::open(url).unwrap().prefix(&*prefix);
    let hit = Hit::new("LIMITER/127.0.0.1/a/3/1/minute", 3, seconds(60)).strategy(strategy);
    for _ in 0..4 {
        store.count(&[hit], Charge::InOrder).await.unwrap();
    }
    let key = format!("{prefix}:{key}");
    assert_eq!(ask::<String>(url, &["GET", &key]).await, value);
    let left: u64 = ask(url, &["PTTL", &key]).await;
    assert!((ends_in - 5_000..=ends_in).contains(&left), "{left}");
    assert_eq!(ask::<Vec<String>>(url, &["KEYS", &format!("{prefix}*")]).await, [key]);
}

#[tokio::test]
async fn a_moving_window_is_a_list_of_times_as_in_limits() {
    let Some(url) = shared() else { return };
    let prefix = support::prefix();
    let store = RedisCounters::open(url).unwrap().prefix(&*prefix);
    let hit = Hit::new("LIMITER/k/a/3/1/minute", 3, seconds(60)).strategy(MovingWindow);
    for cost in [1, 2, 1] {
        store.count(&[hit.cost(cost)], Charge::InOrder).await.unwrap();
    }
    let key = format!("{prefix}:LIMITER/k/a/3/1/minute");
    let times: Vec<String> = ask(url, &["LRANGE", &key, "0", "-1"]).await;
    assert_eq!(times.len(), 3);
    assert!(times[0] == times[1] && times[1] > times[2], "the newest first, a cost of two twice: {times:?}");
    let (whole, parts) = times[0].split_once('.').unwrap();
    assert!(whole.len() == 10 && parts.len() <= 7, "{times:?}");
    let left: u64 = ask(url, &["PTTL", &key]).await;
    assert!((55_000..=60_000).contains(&left), "{left}");
}

/// Three hits there and two here are five of five.
#[rstest]
#[tokio::test]
async fn what_another_program_has_counted_counts(
    #[values(FixedWindow, MovingWindow, SlidingWindow)] strategy: Strategy,
) {
    let Some(url) = shared() else { return };
    let prefix = support::prefix();
    let store = RedisCounters::open(url).unwrap().prefix(&*prefix);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64().to_string();
    match strategy {
        FixedWindow => ask::<()>(url, &["SET", &format!("{prefix}:key"), "3", "EX", "60"]).await,
        SlidingWindow => ask::<()>(url, &["SET", &format!("{prefix}:{{key}}"), "3", "PX", "120000"]).await,
        MovingWindow => ask::<()>(url, &["LPUSH", &format!("{prefix}:key"), &now, &now, &now]).await,
    }
    let hit = Hit::new("key", 5, seconds(60)).strategy(strategy);
    let mut found = Vec::new();
    for _ in 0..3 {
        let counted = store.count(&[hit], Charge::AllOrNone).await.unwrap()[0];
        found.push((counted.allowed, counted.remaining));
    }
    assert_eq!(found, [(true, 1), (true, 0), (false, 0)]);
}

#[tokio::test]
async fn a_key_without_an_end_gets_one() {
    let Some(url) = shared() else { return };
    let prefix = support::prefix();
    let store = RedisCounters::open(url).unwrap().prefix(&*prefix);
    ask::<()>(url, &["SET", &format!("{prefix}:key"), "1"]).await;
    store.count(&[Hit::new("key", 5, seconds(60))], Charge::AllOrNone).await.unwrap();
    assert!(ask::<i64>(url, &["PTTL", &format!("{prefix}:key")]).await > 0);
}

/// All limits of a request are one command; the first one also sends the script.
#[tokio::test]
async fn a_request_is_one_round_trip() {
    let Some(server) = costrel_test_redis::or_skip(costrel_test_redis::RedisServer::start) else { return };
    let store = RedisCounters::open(server.url()).unwrap();
    let hits = [FixedWindow, MovingWindow, SlidingWindow]
        .map(|strategy| Hit::new(["fixed", "moving", "sliding"][strategy as usize], 5, seconds(60)).strategy(strategy));
    let calls = async || {
        let stats: String = ask(server.url(), &["INFO", "commandstats"]).await;
        let called = |name: &str| {
            stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls="))?.split(',').next())
        };
        (called("evalsha").map(str::to_owned), called("script|load").map(str::to_owned))
    };
    let one = |calls: &str| Some(calls.to_owned());
    store.count(&hits, Charge::AllOrNone).await.unwrap();
    assert_eq!(calls().await, (one("2"), one("1")));
    store.count(&hits, Charge::AllOrNone).await.unwrap();
    assert_eq!(calls().await, (one("3"), one("1")));
    ask::<()>(server.url(), &["SCRIPT", "FLUSH"]).await;
    assert_eq!(store.count(&hits, Charge::AllOrNone).await.unwrap().len(), 3);
}

/// The connection is made anew when the server has closed it, without an error to the caller.
#[rstest]
fn a_connection_that_was_closed_is_made_anew(#[values(true, false)] is_async: bool) {
    let Some(mut server) = costrel_test_redis::or_skip(costrel_test_redis::RedisServer::start) else { return };
    let store = std::sync::Arc::new(RedisCounters::open(server.url()).unwrap());
    let client = client(store, is_async);
    assert_eq!(client.get("/").wait().unwrap().text(), "4");
    server.kill();
    server.start_again().unwrap();
    assert_eq!(client.get("/").wait().unwrap().text(), "4", "the server is empty, and there");
}

/// A client of an app whose view tells what remains of a limit of five.
fn client(store: std::sync::Arc<dyn Counters>, is_async: bool) -> costrel::testing::TestClient {
    const HIT: Hit<'static> =
        Hit { key: "key", amount: 5, window: Duration::from_secs(60), strategy: FixedWindow, cost: 1 };
    let mut app = App::new("test");
    if is_async {
        app.route("/", move || {
            let store = store.clone();
            async move { store.count(&[HIT], Charge::AllOrNone).await.map(|counts| counts[0].remaining.to_string()) }
        });
    } else {
        app.route("/", move || {
            store.count(&[HIT], Charge::AllOrNone).wait().map(|counts| counts[0].remaining.to_string())
        });
    }
    app.test_client()
}

/// With a user and a database, as settings of running apps have them.
#[rstest]
#[tokio::test]
async fn counts_over_tcp(#[values(true, false)] is_async: bool) {
    let Some(server) = costrel_test_redis::or_skip(costrel_test_redis::RedisServer::start_on_port) else { return };
    let address = server.url().trim_start_matches("redis://");
    ask::<()>(server.url(), &["ACL", "SETUSER", "shop", "on", ">secret", "allkeys", "allcommands"]).await;
    let counted = async |user: &str| {
        let store = RedisCounters::open(&format!("redis://{user}@{address}/1")).unwrap();
        client(std::sync::Arc::new(store), is_async).get("/").await.unwrap().text()
    };
    assert_eq!([counted("shop:secret").await, counted("shop:secret").await], ["4", "3"]);
    assert_ne!(counted("shop:wrong").await, "2");
    let keys = async |database: &str| ask::<u64>(&format!("{}/{database}", server.url()), &["DBSIZE"]).await;
    assert_eq!([keys("0").await, keys("1").await], [0, 1]);
}

/// The test again, in a process that trusts the server's certificate: by a variable, which is read once.
const TRUSTED: &str = "COSTREL_TEST_TRUSTED_REDIS";

#[rstest]
fn counts_over_tls() {
    if let Ok(url) = std::env::var(TRUSTED) {
        let counted = [true, false].map(|is_async| {
            let client = client(std::sync::Arc::new(RedisCounters::open(&url).unwrap()), is_async);
            client.get("/").wait().unwrap().text()
        });
        assert_eq!(counted, ["4", "3"]);
        return;
    }
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let start = || costrel_test_redis::TlsRedisServer::start(&cert.pem(), &signing_key.serialize_pem());
    let Some(server) = costrel_test_redis::or_skip(start) else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "counts_over_tls"]).env(TRUSTED, server.url()).env("SSL_CERT_FILE", file.path());
    let output = again.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for is_async in [true, false] {
        let untrusted = std::sync::Arc::new(RedisCounters::open(server.url()).unwrap());
        assert_eq!(client(untrusted, is_async).get("/").wait().unwrap().status(), 500);
    }
}

/// The port is one of a server without TLS.
#[rstest]
fn a_connection_over_tls_that_fails_is_an_error(
    #[values("rediss", "rediss+cluster")] scheme: &str,
    #[values(true, false)] is_async: bool,
) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let client = client(std::sync::Arc::new(RedisCounters::open(&url).unwrap()), is_async);
    assert_eq!(client.get("/").wait().unwrap().status(), 500);
}

/// The clock stands still but for timers, so that the attempt ends at once.
#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_a_connection_share_one_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mute.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let store = RedisCounters::open(&format!("redis+unix://{}", path.display())).unwrap();
    for attempts in [1, 1] {
        let call = || async { store.count(&[Hit::new("key", 5, seconds(60))], Charge::AllOrNone).await.map(drop) };
        let errors = futures_util::future::join_all((0..20).map(|_| call())).await;
        assert!(errors.iter().all(|error| error.as_ref().unwrap_err().message().contains("no connection to Redis")));
        let connections = std::iter::from_fn(|| listener.accept().ok()).count();
        assert_eq!(connections, attempts, "of 20 callers");
    }
}

/// User and password of the first node are those of all.
#[rstest]
#[case::password("secret", "secret")]
#[case::with_a_comma("se,cret", "se,cret")]
#[case::with_an_encoded_comma("12,34", "12%2C34")]
#[tokio::test]
async fn a_cluster_has_a_user(#[case] password: &str, #[case] written: &str) {
    let Some(url) = shared_cluster() else { return };
    let (user, nodes) = (support::prefix(), url.trim_start_matches("redis+cluster://"));
    for node in nodes.split(',') {
        let password = format!(">{password}");
        ask::<()>(&format!("redis://{node}"), &["ACL", "SETUSER", &user, "on", &password, "allkeys", "allcommands"])
            .await;
    }
    let counted = async |written: &str| {
        let store = RedisCounters::open(&format!("redis+cluster://{user}:{written}@{nodes}")).unwrap();
        store
            .prefix(&*user)
            .count(&[Hit::new("key", 5, seconds(60))], Charge::AllOrNone)
            .await
            .map(|counts| counts[0].remaining)
    };
    assert_eq!(counted(written).await.unwrap(), 4);
    assert!(counted("wrong").await.is_err());
}

#[rstest]
#[case::no_url("localhost:6379", "localhost:6379")]
#[case::other_scheme("http://user:secret@localhost", "http://***@localhost")]
#[case::no_port("redis://localhost:port", "redis://localhost:port")]
#[case::password("redis://:p@ss@local host/0", "redis://***@local host/0")]
#[case::no_database("redis://localhost/first", "redis://localhost/first")]
#[case::no_nodes("redis+cluster://", "redis+cluster://")]
#[case::user_of_a_later_node("redis+cluster://h1:6379,user:secret@h2:6379", "redis+cluster://***@h2:6379")]
#[case::user_of_a_later_node_without_ports("redis+cluster://h1,user:secret@h2", "redis+cluster://***@h2")]
#[case::user_of_the_last_nodes("redis+cluster://h1:1,u:secret@h2:2,v:secret@h3:3", "redis+cluster://***@h3:3")]
#[case::port_or_password("redis+cluster://user:12,34@h1:6379", "redis+cluster://***@h1:6379")]
#[case::empty("", "")]
fn a_wrong_url_is_a_set_up_error_that_tells_no_password(#[case] url: &str, #[case] shown: &str) {
    let error = Redis::open(url).unwrap_err();
    assert_eq!((error.kind(), error.location().map(std::panic::Location::line)), (ErrorKind::Setup, Some(line!() - 1)));
    let message = error.message();
    assert!(
        message.starts_with(&format!("{shown:?} is not the URL")) && message.contains("redis+unix://"),
        "{message}"
    );
    assert!(!message.contains("secret") && !message.contains("ss@"), "{message}");
}

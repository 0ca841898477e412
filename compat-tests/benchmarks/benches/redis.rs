//! Decisions per second on Redis beside a bare loop of `EVALSHA`: `cargo bench -p costrel-benchmarks --bench redis`.
//!
//! Both count one hit in a fixed window for each decision, on one connection, from as many tasks as a server has requests at a time. The
//! first bare loop runs the store's script, the second one the shortest script that counts and sets an end.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program for people who measure"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel_stores::{Charge, Counters, Hit, RedisCounters};
use costrel_test_redis::{RedisServer, or_skip};
use redis::aio::MultiplexedConnection;
use redis::{Script, Value};
use tokio::runtime::Builder;

const DECISIONS: usize = 40_000;
const ROUNDS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
const OURS: &str = include_str!("../../../sample-extensions/stores/src/redis/count.lua");
const SHORTEST: &str = "local n = redis.call('INCRBY', KEYS[1], ARGV[5]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end return n";

fn main() {
    let Some(server) = or_skip(RedisServer::start) else { return };
    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    event_loop.block_on(async {
        let client = redis::Client::open(server.url()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        println!("{:<10} {:>14} {:>14} {:>14} {:>8}", "tasks", "shortest", "our script", "the store", "ratio");
        for tasks in [1, 16, 64] {
            let mut best = [0_f64; 3];
            for _ in 0..ROUNDS {
                best[0] = best[0].max(bare(&connection, SHORTEST, tasks).await);
                best[1] = best[1].max(bare(&connection, OURS, tasks).await);
                best[2] = best[2].max(store(server.url(), tasks).await);
            }
            let [shortest, script, store] = best;
            println!("{tasks:<10} {shortest:>14.0} {script:>14.0} {store:>14.0} {:>8.2}", store / script);
        }
    });
}

async fn bare(connection: &MultiplexedConnection, script: &str, tasks: usize) -> f64 {
    let (script, connection) = (Arc::new(Script::new(script)), connection.clone());
    per_second(tasks, async move |key| {
        let mut call = script.key(key);
        call.arg("all").arg("fixed").arg(1_000_000).arg(60_000).arg(1);
        call.invoke_async::<Value>(&mut connection.clone()).await.unwrap();
    })
    .await
}

async fn store(url: &str, tasks: usize) -> f64 {
    let store = Arc::new(RedisCounters::open(url).unwrap());
    per_second(tasks, async move |key| {
        let hit = Hit::new(&key, 1_000_000, MINUTE);
        assert!(store.count(&[hit], Charge::AllOrNone).await.unwrap()[0].allowed);
    })
    .await
}

/// Returns the decisions per second of tasks that count for some clients each.
async fn per_second(tasks: usize, decide: impl AsyncFn(String)) -> f64 {
    let (decide, begin) = (&decide, Instant::now());
    let task = async |task: usize| {
        for decision in 0..DECISIONS / tasks {
            decide(format!("client-{task}-{}", decision % 10)).await;
        }
    };
    futures_util::future::join_all((0..tasks).map(task)).await;
    DECISIONS as f64 / begin.elapsed().as_secs_f64()
}

//! Redis servers as fixtures of the suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel_stores::suite::Fixture;
use costrel_stores::{Counters, Entries, Redis, RedisCounters, RedisEntries};

/// Moves the time of all keys with a prefix on, in place of waiting: their ends come nearer, and the times in lists, which are
/// those of moving windows, go back.
const ADVANCE: &str = r"
local by = tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  if redis.call('TYPE', key).ok == 'list' then
    for place = 0, redis.call('LLEN', key) - 1 do
      local at = tonumber(redis.call('LINDEX', key, place))
      redis.call('LSET', key, place, string.format('%.17g', at - by / 1000))
    end
  end
  local left = redis.call('PTTL', key)
  if left > by then
    redis.call('PEXPIRE', key, left - by)
  elseif left >= 0 then
    redis.call('DEL', key)
  end
end
";

/// The time that a law may take between two calls, because a server's time moves on by itself.
const SLACK: Duration = Duration::from_secs(10);

/// A prefix that no other test has.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test{}.", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn counters(url: &str) -> Fixture<dyn Counters> {
    let (redis, prefix) = (Redis::open(url).unwrap(), prefix());
    let counters = |app| Arc::new(RedisCounters::new(&redis).prefix(format!("{prefix}{app}")));
    on_server(Fixture::new(counters("one"), counters("other")), url, prefix)
}

pub(crate) fn entries(url: &str) -> Fixture<dyn Entries> {
    let (redis, prefix) = (Redis::open(url).unwrap(), prefix());
    let entries = |app| Arc::new(RedisEntries::new(&redis).prefix(format!("{prefix}{app}_")));
    on_server(Fixture::new(entries("one"), entries("other")), url, prefix)
}

fn on_server<S: ?Sized + 'static>(fixture: Fixture<S>, url: &str, prefix: String) -> Fixture<S> {
    let servers = servers(url);
    fixture.slack(SLACK).advance(move |by| {
        let (servers, prefix) = (servers.clone(), prefix.clone());
        async move {
            for server in servers {
                advance(&server, &prefix, by).await;
            }
        }
    })
}

/// The URL of each server behind the URL of a server or a cluster.
fn servers(url: &str) -> Vec<String> {
    match url.strip_prefix("redis+cluster://") {
        Some(nodes) => nodes.split(',').map(|node| format!("redis://{node}")).collect(),
        None => vec![url.to_owned()],
    }
}

async fn advance(server: &str, prefix: &str, by: Duration) {
    let client = redis::Client::open(server).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let by = u64::try_from(by.as_millis()).unwrap();
    let mut command = redis::cmd("EVAL");
    command.arg(ADVANCE).arg(0).arg(prefix).arg(by);
    command.query_async::<()>(&mut connection).await.unwrap();
}

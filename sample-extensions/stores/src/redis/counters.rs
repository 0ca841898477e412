//! The counters on Redis.

use std::time::Duration;

use costrel::{Error, ErrorKind};
use futures_util::future::join_all;
use redis::Script;

use super::client::Redis;
use crate::counters::{Charge, Counted, Counters, Counts, Hit, Strategy};
use crate::outcome::Outcome;
use crate::reading::{Reading, nanoseconds};

/// The numbers of the script's answer for each hit.
const NUMBERS: usize = 4;

/// The largest number that Redis' scripts count exactly.
const LARGEST: u64 = 1 << 53;

/// Counters on Redis: several processes and machines count together, and so does an app in Flask with Flask-Limiter on the same
/// server. Keys and values are those of the Python package `limits` 5.8.
///
/// A request is one round trip however many limits it has. On a cluster it is one for each limit, the smallest first, because
/// `limits` puts each key in a slot of its own; and if one of them refuses, one more for the others, to take their hits back.
#[derive(Clone, Debug)]
pub struct RedisCounters {
    redis: Redis,
    prefix: String,
    script: Script,
}

impl RedisCounters {
    /// Counters on this server, with keys that begin with `LIMITS:` as those of `limits` do.
    pub fn new(redis: &Redis) -> Self {
        let script = Script::new(include_str!("count.lua"));
        Self { redis: redis.clone(), prefix: "LIMITS".to_owned(), script }
    }

    /// Reads the server's URL and counts there, as [`Redis::open`] and [`new`](Self::new) do.
    ///
    /// # Errors
    /// A set-up error if the URL is not one of a Redis server.
    #[track_caller]
    pub fn open(url: &str) -> Result<Self, Error> {
        Redis::open(url).map(|redis| Self::new(&redis))
    }

    /// Sets what stands before the colon in every key, so that apps on one server count alone: `key_prefix` of the storage
    /// options in `limits`. Default: `LIMITS`.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The keys of a hit: its own, and for a sliding window that of the window before. What is in braces puts both in one slot of
    /// a cluster, unless it is empty.
    fn keys(&self, hit: &Hit<'_>) -> (String, Option<String>) {
        let Self { prefix, .. } = self;
        match hit.strategy {
            Strategy::SlidingWindow => {
                let has_no_slot = self.redis.is_cluster() && (hit.key.is_empty() || hit.key.starts_with('}'));
                let key = if has_no_slot { self.key_in_a_slot(hit.key) } else { format!("{prefix}:{{{}}}", hit.key) };
                let before = format!("{key}/-1");
                (key, Some(before))
            }
            Strategy::FixedWindow | Strategy::MovingWindow => (format!("{prefix}:{}", hit.key), None),
        }
    }

    /// The key of a sliding window for which `limits` has one that does not work on a cluster.
    fn key_in_a_slot(&self, key: &str) -> String {
        format!("{}:-{{-}}{key}", self.prefix)
    }

    /// Counts on a cluster, where the keys of a request are on several nodes.
    async fn count_on_cluster(&self, hits: &[Hit<'_>], charge: Charge) -> Result<Counts, Error> {
        match charge {
            Charge::InOrder => self.count_one_by_one(hits).await,
            Charge::AllOrNone => self.count_all_or_none(hits).await,
            Charge::Each | Charge::None => self.count_side_by_side(hits, |_| Some(name_of_charge(charge))).await,
        }
    }

    /// Counts the smallest limit first, because a hit that is taken back refuses others until then, and a smaller limit refuses
    /// most hits before they come to a larger one.
    async fn count_all_or_none(&self, hits: &[Hit<'_>]) -> Result<Counts, Error> {
        let mut order: Vec<_> = (0..hits.len()).collect();
        order.sort_by_key(|at| hits[*at].amount);
        let mut counts = vec![None; hits.len()];
        for at in order {
            let counted = self.count_in_one(&hits[at..=at], name_of_charge(Charge::AllOrNone)).await?[0];
            counts[at] = Some(counted);
            if !counted.allowed {
                return self.take_back(hits, &counts).await;
            }
        }
        Ok(counts.into_iter().flatten().collect())
    }

    /// Takes back the hits that were allowed, because another was not, and reads the counters of those that were not tried.
    async fn take_back(&self, hits: &[Hit<'_>], counts: &[Option<Counted>]) -> Result<Counts, Error> {
        let charge = |at: usize| match counts[at] {
            Some(counted) if counted.allowed => Some("back"),
            Some(_) => None,
            None => Some(name_of_charge(Charge::None)),
        };
        let others = self.count_side_by_side(hits, charge).await?;
        let mut others = others.into_iter();
        let refused = |at: usize| counts[at].filter(|counted| !counted.allowed);
        Ok((0..hits.len()).filter_map(|at| refused(at).or_else(|| others.next())).collect())
    }

    /// Counts at a time the hits for which `charge` says how.
    async fn count_side_by_side(
        &self,
        hits: &[Hit<'_>],
        charge: impl Fn(usize) -> Option<&'static str>,
    ) -> Result<Counts, Error> {
        let calls = hits.chunks(1).enumerate().filter_map(|(at, hit)| Some(self.count_in_one(hit, charge(at)?)));
        let mut counts = Counts::new();
        for of_hit in join_all(calls).await {
            counts.extend(of_hit?);
        }
        Ok(counts)
    }

    async fn count_one_by_one(&self, hits: &[Hit<'_>]) -> Result<Counts, Error> {
        let mut counts = Counts::new();
        for hit in hits.chunks(1) {
            counts.extend(self.count_in_one(hit, name_of_charge(Charge::InOrder)).await?);
            if counts.last().is_some_and(|counted| !counted.allowed) {
                break;
            }
        }
        Ok(counts)
    }

    /// Counts in one step, on one node.
    async fn count_in_one(&self, hits: &[Hit<'_>], charge: &'static str) -> Result<Counts, Error> {
        let numbers: Vec<u64> = self
            .redis
            .run(|mut connection| async move {
                let mut call = self.script.prepare_invoke();
                call.arg(charge);
                for hit in hits {
                    let (key, before) = self.keys(hit);
                    call.key(key).key(before);
                    call.arg(name_of_strategy(hit.strategy)).arg(hit.amount.min(LARGEST));
                    call.arg(milliseconds(hit.window)).arg(hit.cost.min(LARGEST));
                }
                call.invoke_async(&mut connection).await
            })
            .await?;
        counts(hits, &numbers)
    }

    async fn delete_now(&self, key: &str) -> Result<(), Error> {
        let hit = Hit::new(key, 0, Duration::ZERO);
        let (one, _) = self.keys(&hit);
        let (sliding, before) = self.keys(&hit.strategy(Strategy::SlidingWindow));
        for key in [one, sliding, before.unwrap_or_default()] {
            self.redis.delete(&[key]).await?;
        }
        Ok(())
    }

    async fn clear_now(&self, prefix: &str) -> Result<(), Error> {
        let Self { prefix: own, redis, .. } = self;
        redis.delete_prefix(&format!("{own}:{prefix}")).await?;
        redis.delete_prefix(&format!("{own}:{{{prefix}")).await?;
        if redis.is_cluster() { redis.delete_prefix(&self.key_in_a_slot(prefix)).await } else { Ok(()) }
    }
}

impl Counters for RedisCounters {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], charge: Charge) -> Outcome<'a, Counts> {
        if hits.is_empty() {
            return Outcome::ready(Ok(Counts::new()));
        }
        if self.redis.is_cluster() && hits.len() > 1 {
            return Outcome::new(self.count_on_cluster(hits, charge));
        }
        Outcome::new(self.count_in_one(hits, name_of_charge(charge)))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, ()> {
        Outcome::new(self.delete_now(key))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        Outcome::new(self.clear_now(prefix))
    }
}

/// Reads the script's answer.
fn counts(hits: &[Hit<'_>], numbers: &[u64]) -> Result<Counts, Error> {
    let counts: Counts = hits.iter().zip(numbers.chunks_exact(NUMBERS)).map(|(hit, read)| counted(hit, read)).collect();
    if counts.is_empty() || !numbers.len().is_multiple_of(NUMBERS) {
        let message = format!("Redis answered a call for {} limits with {} numbers", hits.len(), numbers.len());
        return Err(Error::new(ErrorKind::Other, message));
    }
    Ok(counts)
}

fn counted(hit: &Hit<'_>, read: &[u64]) -> Counted {
    let nanoseconds = |milliseconds: u64| nanoseconds(Duration::from_millis(milliseconds));
    let reading = match hit.strategy {
        Strategy::FixedWindow => Reading::Fixed { count: read[1], left: nanoseconds(read[2]) },
        Strategy::SlidingWindow => Reading::Sliding { previous: read[1], count: read[2], left: nanoseconds(read[3]) },
        Strategy::MovingWindow => {
            Reading::Moving { used: read[1], oldest_left: nanoseconds(read[2]), room_in: nanoseconds(read[3]) }
        }
    };
    reading.counted(hit, read[0] == 1)
}

fn name_of_charge(charge: Charge) -> &'static str {
    match charge {
        Charge::AllOrNone => "all",
        Charge::InOrder => "order",
        Charge::Each => "each",
        Charge::None => "none",
    }
}

fn name_of_strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::FixedWindow => "fixed",
        Strategy::MovingWindow => "moving",
        Strategy::SlidingWindow => "sliding",
    }
}

/// The window in milliseconds, at least one, because Redis removes a key that has none.
fn milliseconds(window: Duration) -> u64 {
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX).clamp(1, LARGEST)
}

//! The Costrel half, with a sync and an async view for each limit and each page of users.

use std::sync::Arc;
use std::time::Duration;

use costrel::{App, Bytes, Error, Request, Response, request};
use costrel_stores::{Charge, Counted, Counters, Entries, Hit, Redis, RedisCounters, RedisEntries, Strategy};

use crate::users::add_users;

/// The limits of a path: scope, and pairs of an amount and the time for it, as Flask-Limiter writes it in its keys.
type Limits = (&'static str, &'static [(u64, &'static str, u64)]);

const ONE: Limits = ("live", &[(5, "minute", 60)]);
const TWO: Limits = ("two", &[(3, "minute", 60), (4, "hour", 3_600)]);

pub(crate) fn create_app(redis: &str) -> Result<App, Error> {
    let redis = Redis::open(redis)?;
    let mut app = App::new("live");
    let counters = Arc::new(RedisCounters::new(&redis));
    let strategies =
        [("fixed", Strategy::FixedWindow), ("moving", Strategy::MovingWindow), ("sliding", Strategy::SlidingWindow)];
    for (path, strategy) in strategies {
        for (end, limits) in [("", ONE), ("/two", TWO)] {
            limited(&mut app, &format!("/{path}{end}"), &counters, strategy, limits);
        }
    }
    cached(&mut app, &Arc::new(RedisEntries::new(&redis)));
    add_users(&mut app)?;
    Ok(app)
}

fn limited(app: &mut App, path: &str, counters: &Arc<RedisCounters>, strategy: Strategy, limits: Limits) {
    let (sync, of_async) = (counters.clone(), counters.clone());
    app.route(&format!("/sync{path}"), move || {
        let keys = keys(&request(), limits);
        let hits = hits(&keys, strategy, limits);
        answer(limits, &sync.count(&hits, Charge::InOrder).wait()?)
    });
    app.route(&format!("/async{path}"), move || {
        let counters = of_async.clone();
        async move {
            let keys = keys(&request(), limits);
            let hits = hits(&keys, strategy, limits);
            answer(limits, &counters.count(&hits, Charge::InOrder).await?)
        }
    });
}

fn keys(request: &Request, (scope, limits): Limits) -> Vec<String> {
    let client = request.header("x-client").unwrap_or_default();
    limits.iter().map(|(amount, unit, _)| format!("LIMITER/{client}/{scope}/{amount}/1/{unit}")).collect()
}

fn hits<'k>(keys: &'k [String], strategy: Strategy, (_, limits): Limits) -> Vec<Hit<'k>> {
    let hit = |(key, (amount, _, seconds)): (&'k String, &(u64, &str, u64))| {
        Hit::new(key, *amount, Duration::from_secs(*seconds)).strategy(strategy)
    };
    keys.iter().zip(limits).map(hit).collect()
}

/// The answer with Flask-Limiter's headers for the limit that it shows: the one that refuses, or the first.
fn answer((_, limits): Limits, counts: &[Counted]) -> Result<Response, Error> {
    let shown = counts.iter().position(|counted| !counted.allowed).unwrap_or(0);
    let status = if counts[shown].allowed { 200 } else { 429 };
    Ok(costrel::http::Response::builder()
        .status(status)
        .header("x-ratelimit-limit", limits[shown].0)
        .header("x-ratelimit-remaining", counts[shown].remaining)
        .body("found".into())?)
}

fn cached(app: &mut App, entries: &Arc<RedisEntries>) {
    let (get, put, delete) = (entries.clone(), entries.clone(), entries.clone());
    app.get("/cache/<key>", move |key: String| {
        let value = get.get(&key).wait()?;
        value.ok_or_else(|| Error::status(404))
    });
    app.put("/cache/<key>", move |key: String| {
        let entries = put.clone();
        async move {
            let value: Bytes = request().get_data().await?;
            entries.set(&key, value, Some(Duration::from_secs(60))).await?;
            Ok::<_, Error>("")
        }
    });
    app.delete("/cache/<key>", move |key: String| {
        let entries = delete.clone();
        async move { Ok::<_, Error>(if entries.delete(&key).await? { "True" } else { "False" }) }
    });
}

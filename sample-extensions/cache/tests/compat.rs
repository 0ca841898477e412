//! The compatibility suite over `cached` and `cached_by`, with their functions and with a store: every law, on every kind of
//! view and every host.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{Request, Response, View};
use costrel_cache::{Cache, timeout};
use costrel_compat::{Candidate, suite};
use costrel_stores::MemoryEntries;

/// A timeout longer than any trial.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The candidate for [`Cache::cached`].
fn candidate() -> Candidate {
    with(|cache| Box::new(cache.cached(TIMEOUT))).named("cached")
}

/// The candidate for [`Cache::cached_by`], with an async owner and a sync twin; each client is an owner.
fn candidate_with_owner() -> Candidate {
    let sync = with(|cache| Box::new(cache.cached_by(TIMEOUT, |request: Request| owner(&request))));
    let candidate = with(|cache| Box::new(cache.cached_by(TIMEOUT, async |request: Request| owner(&request))));
    let clients = AtomicUsize::new(0);
    candidate.twin(sync).named("cached_by").allow(move |client| {
        let owner = format!("client {}", clients.fetch_add(1, Ordering::Relaxed));
        std::future::ready(Ok(client.with_header("x-owner", &owner)))
    })
}

fn owner(request: &Request) -> String {
    request.header("x-owner").unwrap_or_default().to_owned()
}

/// The candidate for `cached` with all functions that it may ask, async, with a sync twin.
fn candidate_with_functions() -> Candidate {
    let sync = with(|cache| {
        let caching = timeout(TIMEOUT).unless(|| false).forced_update(|_: Request| false);
        Box::new(cache.cached(caching.is_stale(|_: Response| false).response_filter(|_: Response| true)))
    });
    let candidate = with(|cache| {
        let caching = timeout(TIMEOUT).unless(async || false).forced_update(async |_: Request| false);
        Box::new(cache.cached(caching.is_stale(async |_: Response| false).response_filter(async |_: Response| true)))
    });
    candidate.twin(sync).named("cached")
}

/// The candidate for `cached` with a store that machines may share.
fn candidate_with_store() -> Candidate {
    with_cache(Cache::new().store(MemoryEntries::new()), |cache| Box::new(cache.cached(TIMEOUT))).named("cached")
}

fn with(decorator: impl Fn(&Cache) -> Box<dyn Fn(View) -> View + Send + Sync>) -> Candidate {
    with_cache(Cache::new(), decorator)
}

fn with_cache(cache: Cache, decorator: impl Fn(&Cache) -> Box<dyn Fn(View) -> View + Send + Sync>) -> Candidate {
    Candidate::new(decorator(&cache)).setup(move |app| app.init(&cache)).shares_runs()
}

suite!(suite_of_cached, candidate());
suite!(suite_of_cached_by, candidate_with_owner());
suite!(suite_of_cached_with_functions, candidate_with_functions());
suite!(suite_of_cached_with_a_store, candidate_with_store());

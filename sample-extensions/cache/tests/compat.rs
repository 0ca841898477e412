//! The compatibility suite over `cached` and `cached_by`: every law, on every kind of view and every host.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{Request, View};
use costrel_cache::Cache;
use costrel_compat::{Candidate, suite};

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

fn with(decorator: impl Fn(&Cache) -> Box<dyn Fn(View) -> View + Send + Sync>) -> Candidate {
    let cache = Cache::new();
    Candidate::new(decorator(&cache)).setup(move |app| app.init(&cache)).shares_runs()
}

suite!(suite_of_cached, candidate());
suite!(suite_of_cached_by, candidate_with_owner());

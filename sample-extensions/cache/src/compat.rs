//! What the compatibility suite must know to try this extension.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{Request, View};
use costrel_compat::Candidate;

use crate::extension::Cache;

/// Longer than any trial.
const TIMEOUT: Duration = Duration::from_secs(60);

/// [`Cache::cached`].
pub fn candidate() -> Candidate {
    with(|cache| Box::new(cache.cached(TIMEOUT))).named("cached")
}

/// [`Cache::cached_by`], with an async owner and with a sync one; each visitor is one.
pub fn candidate_with_owner() -> Candidate {
    let sync = with(|cache| Box::new(cache.cached_by(TIMEOUT, |request: Request| owner(&request))));
    let candidate = with(|cache| Box::new(cache.cached_by(TIMEOUT, async |request: Request| owner(&request))));
    let visitors = AtomicUsize::new(0);
    candidate.also_as(sync).named("cached_by").allow(move |visitor| {
        let owner = format!("visitor {}", visitors.fetch_add(1, Ordering::Relaxed));
        std::future::ready(Ok(visitor.with_header("x-owner", &owner)))
    })
}

fn owner(request: &Request) -> String {
    request.header("x-owner").unwrap_or("nobody").to_owned()
}

fn with(decorator: impl Fn(&Cache) -> Box<dyn Fn(View) -> View + Send + Sync>) -> Candidate {
    let cache = Cache::new();
    Candidate::new(decorator(&cache)).setup(move |app| app.init(&cache)).sharing_runs()
}

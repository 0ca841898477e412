//! The compatibility suite over `cached`.

use std::time::Duration;

use costrel_cache::Cache;
use costrel_compat::{Candidate, suite};

fn candidate() -> Candidate {
    let cache = Cache::new();
    Candidate::new(cache.cached(Duration::from_secs(60))).setup(move |app| app.init(&cache))
}

suite!(suite_of_cached, candidate());

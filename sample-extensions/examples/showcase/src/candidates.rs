//! The candidates that the command `compat` checks, in addition to the showcase's own routes.

use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::Request;
use costrel_cache::Cache;
use costrel_compat::{Candidate, MakeCandidate};
use costrel_limiter::Limiter;
use costrel_login::{Login, login_required, login_user};

use crate::users::{Person, load_user};

pub(crate) const ALL: [MakeCandidate; 4] = [login, limit, cached, cached_by];

/// A limit above the number of requests that the suite sends as one client.
const LIMIT: usize = 50;

/// A timeout longer than any check.
const TIMEOUT: Duration = Duration::from_secs(60);

fn login() -> Candidate {
    Candidate::new(login_required)
        .setup(|app| {
            app.config.secret_key = Some("only for the checks".into());
            app.post("/sign-in", async || login_user(Person::named("Ada")).await.map(|_| "welcome"));
            app.init(Login::new().user_loader(load_user))
        })
        .allow(async |client| {
            client.post("/sign-in").await?;
            Ok(client)
        })
        .deny(async |client| Ok(client))
}

fn limit() -> Candidate {
    let limiter = Limiter::new(|request: Request| request.header("x-client").unwrap_or("one of many").to_owned());
    Candidate::new(limiter.limit(format!("{LIMIT}/minute")))
        .setup(move |app| app.init(&limiter))
        .named("limit")
        .limits_to(LIMIT)
        .extra_crossings(1)
        .allow(async |client| Ok(client.with_header("x-client", "fresh")))
        .deny(async |client| {
            let client = client.with_header("x-client", "spent");
            client.get_often("/subject/again", LIMIT).await?;
            Ok(client)
        })
}

fn cached() -> Candidate {
    let cache = Cache::new();
    Candidate::new(cache.cached(TIMEOUT)).setup(move |app| app.init(&cache)).shares_runs().named("cached")
}

fn cached_by() -> Candidate {
    let cache = Cache::new();
    let owner = async |request: Request| request.header("x-owner").unwrap_or_default().to_owned();
    let clients = AtomicUsize::new(0);
    Candidate::new(cache.cached_by(TIMEOUT, owner))
        .setup(move |app| app.init(&cache))
        .shares_runs()
        .named("cached_by")
        // Each client is an owner.
        .allow(move |client| {
            let owner = format!("client {}", clients.fetch_add(1, Ordering::Relaxed));
            future::ready(Ok(client.with_header("x-owner", &owner)))
        })
}

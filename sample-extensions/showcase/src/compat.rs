//! The samples on trial: `cargo run -- compat`.

use std::time::Duration;

use costrel::Request;
use costrel_cache::Cache;
use costrel_compat::Candidate;
use costrel_limiter::Limiter;
use costrel_login::{Login, login_required, login_user};

use crate::users::{Person, load_user};

/// More requests than the suite sends as one visitor.
const LIMIT: usize = 50;

pub(crate) fn candidates() -> Vec<Candidate> {
    vec![login(), cache(), limiter()]
}

fn login() -> Candidate {
    Candidate::new(login_required)
        .setup(|app| {
            app.config.secret_key = Some("only for the trial".into());
            app.post("/sign-in", async || login_user(Person::named("Ada")).map(|_| "welcome"));
            app.init(Login::new().user_loader(load_user))
        })
        .allow(async |visitor| {
            visitor.post("/sign-in").await?;
            Ok(visitor)
        })
        .deny(async |visitor| Ok(visitor))
}

fn cache() -> Candidate {
    let cache = Cache::new();
    Candidate::new(cache.cached(Duration::from_secs(60))).setup(move |app| app.init(&cache))
}

fn limiter() -> Candidate {
    let limiter = Limiter::new(async |request: Request| request.header("x-client").unwrap_or_default().to_owned());
    Candidate::new(limiter.limit(&format!("{LIMIT}/minute")))
        .setup(move |app| app.init(&limiter))
        .allow(async |visitor| Ok(visitor.with_header("x-client", "fresh")))
        .deny(async |visitor| {
            let visitor = visitor.with_header("x-client", "spent");
            visitor.get_often("/subject/again", LIMIT).await?;
            Ok(visitor)
        })
}

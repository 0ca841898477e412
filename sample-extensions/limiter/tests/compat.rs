//! The compatibility suite over `limit`: every law, on every kind of view and every host.

use costrel::Request;
use costrel_compat::{Candidate, suite};
use costrel_limiter::Limiter;

/// A limit above the number of requests that the suite sends as one client.
const LIMIT: usize = 50;

/// The candidate for [`Limiter::limit`], with an async key function and a sync twin.
fn candidate() -> Candidate {
    let sync = with(Limiter::new(|request: Request| client(&request)));
    with(Limiter::new(async |request: Request| client(&request))).twin(sync)
}

fn client(request: &Request) -> String {
    request.header("x-client").unwrap_or_default().to_owned()
}

fn with(limiter: Limiter) -> Candidate {
    Candidate::new(limiter.limit(&format!("{LIMIT}/minute")))
        .setup(move |app| app.init(&limiter))
        .limits_to(LIMIT)
        .allow(async |client| Ok(client.with_header("x-client", "fresh")))
        .deny(async |client| {
            let client = client.with_header("x-client", "spent");
            client.get_often("/subject/again", LIMIT).await?;
            Ok(client)
        })
}

suite!(suite_of_limit, candidate());

//! What the compatibility suite must know to try this extension.

use costrel::Request;
use costrel_compat::Candidate;

use crate::extension::Limiter;

/// More than the suite sends as one visitor.
const LIMIT: usize = 50;

/// [`Limiter::limit`], with an async key function and with a sync one.
pub fn candidate() -> Candidate {
    let sync = with(Limiter::new(|request: Request| client(&request)));
    with(Limiter::new(async |request: Request| client(&request))).also_as(sync)
}

fn client(request: &Request) -> String {
    request.header("x-client").unwrap_or_default().to_owned()
}

fn with(limiter: Limiter) -> Candidate {
    Candidate::new(limiter.limit(&format!("{LIMIT}/minute")))
        .setup(move |app| app.init(&limiter))
        .limiting_to(LIMIT)
        .allow(async |visitor| Ok(visitor.with_header("x-client", "fresh")))
        .deny(async |visitor| {
            let visitor = visitor.with_header("x-client", "spent");
            visitor.get_often("/subject/again", LIMIT).await?;
            Ok(visitor)
        })
}

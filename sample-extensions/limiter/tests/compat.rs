//! The compatibility suite over `limit`.

use costrel::Request;
use costrel_compat::{Candidate, suite};
use costrel_limiter::Limiter;

/// More than the suite sends as one visitor.
const LIMIT: usize = 50;

async fn by_client(request: Request) -> String {
    request.header("x-client").unwrap_or_default().to_owned()
}

fn candidate() -> Candidate {
    let limiter = Limiter::new(by_client);
    Candidate::new(limiter.limit(&format!("{LIMIT}/minute")))
        .setup(move |app| app.init(&limiter))
        .allow(async |visitor| Ok(visitor.with_header("x-client", "fresh")))
        .deny(async |visitor| {
            let visitor = visitor.with_header("x-client", "spent");
            visitor.get_often("/subject/again", LIMIT).await?;
            Ok(visitor)
        })
}

suite!(suite_of_limit, candidate());

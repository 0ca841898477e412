//! The compatibility suite over `protected`: every law, on every kind of view and every host.

use costrel::Method;
use costrel_compat::{Candidate, suite};
use costrel_csrf::Csrf;

fn candidate() -> Candidate {
    let csrf = Csrf::by_fetch_metadata();
    Candidate::new(csrf.protected())
        .setup(move |app| {
            // The decorator alone, because a hook that refuses comes before the other hooks.
            app.config.set("WTF_CSRF_CHECK_DEFAULT", false)?;
            app.init(&csrf)
        })
        .refuses_only([Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow(async |client| Ok(client.with_header("sec-fetch-site", "same-origin")))
        .deny(async |client| Ok(client.with_header("sec-fetch-site", "cross-site")))
}

suite!(suite_of_protected, candidate());

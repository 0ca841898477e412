//! The compatibility suite over `jwt_required`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_jwt::{Jwt, Token, access_token, create_access_token, jwt_required};

fn candidate(jwt: fn() -> Jwt) -> Candidate {
    Candidate::new(jwt_required(access_token()))
        .setup(move |app| {
            app.config.set("JWT_SECRET_KEY", "only for the trial, and long enough for it")?;
            app.post("/sign-in", async || create_access_token("ada").await);
            app.init(jwt())
        })
        .allow(async |client| {
            let token = client.post("/sign-in").await?.text();
            Ok(client.with_header("authorization", &format!("Bearer {token}")))
        })
        .deny(async |client| Ok(client.with_header("authorization", "Bearer another")))
}

fn in_async() -> Jwt {
    let jwt = Jwt::new().token_in_blocklist_loader(async |_: Token| false);
    jwt.user_lookup_loader(async |token: Token| token.claim::<String>("sub"))
}

fn in_sync() -> Jwt {
    let jwt = Jwt::new().token_in_blocklist_loader(|_: Token| false);
    jwt.user_lookup_loader(|token: Token| token.claim::<String>("sub"))
}

suite!(suite_of_jwt_required, candidate(in_async).twin(candidate(in_sync).extra_crossings(2)));

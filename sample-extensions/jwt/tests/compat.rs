//! The compatibility suite over `jwt_required`: every law, on every kind of view and every host.

use costrel::Error;
use costrel_compat::{Candidate, Client, Host, check_on, suite};
use costrel_jwt::{
    Jwt, Location, Requirement, Token, access_token, create_access_token, create_refresh_token, jwt_required,
    refresh_token,
};
use rstest::rstest;

fn candidate(requirement: Requirement, jwt: fn() -> Jwt) -> Candidate {
    Candidate::new(jwt_required(requirement))
        .setup(move |app| {
            app.config.set("JWT_SECRET_KEY", "only for the trial, and long enough for it")?;
            app.post("/sign-in", async || create_access_token("ada").await);
            app.post("/sign-in/again", async || create_refresh_token("ada").await);
            app.init(jwt())
        })
        .allow(async |client| with_token_of(client, "/sign-in").await)
        .deny(async |client| Ok(client.with_header("authorization", "Bearer another")))
}

async fn with_token_of(client: Client, path: &str) -> Result<Client, Error> {
    let token = client.post(path).await?.text();
    Ok(client.with_header("authorization", &format!("Bearer {token}")))
}

fn in_async() -> Jwt {
    let jwt = Jwt::new().token_in_blocklist_loader(async |_: Token| false);
    jwt.user_lookup_loader(async |token: Token| token.claim::<String>("sub"))
}

fn in_sync() -> Jwt {
    let jwt = Jwt::new().token_in_blocklist_loader(|_: Token| false);
    jwt.user_lookup_loader(|token: Token| token.claim::<String>("sub"))
}

suite!(suite_of_jwt_required, required(access_token()));

fn required(requirement: Requirement) -> Candidate {
    candidate(requirement.clone(), in_async).twin(candidate(requirement, in_sync).extra_crossings(2))
}

/// The other requirements share their code with the one above, so they are tried in the process alone.
#[rstest]
#[case::refresh(|| required(refresh_token()).allow(async |client| with_token_of(client, "/sign-in/again").await))]
#[case::optional(|| required(access_token().optional()))]
#[case::optional_without_a_token(|| required(access_token().optional()).allow(async |client| Ok(client)))]
#[case::at_several_places(|| required(access_token().locations([Location::QueryString, Location::Json, Location::Headers])))]
fn every_requirement_keeps_the_laws(#[case] candidate: fn() -> Candidate) {
    check_on(candidate, &[Host::InProcess]);
}

//! The compatility suite over `protected`: every law, on every kind of view and every host.

use costrel::{App, Error, Method};
use costrel_compat::{Candidate, Client, Host, check_on, suite};
use costrel_csrf::Csrf;
use rstest::rstest;

fn by_fetch_metadata() -> Candidate {
    let csrf = Csrf::by_fetch_metadata();
    from_this_site(Candidate::new(csrf.protected()).setup(move |app| initialised(app, csrf)))
}

/// Initialises the extension for the decorator alone, because a hook that refuses comes before the other hooks.
fn initialised(app: &mut App, csrf: Csrf) -> Result<(), Error> {
    app.config.secret_key = Some("only for the trial".into());
    app.config.set("WTF_CSRF_CHECK_DEFAULT", false)?;
    app.route("/token", move || csrf.token());
    app.init(&csrf)
}

fn from_this_site(candidate: Candidate) -> Candidate {
    candidate
        .refuses_only([Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow(async |client| Ok(client.with_header("sec-fetch-site", "same-origin")))
        .deny(async |client| Ok(client.with_header("sec-fetch-site", "cross-site")))
}

suite!(suite_of_protected, by_fetch_metadata());

/// The other ways to protect an app are tried in the process alone.
#[rstest]
#[case::by_token(by_token)]
#[case::for_the_whole_app(for_the_whole_app)]
#[case::by_token_for_the_whole_app(by_token_for_the_whole_app)]
#[case::exempt(exempt)]
fn every_way_keeps_the_laws(#[case] candidate: fn() -> Candidate) {
    check_on(candidate, &[Host::InProcess]);
}

fn by_token() -> Candidate {
    let csrf = Csrf::new();
    with_token(Candidate::new(csrf.protected()).setup(move |app| initialised(app, csrf)))
}

/// A candidate whose client has a token for its session, from a page of the app.
fn with_token(candidate: Candidate) -> Candidate {
    candidate
        .reads_body()
        .refuses_only([Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow(signed)
        .deny(async |client| Ok(client.with_header("x-csrftoken", "another")))
}

async fn signed(client: Client) -> Result<Client, Error> {
    let token = client.get("/token").await?.text();
    Ok(client.with_header("x-csrftoken", &token))
}

fn for_the_whole_app() -> Candidate {
    let set_up = |app: &mut App| app.init(&Csrf::by_fetch_metadata());
    from_this_site(Candidate::extension("csrf", set_up).for_pages())
}

fn by_token_for_the_whole_app() -> Candidate {
    let set_up = |app: &mut App| {
        app.config.secret_key = Some("only for the trial".into());
        app.route("/token", move || Csrf::new().token());
        app.init(&Csrf::new())
    };
    with_token(Candidate::extension("csrf by token", set_up).for_pages())
}

/// A view that is exempt stays so in a blueprint that is protected.
fn exempt() -> Candidate {
    let csrf = Csrf::new();
    let (exempt, protected) = (csrf.exempt(), csrf.protected());
    let both = move |view| protected(exempt(view));
    Candidate::new(both).named("exempt").setup(move |app| initialised(app, csrf))
}

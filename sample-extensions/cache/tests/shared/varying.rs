//! Pages that vary, in memory and in a store: each copy is there for its own time.

use std::sync::Arc;
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{Colour, Error, IntoResponse, Request, Response, request};
use costrel_cache::{Cache, CachedResponse, Caching, timeout};
use costrel_ext_kit::Clock;
use costrel_stores::MemoryEntries;
use rstest::rstest;

use crate::machine;
use crate::support::{MINUTE, callback, counted};

/// A client of a page in several languages, of which German lasts ten minutes, and the clock.
fn client(caching: impl Into<Caching>, colour: Colour, is_shared: bool) -> (TestClient, Clock) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let store = || Arc::new(MemoryEntries::new().clock(clock.clone()));
    let cache = if is_shared { cache.store(store()) } else { cache };
    (machine(&cache, caching, counted(colour, in_language)), clock)
}

fn in_language(run: usize) -> Result<Response, Error> {
    let response = (format!("run {run}"), [("vary", "accept-language")]);
    let is_german = request().header("accept-language") == Some("de");
    CachedResponse::new(response, if is_german { 10 * MINUTE } else { Duration::ZERO }).into_response()
}

fn get(client: &TestClient, path: &str, language: &str) -> String {
    client.get(path).header("accept-language", language).wait().unwrap().text()
}

/// A page that is filled in beside its request is there when the next request has waited for it.
fn fill(client: &TestClient, language: &str) {
    assert_eq!(get(client, "/page", language), get(client, "/page", language));
}

#[rstest]
fn a_copy_outlives_the_first_one(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_shared: bool,
) {
    let (client, clock) = client(MINUTE, colour, is_shared);
    fill(&client, "en");
    clock.advance(MINUTE / 2);
    fill(&client, "fr");
    clock.advance(MINUTE * 2 / 3);
    assert_eq!([get(&client, "/page", "fr"), get(&client, "/page", "en")], ["run 1", "run 2"]);
}

#[rstest]
fn the_copies_stay_as_long_as_the_longest_of_them(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] is_shared: bool,
    #[values(["de", "en"], ["en", "de"])] languages: [&str; 2],
) {
    let (client, clock) = client(MINUTE, colour, is_shared);
    for language in languages {
        fill(&client, language);
    }
    let german = get(&client, "/page", "de");
    clock.advance(9 * MINUTE);
    assert_eq!(get(&client, "/page", "de"), german);
    assert_eq!(get(&client, "/page", "en"), "run 2");
    clock.advance(MINUTE);
    assert_eq!(get(&client, "/page", "de"), "run 3");
}

#[rstest]
fn a_forced_update_of_one_copy_leaves_the_others(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Colour::Sync, Colour::Async)] of_callback: Colour,
    #[values(true, false)] is_shared: bool,
) {
    let forced = callback(of_callback, |request: Request| request.args().get("new").is_some());
    let (client, _) = client(timeout(MINUTE).forced_update(forced).query_string(false), colour, is_shared);
    fill(&client, "en");
    fill(&client, "fr");
    assert_eq!(get(&client, "/page?new", "en"), "run 2");
    // Until the new copy is filled in, others still get the old one.
    while get(&client, "/page", "en") == "run 0" {}
    assert_eq!([get(&client, "/page", "en"), get(&client, "/page", "fr")], ["run 2", "run 1"]);
}

//! Laws about headers: the view's, and those that the candidate adds.

use costrel::http::header::{self, HeaderName};
use costrel::{Colour, HeaderMap, IntoView, Method, StatusCode, View};

use super::LawText;
use crate::fixture::{Cell, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const THE_VIEWS_OWN_HEADERS_STAY: LawText = LawText {
    why: "A decorator that sets `Vary`, `Cache-Control` or a cookie in place of the view's makes caches mix up pages; one that answers every 404 itself takes the view's own page away.",
    remedy: "Add to a header that may be there: append to `Vary`, set `Cache-Control` only where there is none, leave a status alone that the view returned.",
    how: "The view returns a 404 of its own with `Vary`, `Cache-Control`, a cookie and a page; all of it must arrive.",
};

pub(super) async fn the_views_own_headers_stay(cell: Cell) -> Checked {
    let stage = stage_with(
        &cell,
        404,
        &[
            ("vary", "Accept"),
            ("cache-control", "private, max-age=60"),
            ("set-cookie", "own=1; Path=/"),
            ("x-own", "own"),
            ("etag", "\"own\""),
            ("last-modified", "Mon, 30 Nov 2026 08:00:00 GMT"),
            ("content-language", "fr"),
            ("content-disposition", "inline"),
            ("www-authenticate", "Own"),
            ("link", "</own.css>; rel=preload"),
        ],
    )
    .await?;
    let reply = stage.allowed().await?.get("/headers/ada").await?;
    let own = cell.candidate.answer((StatusCode::NOT_FOUND, "the view's own".to_owned()));
    expect("status and body of a 404 that the view returned", (reply.status, reply.text()), own)?;
    for (name, value) in [
        ("vary", "accept"),
        ("cache-control", "private"),
        ("cache-control", "max-age=60"),
        ("x-own", "own"),
        ("etag", "\"own\""),
        ("content-language", "fr"),
        ("content-disposition", "inline"),
        ("www-authenticate", "own"),
        ("link", "</own.css>; rel=preload"),
    ] {
        let found = parts_of(&reply.headers, name).any(|part| part.eq_ignore_ascii_case(value));
        expect(&format!("whether the view's `{name}: {value}` arrived"), found, true)?;
    }
    let cookie = reply.headers.get_all(header::SET_COOKIE).iter().any(|cookie| cookie == "own=1; Path=/");
    expect("whether the view's cookie arrived", cookie, true)?;
    Ok(())
}

pub(super) const NO_COOKIE_GOES_WITH_WHAT_CACHES_MAY_KEEP: LawText = LawText {
    why: "A cache that keeps a page keeps its cookie too, and gives one client's session to all (asgi-csrf#7).",
    remedy: "Set a cookie only when it is needed, and make the response `Cache-Control: private` when you do.",
    how: "The view returns a page that is `public`; a response with a cookie of the candidate's must not be so any more.",
};

pub(super) async fn no_cookie_goes_with_what_caches_may_keep(cell: Cell) -> Checked {
    let stage = stage_with(&cell, 200, &[("cache-control", "public, max-age=60")]).await?;
    let reply = stage.allowed().await?.get("/headers/ada").await?;
    let cookies: Vec<_> = reply.headers.get_all(header::SET_COOKIE).iter().collect();
    applies_if(!cookies.is_empty(), "the candidate sets no cookie")?;
    let is_kept_apart = parts_of(&reply.headers, "cache-control").any(|part| matches!(&*part, "private" | "no-store"));
    if !is_kept_apart {
        let what = "the cookies of a response that every cache may keep";
        return Err(Failure::sentence(what, "none", format!("{cookies:?}")).into());
    }
    Ok(())
}

pub(super) const WHAT_IT_ADDS_IS_ON_ERRORS_TOO: LawText = LawText {
    why: "Error pages need the headers that protect a page, and the number by which its log is found, as much as any other (flask-cors#198); a browser hides a refusal without CORS headers from the page's code.",
    remedy: "Set the header on the response that leaves, with `Decorator::on_response`, or on errors as well, with `Error::with_header`; claim OPTIONS for the preflights.",
    how: "A header of those that belong on every response, and that the candidate adds to a success, must also be on the response to an abort, on the page after a panic, and on the candidate's own refusals; `Access-Control-Allow-Origin` on a preflight too.",
};

pub(super) async fn what_it_adds_is_on_errors_too(cell: Cell) -> Checked {
    applies_if(!cell.candidate.is_layer(), "a tower layer sees no errors of the view")?;
    cell.may_fail(2)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?.with_header("origin", ORIGIN);
    let success = client.get("/subject/ada").await?;
    let added: Vec<_> = EVERYWHERE.into_iter().filter(|name| success.headers.contains_key(*name)).collect();
    applies_if(!added.is_empty(), "the candidate adds no header that belongs on every response")?;
    has_all(&added, "an abort", &client.get("/subject/abort").await?.headers)?;
    has_all(&added, "the page after a panic", &client.get("/subject/panic").await?.headers)?;
    if cell.candidate.can_deny() && cell.candidate.may_refuse(&Method::GET) {
        let refused = stage.denied().await?.with_header("origin", ORIGIN).get("/subject/ada").await?;
        has_all(&added, "a refusal", &refused.headers)?;
    }
    if added.contains(&CORS) {
        let preflight = client.with_header("access-control-request-method", "POST");
        has_all(&[CORS], "a preflight", &preflight.send(Method::OPTIONS, "/subject/ada").await?.headers)?;
    }
    Ok(())
}

/// The origin of a page of another host.
const ORIGIN: &str = "https://other.example";

const CORS: &str = "access-control-allow-origin";

fn has_all(added: &[&str], what: &str, headers: &HeaderMap) -> Checked {
    for name in added {
        expect(&format!("whether `{name}`, which is on a success, is on {what}"), headers.contains_key(*name), true)?;
    }
    Ok(())
}

/// Headers that make sense on every response, or on none.
const EVERYWHERE: [&str; 11] = [
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "content-security-policy",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    CORS,
    "x-request-id",
    "x-correlation-id",
];

pub(super) const THE_SESSION_IS_WRITTEN_ONLY_WHEN_IT_CHANGES: LawText = LawText {
    why: "A session that is written with every request gives every response a cookie, so that no cache may keep any, and two requests at once undo each other's changes.",
    remedy: "Write to the session only what is new: compare before you set.",
    how: "A client sends the same request twice; the second response must not set the session's cookie again.",
};

pub(super) async fn the_session_is_written_only_when_it_changes(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let first = written(&client.get("/subject/ada").await?.headers);
    let again = written(&client.get("/subject/ada").await?.headers);
    applies_if(first + again > 0, "the candidate does not write the session")?;
    expect("session cookies that a second, equal request gets", again, 0)?;
    Ok(())
}

/// The number of session cookies that a response sets.
fn written(headers: &HeaderMap) -> usize {
    let cookies = headers.get_all(header::SET_COOKIE).into_iter();
    cookies.filter(|cookie| cookie.as_bytes().starts_with(b"session=")).count()
}

/// Headers that are lists, in which a part may stand twice.
const LISTS: [&str; 6] = ["vary", "via", "link", "warning", "server-timing", "trailer"];

/// Fails if the candidate, put on a view twice, gives a header line twice that it gives once by itself.
pub(super) fn none_is_doubled(once: &HeaderMap, twice: &HeaderMap) -> Checked {
    for name in twice.keys().filter(|name| !LISTS.contains(&name.as_str())) {
        for value in twice.get_all(name) {
            let lines = |headers: &HeaderMap| headers.get_all(name).iter().filter(|line| *line == value).count();
            if lines(twice) > lines(once).max(1) {
                let what = format!("lines `{name}: {}`", String::from_utf8_lossy(value.as_bytes()));
                return Err(Failure::new(what, lines(once).max(1), lines(twice)).into());
            }
        }
    }
    Ok(())
}

/// Serves a view on `/headers/<name>` that answers with this status and these headers.
async fn stage_with(cell: &Cell, status: u16, headers: &'static [(&'static str, &'static str)]) -> Checked<Stage> {
    let answer = move || ("the view's own", status, headers.to_vec());
    let view: View = match cell.subject.colour() {
        Colour::Sync => (move |_: String| answer()).into_view(),
        Colour::Async => (move |_: String| std::future::ready(answer())).into_view(),
    };
    let decorated = cell.decorate(view).named("headers");
    Ok(cell
        .stage_with(|app, _| {
            app.rule("/headers/<name>").view(decorated);
        })
        .await?)
}

/// The parts of a header that is a list, in lower case.
pub(super) fn parts_of<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = String> + 'h {
    let name: HeaderName = name.parse().unwrap_or(header::VARY);
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|part| part.trim().to_ascii_lowercase())
}

//! Laws about headers: the view's, and those that the candidate adds.

use std::collections::BTreeMap;

use costrel::http::header::{self, HeaderName};
use costrel::{Colour, HeaderMap, IntoView, Method, StatusCode, View};

use super::LawText;
use crate::fixture::{Cell, Client, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const THE_VIEWS_OWN_HEADERS_STAY: LawText = LawText {
    why: "A decorator that sets `Vary`, `Cache-Control` or a cookie in place of the view's makes caches mix up pages; one that answers every 404 itself takes the view's own page away.",
    remedy: "Add to a header that may be there: append to `Vary`, set `Cache-Control` only where there is none, leave a status alone that the view returned.",
    how: "The view returns a 404 of its own with `Vary`, `Cache-Control`, a cookie and a page; all of it must arrive. So must its pages with the statuses 400, 401, 403, 409, 410 and 422.",
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
    let reply = stage.allowed().await?.ask("/headers/ada").await?;
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
    for status in RETURNED {
        let reply = stage.allowed().await?.ask(&format!("/headers/{}", status.as_u16())).await?;
        let own = cell.candidate.answer((status, "the view's own".to_owned()));
        expect(&format!("status and body of a {status} that the view returned"), (reply.status, reply.text()), own)?;
    }
    Ok(())
}

/// Statuses with which a view may return a page of its own.
const RETURNED: [StatusCode; 6] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::CONFLICT,
    StatusCode::GONE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

pub(super) const NO_COOKIE_GOES_WITH_WHAT_CACHES_MAY_KEEP: LawText = LawText {
    why: "A cache that keeps a page keeps its cookie too, and gives one client's session to all (asgi-csrf#7).",
    remedy: "Set a cookie only when it is needed, and make the response `Cache-Control: private` when you do.",
    how: "The view returns a page that is `public`; a response with a cookie of the candidate's must not be so any more.",
};

pub(super) async fn no_cookie_goes_with_what_caches_may_keep(cell: Cell) -> Checked {
    let stage = stage_with(&cell, 200, &[("cache-control", "public, max-age=60")]).await?;
    // By GET alone, because caches keep no answers to POST.
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
    let client = of_a_page(stage.allowed().await?);
    let success = client.ask("/subject/ada").await?;
    let added: Vec<_> = EVERYWHERE.into_iter().filter(|name| success.headers.contains_key(*name)).collect();
    applies_if(!added.is_empty(), "the candidate adds no header that belongs on every response")?;
    has_all(&added, "an abort", &client.ask("/subject/abort").await?.headers)?;
    has_all(&added, "the page after a panic", &client.ask("/subject/panic").await?.headers)?;
    if cell.candidate.can_deny() && cell.may_refuse_it() {
        // The page of the client that is let in; another page may be what is refused.
        let (refused, origin) = (stage.denied().await?, client.header("origin").unwrap_or(ORIGIN));
        let refused = if refused.has_header("origin") { refused } else { refused.with_header("origin", origin) };
        let is_of_the_page = refused.header("origin") == Some(origin);
        let due: Vec<_> = added.iter().copied().filter(|name| is_of_the_page || *name != CORS).collect();
        has_all(&due, "a refusal", &refused.ask("/subject/ada").await?.headers)?;
    }
    if added.contains(&CORS) {
        let preflight = client.with_header("access-control-request-method", "POST");
        has_all(&[CORS], "a preflight", &preflight.send(Method::OPTIONS, "/subject/ada").await?.headers)?;
    }
    Ok(())
}

/// Returns the client as the code of a page uses it: of the page that the candidate lets in, or of any other.
fn of_a_page(client: Client) -> Client {
    if client.has_header("origin") { client } else { client.with_header("origin", ORIGIN) }
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
    how: "A client sends the same request twice; the second response must not set the session's cookie again, unless the session is permanent and has the same values. By POST it must not set the same values again.",
};

pub(super) async fn the_session_is_written_only_when_it_changes(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let first = sessions(&client.ask("/subject/ada").await?.headers);
    let again = sessions(&client.ask("/subject/ada").await?.headers);
    applies_if(!first.is_empty() || !again.is_empty(), "the candidate does not write the session")?;
    let is_same = |session: &Session| first.iter().any(|known| known.data == session.data);
    // A permanent session is sent again with each request, so that it lives on; and a POST may well change it.
    let is_right =
        |session: &Session| if is_same(session) { session.is_permanent } else { client.verb() == Method::POST };
    let written = again.iter().filter(|session| !is_right(session)).count();
    expect("session cookies that a second, equal request gets", written, 0)?;
    Ok(())
}

/// A session that a response sets.
struct Session {
    /// The session's values, without the time of the signature.
    data: String,
    is_permanent: bool,
}

fn sessions(headers: &HeaderMap) -> Vec<Session> {
    let lines = headers.get_all(header::SET_COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.strip_prefix("session=")).map(session).collect()
}

fn session(cookie: &str) -> Session {
    let (value, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
    // The time and the signature are the last two parts; a compressed payload begins with a dot of its own.
    let data = value.rsplitn(3, '.').nth(2).unwrap_or(value).to_owned();
    let lasts = attributes.contains("Expires=") || attributes.contains("Max-Age=");
    Session { data, is_permanent: lasts && !attributes.contains("Max-Age=0") }
}

/// Headers that are lists, in which a part may stand twice.
const LISTS: [&str; 6] = ["vary", "via", "link", "warning", "server-timing", "trailer"];

/// Fails if the candidate, put on a view twice, gives a header line twice that it gives once by itself.
pub(super) fn none_is_doubled(once: &HeaderMap, twice: &HeaderMap) -> Checked {
    let (once, twice) = (lines_of(once), lines_of(twice));
    for (line, times) in twice {
        let due = once.get(&line).copied().unwrap_or(0).max(1);
        if times > due {
            return Err(Failure::new(format!("lines of `{line}`"), due, times).into());
        }
    }
    Ok(())
}

/// The number of lines of each header, and of each cookie that is set, whatever their values.
fn lines_of(headers: &HeaderMap) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| !LISTS.contains(&name.as_str())) {
        let cookie = value.to_str().ok().filter(|_| *name == header::SET_COOKIE).and_then(|line| line.split_once('='));
        let line = cookie.map_or(name.to_string(), |(cookie, _)| format!("{name}: {cookie}"));
        *lines.entry(line).or_default() += 1;
    }
    lines
}

/// Serves a view on `/headers/<name>` that answers with this status, or the one that is its name, and these headers.
async fn stage_with(cell: &Cell, status: u16, headers: &'static [(&'static str, &'static str)]) -> Checked<Stage> {
    let answer = move |name: &str| ("the view's own", name.parse().unwrap_or(status), headers.to_vec());
    let view: View = match cell.subject.colour() {
        Colour::Sync => (move |name: String| answer(&name)).into_view(),
        Colour::Async => (move |name: String| std::future::ready(answer(&name))).into_view(),
    };
    let decorated = cell.decorate(view).named("headers");
    Ok(cell
        .stage_with(|app, _| {
            app.rule("/headers/<name>").methods(["GET", "POST"]).view(decorated);
        })
        .await?)
}

/// The parts of a header that is a list, in lower case.
pub(super) fn parts_of<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = String> + 'h {
    let name: HeaderName = name.parse().unwrap_or(header::VARY);
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|part| part.trim().to_ascii_lowercase())
}

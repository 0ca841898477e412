//! The public pages, and the layout of all pages.

use std::time::SystemTime;

use costrel::{Error, IntoResponse, Response, View, escape, request};
use costrel_ext_kit::Decorator;

/// Links to every route of the showcase, except those that only take a form.
const LINKS: &str = r#"<ul>
<li>Sync and async side by side: <a href="/live/">what ran where, live streams, sockets</a>
<li>Greeting: <a href="/hello/Ada">/hello/&lt;name&gt;</a> (async)
<li>Sign in and out: <a href="/login">/login</a>
<li>For signed-in users only: <a href="/me/sync">/me/sync</a>, <a href="/me/async">/me/async</a>
<li>Kept for ten seconds: <a href="/cached/sync">/cached/sync</a>, <a href="/cached/async">/cached/async</a>
<li>Three times a minute: <a href="/limited/sync">/limited/sync</a>, <a href="/limited/async">/limited/async</a>
<li>All three at once: <a href="/report">/report</a>
<li>Examples from documentation of async Flask: <a href="/snippets/">/snippets/</a>
<li>An address that is not there: <a href="/nowhere">/nowhere</a>
</ul>
<form method="post" action="/logout"><button>Sign out</button></form>"#;

const STYLE: &str = "body{font:18px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#222}\
    a{color:#05609f}code{background:#eef;padding:.1em .3em;border-radius:3px}button,input{font:inherit}";

pub(crate) fn index() -> String {
    page("Costrel", &format!("<p>A pilgrim's flask with two handles: <b>sync</b> and <b>async</b>.</p>{LINKS}"))
}

pub(crate) async fn hello(name: String) -> String {
    page("Hello", &format!("<p>Hello, {}!</p>", escape(&name)))
}

pub(crate) fn cached_sync() -> String {
    page("Cached, sync view", &made_now())
}

pub(crate) async fn cached_async() -> String {
    page("Cached, async view", &made_now())
}

pub(crate) fn limited_sync() -> String {
    page("Limited, sync view", "<p>Reload this more than three times.</p>")
}

pub(crate) async fn limited_async() -> String {
    page("Limited, async view", "<p>Reload this more than three times.</p>")
}

pub(crate) async fn report() -> String {
    page(
        "Report",
        &format!("<p>For signed-in users, at most ten times a minute, cached for ten seconds.</p>{}", made_now()),
    )
}

/// Shows the value of the `x-cache` header on the page.
pub(crate) fn show_cache_state(view: View) -> View {
    Decorator::new(view).after(|answer| answer.map(with_cache_state))
}

fn with_cache_state(response: Response) -> Response {
    let (Some(state), Some(page)) = (response.headers().get("x-cache"), response.body().as_bytes()) else {
        return response;
    };
    let state = escape(&String::from_utf8_lossy(state.as_bytes()));
    let page = format!("{}<p>From the cache: <code>{state}</code></p>\n", String::from_utf8_lossy(page));
    response.map(|_| page.into())
}

pub(crate) fn not_found(error: Error) -> Result<Response, Error> {
    let path = escape(request().path());
    (page("Not found", &format!("<p><code>{path}</code>: {error}</p>")), 404).into_response()
}

pub(crate) async fn too_many(error: Error) -> Result<Response, Error> {
    (page("Too many requests", &format!("<p>{}</p>", escape(error.message()))), 429, error.headers().clone())
        .into_response()
}

pub(crate) fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><p><a href=\"/\">Costrel</a></p><h1>{title}</h1>\n{content}\n"
    )
}

fn made_now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("<p>The view ran at second <code>{}</code>.</p>", now.as_secs())
}

//! The decorator `cached`: looks the response up, or runs the view and keeps its response.

use std::sync::Arc;
use std::time::Duration;

use costrel::http::header::VARY;
use costrel::{
    Callable, Error, HeaderName, HeaderValue, Instance, Looks, Method, Phase, Request, Response, View, current_app, g,
    session,
};
use costrel_ext_kit::Decorator;

use crate::cacheability::{has_credentials, is_anonymous, is_for_a_page, key};
use crate::entries::{Entries, Kept, Lookup, Wanted};
use crate::run::{Ended, Pending, Run};
use crate::turns::Turn;

/// The response header that says whether the response came from the cache: `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The session's key for the messages that the next page shows; Flask's own.
const FLASHES: &str = "_flashes";

/// The options of one `cached` or `cached_by`.
#[derive(Clone, Debug)]
pub(crate) struct Caching {
    pub(crate) cache: Instance,
    /// The beginning of the name on `g` of a page that this request fills in.
    pub(crate) filling: Arc<str>,
    pub(crate) timeout: Duration,
    /// The key function for the owner of a copy; `None` for one copy that all clients share.
    pub(crate) owner: Option<Callable<Request, String>>,
}

pub(crate) fn cached(view: View, caching: Caching) -> View {
    let decorator = Decorator::new(view).named("cached").requires_of::<Entries>(caching.cache).phase(Phase::CACHE);
    decorator.wrap_async_with(caching, answer)
}

async fn answer(caching: Caching, next: View, request: Request) -> Result<Response, Error> {
    let Some(owner) = caching.owner.clone() else { return answer_for(caching, next, request, None).await };
    let (watch, reads_of_g) = (request.watch(), g().reads());
    let name = owner.call(request.clone()).await?;
    let looks = watch.end();
    let has_read_g = g().reads() > reads_of_g;
    let mut response = answer_for(caching, next, request, Some(name)).await?;
    add_vary(&mut response, &looks, has_read_g && looks.any_before());
    Ok(response)
}

/// Answers a request for the copy of `owner`, or for the one that all clients share.
async fn answer_for(caching: Caching, next: View, request: Request, owner: Option<String>) -> Result<Response, Error> {
    if request.aside(|request| !is_for_a_page(request)) || is_for_one(&request, owner.as_deref()) {
        return next.call(request).await;
    }
    let view = next.name().unwrap_or_default();
    let key = request.aside(|request| key(request, view, owner.as_deref()));
    // With two `cached` decorators on a view, such as the blueprint's and its own, the outer one holds the turn, so
    // the inner one calls the view; waiting for the turn would be a deadlock.
    let filling = [&*caching.filling, &key].concat();
    if g().contains(&filling) {
        return next.call(request).await;
    }
    g().set(filling, ());
    let wanted = Wanted { is_anonymous: request.aside(is_anonymous), request, key };
    fill_in(next, caching, wanted).await
}

/// Whether this request must neither be answered from the cache nor fill it.
fn is_for_one(request: &Request, owner: Option<&str>) -> bool {
    match owner {
        // Code in this request has looked at the session, so the view's answer may be for this client alone.
        None => session().accesses() > 0 || request.aside(has_credentials),
        // Without an owner the copy would be everybody's; with a message for the next page, it would not show it.
        Some(owner) => owner.is_empty() || session().contains(FLASHES),
    }
}

async fn fill_in(next: View, caching: Caching, wanted: Wanted) -> Result<Response, Error> {
    let entries = current_app().extension_of::<Entries>(caching.cache)?;
    let request = wanted.request.clone();
    match entries.find(&wanted).await {
        Lookup::Hit(response) => Ok(marked(response, "hit")),
        Lookup::Pass => next.call(request).await,
        // The response to HEAD may not be right for GET, so leave the turn to a GET request.
        Lookup::Miss(turn) if request.method() != Method::GET => {
            drop(turn);
            next.call(request).await
        }
        Lookup::Miss(turn) => run(next, caching, wanted, turn).await,
    }
}

/// Runs the view, and keeps its response if it may be given to other requests.
async fn run(next: View, caching: Caching, wanted: Wanted, turn: Turn) -> Result<Response, Error> {
    let entries = current_app().extension_of::<Entries>(caching.cache)?;
    let run = Run::begin(&wanted.request);
    let outcome = next.call(wanted.request.clone()).await;
    let ended = run.end();
    match outcome {
        // The turn ends here: the next request that waits tries alone, because what has failed may be overloaded.
        Err(error) if error.status_code().is_server_error() => Err(error),
        Ok(response) if response.status().is_server_error() => Ok(response),
        Ok(response) => keep(entries, response, &ended, &caching, wanted, turn).await,
        Err(error) => {
            entries.pass(&wanted, true, caching.timeout);
            Err(error)
        }
    }
}

async fn keep(
    entries: Arc<Entries>,
    response: Response,
    ended: &Ended,
    caching: &Caching,
    wanted: Wanted,
    turn: Turn,
) -> Result<Response, Error> {
    let (has_owner, timeout) = (caching.owner.is_some(), caching.timeout);
    let Some(names) = ended.shared_by(&response, has_owner, wanted.is_anonymous) else {
        // Note that the response is not kept, so that the waiting requests run the view at once instead of in turn.
        entries.pass(&wanted, wanted.is_anonymous || !ended.has_handed_on(), timeout);
        return Ok(response);
    };
    let (response, kept) = copied(response, ended.has_handed_on() && !has_owner).await?;
    let session_changes = ended.session_changes();
    let pending = Pending { entries, wanted, names, session_changes, kept, timeout, turn };
    pending.keep_when_it_leaves(caching.cache);
    Ok(marked(response, "miss"))
}

/// The response with its body read, because beneath a tower layer a body is a stream of known length; and a copy of it.
async fn copied(response: Response, only_for_anonymous: bool) -> Result<(Response, Kept), Error> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let kept = Kept { status: head.status, headers: head.headers.clone(), body: body.clone(), only_for_anonymous };
    Ok((Response::from_parts(head, body.into()), kept))
}

fn marked(mut response: Response, state: &'static str) -> Response {
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(state));
    response
}

/// Adds to `Vary` what the owner of a copy was read from, so that caches on the way do not share the copy either. What has
/// no header's name makes it `*`.
fn add_vary(response: &mut Response, looks: &Looks, is_unknown: bool) {
    if is_unknown || !looks.only_headers() {
        response.headers_mut().append(VARY, HeaderValue::from_static("*"));
        return;
    }
    for name in looks.headers() {
        response.headers_mut().append(VARY, HeaderValue::from(name.clone()));
    }
}

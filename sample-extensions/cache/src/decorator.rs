//! The decorator `cached`: looks the response up, or runs the view and keeps its response.

use std::time::Duration;

use costrel::{
    Callable, Error, HeaderName, HeaderValue, Method, Phase, Request, Response, View, current_app, g, session,
};
use costrel_ext_kit::Decorator;

use crate::cacheability::{key, may_keep};
use crate::entries::{Entries, Lookup};

/// The response header that says whether the response came from the cache: `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The options of one `cached` or `cached_by`.
#[derive(Clone, Debug)]
pub(crate) struct Caching {
    pub(crate) timeout: Duration,
    /// The key function for the owner of a copy; `None` for one copy that all clients share.
    pub(crate) owner: Option<Callable<Request, String>>,
}

pub(crate) fn cached(view: View, caching: Caching) -> View {
    Decorator::new(view).named("cached").requires::<Entries>().phase(Phase::CACHE).wrap_async_with(caching, answer)
}

async fn answer(caching: Caching, next: View, request: Request) -> Result<Response, Error> {
    let owner = match &caching.owner {
        Some(owner) => owner.call(request.clone()).await?,
        // Code in this request has looked at the session, so the view's answer may be for this client alone.
        None if session().accesses() > 0 => return next.call(request).await,
        None => String::new(),
    };
    let Some(key) = key(&request, next.name().unwrap_or_default(), &owner) else { return next.call(request).await };
    // With two `cached` decorators on a view, such as the blueprint's and its own, the outer one holds the turn, so
    // the inner one calls the view; waiting for the turn would be a deadlock.
    let filling = format!("_cache_filling {key}");
    if g().contains(&filling) {
        return next.call(request).await;
    }
    g().set(filling, ());
    fill_in(next, request, &caching, &key).await
}

async fn fill_in(next: View, request: Request, caching: &Caching, key: &str) -> Result<Response, Error> {
    let entries = current_app().extension::<Entries>()?;
    let turn = match entries.find(key).await {
        Lookup::Hit(response) => return Ok(marked(response, "hit")),
        Lookup::Pass => return next.call(request).await,
        // The response to HEAD may not be right for GET, so leave the turn to a GET request.
        Lookup::Miss(turn) if request.method() != Method::GET => {
            drop(turn);
            return next.call(request).await;
        }
        Lookup::Miss(turn) => turn,
    };
    let outcome = next.call(request).await;
    let personal = caching.owner.is_none() && session().accesses() > 0;
    match outcome {
        Ok(response) if may_keep(&response, personal) => {
            let response = whole(response).await?;
            entries.keep(turn, &response, caching.timeout);
            Ok(marked(response, "miss"))
        }
        // Note that the response is not kept, so that the waiting requests run the view at once instead of in turn.
        _ => {
            entries.pass(turn, caching.timeout);
            outcome
        }
    }
}

/// The response with its body read, because beneath a tower layer a body is a stream of known length.
async fn whole(response: Response) -> Result<Response, Error> {
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.into()))
}

fn marked(mut response: Response, state: &'static str) -> Response {
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(state));
    response
}

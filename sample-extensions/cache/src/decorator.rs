//! The decorator.

use std::time::Duration;

use costrel::{Error, HeaderName, HeaderValue, Method, Phase, Request, Response, View, current_app, g, session};
use costrel_ext_kit::{Callback, Decorate};

use crate::policy;
use crate::store::{Found, Store};

/// Says in the response whether it came from the cache: `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// How a view is cached.
#[derive(Clone, Debug)]
pub(crate) struct Caching {
    pub(crate) timeout: Duration,
    /// Whose copy a request gets; `None` for one that all share.
    pub(crate) owner: Option<Callback<Request, String>>,
}

pub(crate) fn cached(view: View, caching: Caching) -> View {
    let wrapped =
        view.needing::<Store>("Cache").wrapped_by_async(move |next, request| answer(next, request, caching.clone()));
    wrapped.in_phase(Phase::CACHE)
}

async fn answer(next: View, request: Request, caching: Caching) -> Result<Response, Error> {
    let owner = match &caching.owner {
        Some(owner) => owner.call(request.clone()).await?,
        // Somebody looked at the session, so what the view says may be for this client alone.
        None if session().accesses() > 0 => return next.call(request).await,
        None => String::new(),
    };
    let key = policy::key(&request, next.name().unwrap_or_default(), &owner);
    let Some(key) = key else { return next.call(request).await };
    // The same page cached twice, as when a blueprint adds a decorator too: the outer one fills it in, and
    // the inner one must not wait for that.
    let filling = format!("_cache_filling {key}");
    if g().contains(&filling) {
        return next.call(request).await;
    }
    g().set(filling, ());
    fill_in(next, request, &caching, &key).await
}

async fn fill_in(next: View, request: Request, caching: &Caching, key: &str) -> Result<Response, Error> {
    let store = current_app().extension::<Store>()?;
    let turn = match store.find(key).await {
        Found::Hit(response) => return Ok(marked(response, "hit")),
        Found::Pass => return next.call(request).await,
        // What HEAD is answered may not do for GET; leave the turn to one that gets the page.
        Found::Miss(turn) if request.method() != Method::GET => {
            drop(turn);
            return next.call(request).await;
        }
        Found::Miss(turn) => turn,
    };
    let outcome = next.call(request).await;
    let personal = caching.owner.is_none() && session().accesses() > 0;
    match outcome {
        Ok(response) if policy::may_keep(&response, personal) => {
            let response = whole(response).await?;
            store.keep(turn, &response, caching.timeout);
            Ok(marked(response, "miss"))
        }
        // Those who waited need not do so again, one after the other.
        _ => {
            store.pass(turn, caching.timeout);
            outcome
        }
    }
}

/// With its body read; beneath a layer it comes as a stream of known length.
async fn whole(response: Response) -> Result<Response, Error> {
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.into()))
}

fn marked(mut response: Response, state: &'static str) -> Response {
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(state));
    response
}

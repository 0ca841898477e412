//! The decorator.

use std::time::Duration;

use costrel::{Error, HeaderName, HeaderValue, Phase, Request, Response, View, current_app, g, session};
use costrel_ext_kit::Decorate;

use crate::policy;
use crate::store::{Found, Store};

/// Says in the response whether it came from the cache: `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

pub(crate) fn cached(view: View, timeout: Duration) -> View {
    let wrapped = view.needing::<Store>("Cache").wrapped_by_async(move |next, request| answer(next, request, timeout));
    wrapped.in_phase(Phase::CACHE)
}

async fn answer(next: View, request: Request, timeout: Duration) -> Result<Response, Error> {
    let Some(key) = policy::key(&request) else { return next.call(request).await };
    // The same page cached twice, as when a blueprint adds a decorator too: the outer one fills it in, and
    // the inner one must not wait for that.
    let filling = format!("_cache_filling {key}");
    if g().contains(&filling) {
        return next.call(request).await;
    }
    let store = current_app().extension::<Store>()?;
    let turn = match store.find(&key).await {
        Found::Hit(response) => return Ok(marked(response, "hit")),
        Found::Pass => return next.call(request).await,
        Found::Miss(turn) => turn,
    };
    g().set(filling, ());
    let accesses = session().accesses();
    let response = next.call(request.clone()).await?;
    if policy::may_keep(&request, &response, session().accesses() > accesses) {
        store.keep(turn, &response, timeout);
        return Ok(marked(response, "miss"));
    }
    store.pass(turn, timeout);
    Ok(response)
}

fn marked(mut response: Response, state: &'static str) -> Response {
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(state));
    response
}

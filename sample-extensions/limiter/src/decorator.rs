//! The decorator `limit`: counts a request, or refuses it.

use std::sync::Arc;

use costrel::http::header::RETRY_AFTER;
use costrel::{Error, Instance, Phase, Request, Response, View, current_app, g};
use costrel_ext_kit::{Decorator, key};

use crate::counters::{Breach, Counted, Counters};
use crate::limit::Limit;

pub(crate) fn limit(view: View, limiter: Instance, limits: Arc<[Limit]>) -> View {
    let decorator = Decorator::new(view).named("limit").requires_of::<Counters>(limiter).phase(Phase::LIMIT);
    decorator.wrap_async_with((limiter, limits), answer)
}

/// The name on `g` of the limits that have counted the request, each with its limiter.
const COUNTED: &str = "_limiter_counted";

async fn answer((limiter, limits): (Instance, Arc<[Limit]>), next: View, request: Request) -> Result<Response, Error> {
    let counters = current_app().extension_of::<Counters>(limiter)?;
    // The key does not change the response, so what it looks at does not make the response one for this client alone.
    let watch = request.watch();
    let key = counters.key.call(request.clone()).await?;
    watch.forget();
    let bucket = counters.bucket(key::route(&request), key);
    // A limit that is on a view twice, such as the blueprint's and its own, counts a request once.
    let counted: Vec<(Instance, Counted)> = g().get(COUNTED).unwrap_or_default();
    let due = limits.iter().map(|limit| (bucket.clone(), *limit));
    let due: Vec<_> = due.filter(|one| !counted.iter().any(|(by, known)| *by == limiter && known == one)).collect();
    counters.hit(&due).map_err(too_many)?;
    g().set(COUNTED, [counted, due.into_iter().map(|one| (limiter, one)).collect()].concat());
    next.call(request).await
}

/// Returns the 429 as an error, so that it passes through the app's error handlers like any other error.
fn too_many(breach: Breach) -> Error {
    // Rounded up, so that a client that waits for `Retry-After` gets through.
    let seconds = breach.retry_after.as_nanos().div_ceil(1_000_000_000).max(1);
    let message = format!("Too many requests: the limit here is {}. Try again in {seconds} s.", breach.limit);
    Error::status(429).with_message(message).with_header(RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into())
}

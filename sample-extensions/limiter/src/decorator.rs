//! The decorator `limit`: counts a request, or refuses it.

use std::sync::Arc;

use costrel::http::header::RETRY_AFTER;
use costrel::{Error, Phase, Request, Response, View, current_app, g};
use costrel_ext_kit::Decorator;

use crate::counters::{Breach, Bucket, Counted, Counters};
use crate::limit::Limit;

pub(crate) fn limit(view: View, limits: Arc<[Limit]>) -> View {
    Decorator::new(view).named("limit").requires::<Counters>().phase(Phase::LIMIT).wrap_async_with(limits, answer)
}

/// The name on `g` of the limits that have counted the request.
const COUNTED: &str = "_limiter_counted";

async fn answer(limits: Arc<[Limit]>, next: View, request: Request) -> Result<Response, Error> {
    let counters = current_app().extension::<Counters>()?;
    let key = counters.key.call(request.clone()).await?;
    let bucket = Bucket { endpoint: request.endpoint().unwrap_or_default().to_owned(), key };
    // A limit that is on a view twice, such as the blueprint's and its own, counts a request once.
    let counted: Vec<Counted> = g().get(COUNTED).unwrap_or_default();
    let due = limits.iter().map(|limit| (bucket.clone(), *limit));
    let due: Vec<_> = due.filter(|one| !counted.contains(one)).collect();
    counters.hit(&due).map_err(too_many)?;
    g().set(COUNTED, [counted, due].concat());
    next.call(request).await
}

/// Returns the 429 as an error, so that it passes through the app's error handlers like any other error.
fn too_many(breach: Breach) -> Error {
    // Rounded up, so that a client that waits for `Retry-After` gets through.
    let seconds = breach.retry_after.as_millis().div_ceil(1000);
    let message = format!("Too many requests: the limit here is {}. Try again in {seconds} s.", breach.limit);
    Error::status(429).with_message(message).with_header(RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into())
}

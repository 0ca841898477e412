//! The decorator.

use std::sync::Arc;

use costrel::http::header::RETRY_AFTER;
use costrel::{Error, Phase, Request, Response, View, current_app, g};
use costrel_ext_kit::Decorate;

use crate::policy::Limit;
use crate::store::{Breach, Bucket, Store};

pub(crate) fn limit(view: View, limits: Vec<Limit>) -> View {
    let limits: Arc<[Limit]> = limits.into();
    let wrapped =
        view.needing::<Store>("Limiter").wrapped_by_async(move |next, request| answer(next, request, limits.clone()));
    wrapped.in_phase(Phase::LIMIT)
}

async fn answer(next: View, request: Request, limits: Arc<[Limit]>) -> Result<Response, Error> {
    let store = current_app().extension::<Store>()?;
    let key = store.key.call(request.clone()).await?;
    let bucket = Bucket { endpoint: request.endpoint().unwrap_or_default().to_owned(), key };
    // The same limit on a view twice, as when a blueprint adds it too, counts a request once.
    let (g, counted) = (g(), |limit: &Limit| format!("_limiter {bucket:?} {limit}"));
    let due: Vec<_> = limits.iter().copied().filter(|limit| !g.contains(&counted(limit))).collect();
    store.hit(&bucket, &due).map_err(too_many)?;
    for limit in &due {
        g.set(counted(limit), ());
    }
    next.call(request).await
}

/// The 429, as an error: it passes the app's error handlers like any other.
fn too_many(breach: Breach) -> Error {
    // Rounded up, so that a client that waits as told is let in.
    let seconds = breach.retry_after.as_millis().div_ceil(1000);
    let message = format!("Too many requests: the limit here is {}. Try again in {seconds} s.", breach.limit);
    Error::status(429).with_message(message).with_header(RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into())
}

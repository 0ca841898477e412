//! Wrong decorators that keep something for many requests: counts, answers; and a wrong layer.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use costrel::{
    Body, Bytes, Error, HeaderMap, IntoResponse, Method, Request, Response, StatusCode, View, abort, current_app, g,
    http, stream_with_context,
};
use costrel_ext_kit::{Decorate, IntoCallback};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tower_layer::Layer;
use tower_service::Service;

/// How many requests the limiters here let in: more than the suite sends as one client.
pub(super) const LIMIT: usize = 50;

/// Counts in a copy of the counter that each request has to itself.
pub(super) fn counts_in_each_clone(view: View) -> View {
    let count = 0;
    view.guarded_by(move |_| {
        let mut count = count;
        count += 1;
        if count > LIMIT { abort(429) } else { Ok(()) }
    })
}

/// Looks at the count, waits for something, and counts only then.
pub(super) fn looks_before_it_counts(view: View) -> View {
    let counted = Arc::new(AtomicUsize::new(0));
    view.wrapped_by_async(move |next, request| {
        let counted = Arc::clone(&counted);
        async move {
            if counted.load(Ordering::SeqCst) >= LIMIT {
                return abort(429);
            }
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::SeqCst);
            next.call(request).await
        }
    })
}

/// Counts on the worker that it happens to be on, where others do not see it.
pub(super) fn counts_on_each_thread(view: View) -> View {
    thread_local! {
        static COUNTED: Cell<usize> = const { Cell::new(0) };
    }
    view.wrapped_by(|view, request| {
        COUNTED.set(COUNTED.get() + 1);
        if COUNTED.get() > LIMIT {
            return abort(429);
        }
        current_app().ensure_sync(view)(request)
    })
}

/// What an answer is kept as.
type Kept = (StatusCode, HeaderMap, Bytes);

/// Answers by path. A cache of this kind keeps what a view says with 200 to GET.
type Pages = Arc<Mutex<HashMap<String, Kept>>>;

fn keep(pages: &Pages, path: &str, response: &Response) {
    if let (StatusCode::OK, Some(body)) = (response.status(), response.body().as_bytes()) {
        pages.lock().insert(path.to_owned(), (response.status(), response.headers().clone(), body.clone()));
    }
}

/// With all of a body whose length is known, as on axum.
async fn whole(response: Response) -> Result<Response, Error> {
    if response.body().length().is_none() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.into()))
}

fn found(pages: &Pages, request: &Request) -> Option<Result<Response, Error>> {
    let (status, headers, body) = pages.lock().get(request.path()).cloned()?;
    (request.method() == Method::GET).then(|| (body, status, headers).into_response())
}

/// Gives back what it has taken only when all went well.
pub(super) fn leaks_permits(view: View) -> View {
    taking_a_permit(view, |next, request, permits| {
        Box::pin(async move {
            let response = next.call(request).await?;
            permits.add_permits(1);
            Ok(response)
        })
    })
}

/// Gives back what it has taken when the view has answered, be it with an error; not when it panics.
pub(super) fn leaks_permits_by_panics(view: View) -> View {
    taking_a_permit(view, |next, request, permits| {
        Box::pin(async move {
            let outcome = next.call(request).await;
            permits.add_permits(1);
            outcome
        })
    })
}

/// Gives back what it has taken whatever comes of the view, but not when nobody waits for it any more.
pub(super) fn leaks_permits_by_those_who_leave(view: View) -> View {
    taking_a_permit(view, |next, request, permits| {
        Box::pin(async move {
            let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
            permits.add_permits(1);
            outcome.unwrap_or_else(|panicked| resume_unwind(panicked))
        })
    })
}

type Giving = fn(View, Request, Arc<Semaphore>) -> BoxFuture<'static, Result<Response, Error>>;

/// Takes one of so many permits, which `call` is to give back.
fn taking_a_permit(view: View, call: Giving) -> View {
    let permits = Arc::new(Semaphore::new(PERMITS));
    view.wrapped_by_async(move |next, request| {
        let permits = Arc::clone(&permits);
        async move {
            let Ok(permit) = permits.try_acquire() else { return abort(503) };
            permit.forget();
            call(next, request, permits).await
        }
    })
}

/// More than come at once, and fewer than fail.
pub(super) const PERMITS: usize = 42;

/// Lets everybody run the view who comes before the first answer is kept.
pub(super) fn stampedes(view: View) -> View {
    let pages = Pages::default();
    view.wrapped_by_async(move |next, request| {
        let pages = Arc::clone(&pages);
        async move {
            if let Some(kept) = found(&pages, &request) {
                return kept;
            }
            let response = next.call(request.clone()).await?;
            keep(&pages, request.path(), &response);
            Ok(response)
        }
    })
}

/// The same in sync code.
pub(super) fn stampedes_sync(view: View) -> View {
    let pages = Pages::default();
    view.wrapped_by(move |view, request| {
        if let Some(kept) = found(&pages, &request) {
            return kept;
        }
        let response = current_app().ensure_sync(view)(request.clone())?;
        keep(&pages, request.path(), &response);
        Ok(response)
    })
}

/// Keeps one page, whoever asks for whatever.
pub(super) fn keeps_one_page_for_all(view: View) -> View {
    keeps_by(view, |_| String::new())
}

/// Keeps a page by where it is, whoever it is for.
pub(super) fn shares_what_is_personal(view: View) -> View {
    keeps_by(view, |request| request.full_path().to_owned())
}

/// One at a time, so that all who ask at once share one run; of GET alone, and with what the view answers.
fn keeps_by(view: View, key: fn(&Request) -> String) -> View {
    type Slot = Arc<tokio::sync::Mutex<HashMap<String, Kept>>>;
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            // What is not to be kept must not wait; nor what the same decorator further out has in hand.
            let is_page = request.path().contains("/shared/") && request.method() == Method::GET;
            if !is_page || g().contains("_running") {
                return next.call(request).await;
            }
            g().set("_running", ());
            let mut slot = slot.lock().await;
            if let Some((status, headers, body)) = slot.get(&key(&request)).cloned() {
                return (body, status, headers).into_response();
            }
            let response = whole(next.call(request.clone()).await?).await?;
            if let (StatusCode::OK, Some(body)) = (response.status(), response.body().as_bytes()) {
                slot.insert(key(&request), (response.status(), response.headers().clone(), body.clone()));
            }
            Ok(response)
        }
    })
}

/// Those who run a page's view now, and how others hear that it is done.
type Running = Arc<Mutex<HashMap<String, watch::Sender<bool>>>>;

/// Lets others wait for the one who runs the view, and tells them nothing if that one is lost.
pub(super) fn leaves_others_waiting(view: View) -> View {
    let (pages, running) = (Pages::default(), Running::default());
    view.wrapped_by_async(move |next, request| {
        let (pages, running) = (Arc::clone(&pages), Arc::clone(&running));
        async move {
            let path = request.path().to_owned();
            // The same decorator further out runs the view already.
            if request.method() != Method::GET || g().contains("_running") {
                return next.call(request).await;
            }
            let other = running.lock().get(&path).map(watch::Sender::subscribe);
            if let Some(mut other) = other {
                // Only an end that was told is one.
                let _ = other.wait_for(|done| *done).await;
            }
            if let Some(kept) = found(&pages, &request) {
                return kept;
            }
            g().set("_running", ());
            running.lock().insert(path.clone(), watch::Sender::new(false));
            let outcome = match next.call(request).await {
                Ok(response) => whole(response).await,
                Err(error) => Err(error),
            };
            if let Ok(response) = &outcome {
                keep(&pages, &path, response);
            }
            if let Some(told) = running.lock().remove(&path) {
                told.send_replace(true);
            }
            outcome
        }
    })
}

/// Keeps the requests that it refuses open, for somebody to look at.
pub(super) fn keeps_the_refused_open(view: View) -> View {
    static REFUSED: Mutex<Vec<Body>> = Mutex::new(Vec::new());
    view.guarded_by(|request| {
        if request.header("x-member").is_some() {
            return Ok(());
        }
        REFUSED.lock().push(stream_with_context(Body::from_stream(stream::pending::<&str>())));
        abort(403)
    })
}

/// Asks the app's function who is let in, but waits for its answer only if it is sync.
pub(super) fn asks<M>(check: impl IntoCallback<M, Request, bool>) -> impl Fn(View) -> View {
    let check = check.into_callback();
    move |view: View| {
        let check = check.clone();
        view.wrapped_by_async(move |next, request| {
            let check = check.clone();
            async move {
                let answer = check.call(request.clone());
                if check.colour() == costrel::Colour::Async {
                    // A future, and so something that is there.
                    drop(answer);
                } else if !answer.await? {
                    return abort(403);
                }
                next.call(request).await
            }
        })
    }
}

/// A layer whose service calls a clone that was never asked whether it is ready.
#[derive(Clone, Debug)]
pub(super) struct CallsAnUnreadyClone<S = ()>(pub(super) S);

impl<S> Layer<S> for CallsAnUnreadyClone {
    type Service = CallsAnUnreadyClone<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallsAnUnreadyClone(inner)
    }
}

impl<S> Service<http::Request<Body>> for CallsAnUnreadyClone<S>
where
    S: Service<http::Request<Body>, Future: Send> + Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut clone = self.0.clone();
        Box::pin(async move { clone.call(request).await })
    }
}

//! Wrong decorators that keep state for many requests, such as counts and responses; and a wrong layer.

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
use costrel_ext_kit::tower::BoxError;
use costrel_ext_kit::{Decorate, IntoCallback};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tower_layer::Layer;
use tower_service::Service;

/// The number of requests that the limiters here let in: more than the suite sends as one client.
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

/// Reads the count, waits, and only then raises it.
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

/// Counts in a thread-local of its worker, which other workers do not see.
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

/// A kept response: status, headers and body.
type Kept = (StatusCode, HeaderMap, Bytes);

/// The kept responses by path. A cache of this kind keeps the view's 200 responses to GET.
type Pages = Arc<Mutex<HashMap<String, Kept>>>;

fn keep(pages: &Pages, path: &str, response: &Response) {
    if let (StatusCode::OK, Some(body)) = (response.status(), response.body().as_bytes()) {
        pages.lock().insert(path.to_owned(), (response.status(), response.headers().clone(), body.clone()));
    }
}

/// Reads a body whose length is known into memory, as on axum.
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

/// Returns its permit only if the view succeeds.
pub(super) fn leaks_permits(view: View) -> View {
    taking_a_permit(view, |next, request, permits| {
        Box::pin(async move {
            let response = next.call(request).await?;
            permits.add_permits(1);
            Ok(response)
        })
    })
}

/// Returns its permit when the view returns a response or an error, but not when the view panics.
pub(super) fn leaks_permits_by_panics(view: View) -> View {
    taking_a_permit(view, |next, request, permits| {
        Box::pin(async move {
            let outcome = next.call(request).await;
            permits.add_permits(1);
            outcome
        })
    })
}

/// Returns its permit whatever the view's outcome, but not when the request is cancelled.
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

/// Takes one of [`PERMITS`] permits, which `call` must return.
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

/// The number of permits: more than the suite's requests at once, and fewer than its failing requests.
pub(super) const PERMITS: usize = 42;

/// Runs the view for every request that comes before the first response is kept.
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

/// Runs the view, in sync code, for every request that comes before the first response is kept.
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

/// Keeps one page for all paths and all clients.
pub(super) fn keeps_one_page_for_all(view: View) -> View {
    keeps_by(view, |_| String::new())
}

/// Keeps a page by its path and query, even if it was made for one client.
pub(super) fn shares_what_is_personal(view: View) -> View {
    keeps_by(view, |request| request.full_path().to_owned())
}

/// Keeps a page by its path and query for all clients without a session.
pub(super) fn forgets_the_cookies_that_are_no_session(view: View) -> View {
    keeps_where(view, |request| request.full_path().to_owned(), |request| request.cookie("session").is_none())
}

/// Keeps a page for each client's cookies, and for all headers that they may send.
pub(super) fn tells_clients_apart_by_cookies_alone(view: View) -> View {
    let key = |request: &Request| format!("{} {:?}", request.full_path(), request.header("cookie"));
    keeps_where(view, key, |request| request.cookie("session").is_none())
}

/// Keeps each client's pages apart by cookies and headers, and keeps them whatever they say of it.
pub(super) fn keeps_what_is_not_to_be_stored(view: View) -> View {
    let key = |request: &Request| format!("{} {:?}", request.full_path(), request.headers());
    keeps_where(view, key, |request| request.cookie("session").is_none())
}

/// Keeps 200 responses to GET, and lets in one request at a time, so that requests at once share one run.
fn keeps_by(view: View, key: fn(&Request) -> String) -> View {
    keeps_where(view, key, |_| true)
}

/// Keeps 200 responses to the GET requests that `may` be kept, as [`keeps_by`] does.
fn keeps_where(view: View, key: fn(&Request) -> String, may: fn(&Request) -> bool) -> View {
    type Slot = Arc<tokio::sync::Mutex<HashMap<String, Kept>>>;
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            // A request for no page must not wait, nor one that the same decorator further out already handles.
            let is_page = request.path().contains("/shared/") && request.method() == Method::GET;
            let is_page = is_page && may(&request);
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

/// The pages whose view runs now, each with the channel that tells other requests when it is done.
type Running = Arc<Mutex<HashMap<String, watch::Sender<bool>>>>;

/// Lets requests wait for the one that runs the view, but does not wake them if that one panics or is cancelled.
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
                // A lost request sends nothing here, because only a run that ends normally sends `true`.
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

/// Keeps the requests that it refuses open, for a later inspection.
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

/// Asks the app's function which clients to let in, but waits for the result only if the function is sync.
pub(super) fn asks<M>(check: impl IntoCallback<M, Request, bool>) -> impl Fn(View) -> View {
    let check = check.into_callback();
    move |view: View| {
        let check = check.clone();
        view.wrapped_by_async(move |next, request| {
            let check = check.clone();
            async move {
                let answer = check.call(request.clone());
                if check.colour() == costrel::Colour::Async {
                    // The future itself counts as true, as a coroutine does in Flask.
                    drop(answer);
                } else if !answer.await? {
                    return abort(403);
                }
                next.call(request).await
            }
        })
    }
}

/// A layer that calls its service in a task of its own, which has no context.
#[derive(Clone, Debug)]
pub(super) struct CallsInAnotherTask<S = ()>(pub(super) S);

impl<S> Layer<S> for CallsInAnotherTask {
    type Service = CallsInAnotherTask<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallsInAnotherTask(inner)
    }
}

impl<S> Service<http::Request<Body>> for CallsInAnotherTask<S>
where
    S: Service<http::Request<Body>, Response: Send, Future: Send, Error: Into<BoxError>> + Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let clone = self.0.clone();
        let mut ready = std::mem::replace(&mut self.0, clone);
        let task = tokio::spawn(async move { ready.call(request).await.map_err(Into::into) });
        Box::pin(async move { task.await? })
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

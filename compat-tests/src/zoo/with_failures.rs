//! Wrong decorators that are right until the view fails, refuses or is asked by another method.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::http::header;
use costrel::{HeaderName, HeaderValue, Method, Request, Response, View, abort, current_app};
use costrel_ext_kit::{Decorate, Decorator};
use tokio::sync::Semaphore;

use super::in_common::PERMITS;
use crate::fixture::Candidate;

const CORS: HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Sets CORS headers on every response that leaves but the preflights.
pub(super) fn forgets_the_preflight(view: View) -> View {
    let set_cors = |request: &Request, response: &mut Response| {
        if *request.method() != Method::OPTIONS {
            set(response, CORS, "*");
        }
    };
    Decorator::new(view).on_response(set_cors).guard(|_| ())
}

/// Sets a header on responses and on errors that the view returns, and not on the page after a panic.
pub(super) fn forgets_the_page_after_a_panic(view: View) -> View {
    let value = || HeaderValue::from_static("nosniff");
    view.followed_by(move |outcome| match outcome {
        Ok(mut response) => {
            response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, value());
            Ok(response)
        }
        Err(error) => Err(error.with_header(header::X_CONTENT_TYPE_OPTIONS, value())),
    })
}

/// Sets CORS headers on what the view answers, and not on its own refusals.
pub(super) fn refuses_without_its_headers(view: View) -> View {
    let inner = Decorator::new(view)
        .claims_options()
        .on_response(|request, response| {
            if request.header("x-member").is_some() || *request.method() == Method::OPTIONS {
                set(response, CORS, "*");
            }
        })
        .guard(|request| (*request.method() == Method::OPTIONS).then_some(("", 204)));
    inner.guarded_by(|request| {
        let is_let_in = request.header("x-member").is_some() || *request.method() == Method::OPTIONS;
        if is_let_in { Ok(()) } else { abort(403) }
    })
}

/// Never counts a request, so that its gauge says nothing.
pub(super) fn never_counts_up() -> Candidate {
    let gauge = Arc::new(AtomicUsize::new(0));
    let read = Arc::clone(&gauge);
    let decorate = move |view: View| {
        let gauge = Arc::clone(&gauge);
        view.guarded_by(move |_| {
            gauge.fetch_add(1, Ordering::SeqCst);
            gauge.fetch_sub(1, Ordering::SeqCst);
        })
    };
    Candidate::new(decorate).named("never_counts_up").in_flight(move || read.load(Ordering::SeqCst))
}

/// Takes what it counts up for a GET from the gauge again, and not for a POST that fails.
pub(super) fn leaks_its_gauge_by_posts() -> Candidate {
    let gauge = Arc::new(AtomicUsize::new(0));
    let read = Arc::clone(&gauge);
    let decorate = move |view: View| {
        let gauge = Arc::clone(&gauge);
        view.wrapped_by_async(move |next, request| {
            let counted = Counted::new(&gauge);
            let is_post = request.method() == Method::POST;
            async move {
                let response = next.call(request).await;
                if is_post && response.is_err() {
                    std::mem::forget(counted);
                }
                response
            }
        })
    };
    Candidate::new(decorate).named("leaks_its_gauge_by_posts").in_flight(move || read.load(Ordering::SeqCst))
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(gauge: &Arc<AtomicUsize>) -> Self {
        gauge.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(gauge))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns the permit of a GET whatever happens, and that of a POST only after a success.
pub(super) fn leaks_permits_of_posts(view: View) -> View {
    let permits = Arc::new(Semaphore::new(PERMITS / 2));
    view.wrapped_by_async(move |next, request| {
        let permits = Arc::clone(&permits);
        async move {
            if request.method() != Method::POST {
                return next.call(request).await;
            }
            let Ok(permit) = permits.try_acquire() else { return abort(503) };
            permit.forget();
            let response = next.call(request).await?;
            permits.add_permits(1);
            Ok(response)
        }
    })
}

/// The number of failures after which the breakers here say that they refuse.
pub(super) const FAILURES: usize = 6;

/// Counts failures, forgets them with each request, and so never refuses.
pub(super) fn a_breaker_that_never_opens(view: View) -> View {
    let failures = Arc::new(AtomicUsize::new(0));
    view.wrapped_by_async(move |next, request| {
        let failures = Arc::clone(&failures);
        async move {
            if failures.swap(0, Ordering::SeqCst) >= FAILURES {
                return abort(503);
            }
            let outcome = next.call(request).await;
            failures.fetch_add(usize::from(outcome.is_err()), Ordering::SeqCst);
            outcome
        }
    })
}

/// Counts the responses of the server's that say that it failed, and no errors, as sync code.
pub(super) fn a_breaker_that_sees_no_errors(view: View) -> View {
    let failures = AtomicUsize::new(0);
    view.wrapped_by(move |view, request: Request| {
        if failures.load(Ordering::SeqCst) >= FAILURES {
            return abort(503);
        }
        let response = current_app().ensure_sync(view)(request)?;
        failures.fetch_add(usize::from(response.status().is_server_error()), Ordering::SeqCst);
        Ok(response)
    })
}

/// Returns its permit only if the view fails.
pub(super) fn leaks_permits_of_successes(view: View) -> View {
    let permits = Arc::new(Semaphore::new(PERMITS));
    view.wrapped_by_async(move |next, request| {
        let permits = Arc::clone(&permits);
        async move {
            let Ok(permit) = permits.try_acquire() else { return abort(503) };
            let outcome = next.call(request).await;
            if outcome.is_ok() {
                permit.forget();
            }
            outcome
        }
    })
}

/// Takes a permit for each request that it refuses, and never returns it.
pub(super) fn leaks_permits_of_the_refused(view: View) -> View {
    let permits = Arc::new(Semaphore::new(PERMITS));
    view.wrapped_by_async(move |next, request| {
        let permits = Arc::clone(&permits);
        async move {
            let Ok(permit) = permits.try_acquire() else { return abort(429) };
            if request.header("x-member").is_none() {
                permit.forget();
                return abort(403);
            }
            next.call(request).await
        }
    })
}

/// Starts a task for each request, which waits for what never comes.
pub(super) fn starts_a_task_for_each_request(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        drop(tokio::spawn(std::future::pending::<()>()));
        next.call(request).await
    })
}

/// Runs the view anew if it takes longer than a tenth of a second.
pub(super) fn loses_its_patience(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match tokio::time::timeout(std::time::Duration::from_millis(100), next.call(request.clone())).await {
            Ok(outcome) => outcome,
            Err(_) => next.call(request).await,
        }
    })
}

/// Says that each response is in English, also where the view says otherwise.
pub(super) fn overwrites_the_views_language(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        set(&mut response, header::CONTENT_LANGUAGE, "en");
        Ok(response)
    })
}

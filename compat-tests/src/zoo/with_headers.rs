//! Wrong decorators that spoil headers, sessions, notes on views and gauges.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use costrel::http::header;
use costrel::{
    Body, Callable, HeaderName, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, current_app,
    session, with_request,
};
use costrel_ext_kit::Decorate;
use futures_util::{FutureExt, StreamExt, stream};

use crate::fixture::Candidate;

/// Changes the responses that are no errors.
fn changing(view: View, change: fn(&mut Response)) -> View {
    view.followed_by(move |outcome| {
        outcome.map(|mut response| {
            change(&mut response);
            response
        })
    })
}

/// Changes the responses that are no errors, as sync code.
fn changing_sync(view: View, change: fn(&mut Response)) -> View {
    view.wrapped_by(move |view, request| {
        let mut response = current_app().ensure_sync(view)(request)?;
        change(&mut response);
        Ok(response)
    })
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

pub(super) fn overwrites_vary(view: View) -> View {
    changing(view, |response| set(response, header::VARY, "Origin"))
}

pub(super) fn overwrites_vary_sync(view: View) -> View {
    changing_sync(view, |response| set(response, header::VARY, "Origin"))
}

pub(super) fn overwrites_cache_control(view: View) -> View {
    changing(view, |response| set(response, header::CACHE_CONTROL, "max-age=5"))
}

/// Answers every 404 with a page of its own, also one that the view returned.
pub(super) fn replaces_the_views_404(view: View) -> View {
    changing(view, |response| {
        if response.status() == StatusCode::NOT_FOUND {
            *response.body_mut() = Body::from("nothing here");
        }
    })
}

/// Turns a 404 that the view returned into an error.
pub(super) fn raises_the_views_404(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => costrel::abort(404),
        other => other,
    })
}

/// Gives every response a cookie, whatever the response says about caches.
pub(super) fn greets_with_a_cookie(view: View) -> View {
    changing(view, |response| {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("greeted=1"));
    })
}

/// Gives every response a cookie, as sync code.
pub(super) fn greets_with_a_cookie_sync(view: View) -> View {
    changing_sync(view, |response| {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("greeted=1"));
    })
}

/// Sets a header that belongs on every response, but not on errors.
pub(super) fn secures_successes_alone(view: View) -> View {
    changing(view, |response| set(response, header::X_FRAME_OPTIONS, "DENY"))
}

/// Sets a header that belongs on every response, but not on errors, as sync code.
pub(super) fn secures_successes_alone_sync(view: View) -> View {
    changing_sync(view, |response| set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// Numbers the requests whose response is no error.
pub(super) fn numbers_successes_alone(view: View) -> View {
    changing(view, |response| set(response, HeaderName::from_static("x-request-id"), "7"))
}

/// Adds a line where it should set one, so that two of it give two lines.
pub(super) fn adds_its_header_again(view: View) -> View {
    changing(view, |response| {
        response.headers_mut().append(HeaderName::from_static("x-served-by"), HeaderValue::from_static("costrel"));
    })
}

/// Writes to the session with every request.
pub(super) fn counts_visits_in_the_session(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        session().set("visits", session().get::<u64>("visits").unwrap_or(0) + 1)?;
        next.call(request).await
    })
}

/// Writes to the session with every request what is there already.
pub(super) fn writes_the_same_again(view: View) -> View {
    view.wrapped_by(|view, request| {
        session().set("seen", true)?;
        current_app().ensure_sync(view)(request)
    })
}

/// Clears the session when the view fails.
pub(super) fn clears_the_session_on_errors(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let outcome = next.call(request).await;
        if outcome.is_err() {
            session().clear();
        }
        outcome
    })
}

/// Makes a new view around the old one.
pub(super) fn rebuilds_the_view(view: View) -> View {
    let (name, inner) = (view.name().unwrap_or("view").to_owned(), view);
    View::from_callable(&name, Callable::new_async(move |request: Request| inner.call(request)))
}

/// Makes a new view around the old one, as sync code.
pub(super) fn rebuilds_the_view_sync(view: View) -> View {
    let (name, inner) = (view.name().unwrap_or("view").to_owned(), view);
    View::from_callable(&name, Callable::new_sync(move |request: Request| inner.call_sync(request)))
}

/// Makes a candidate that counts requests in flight; `call` must lower the gauge.
fn gauged(name: &str, call: fn(View, Arc<AtomicUsize>) -> View) -> Candidate {
    let gauge = Arc::new(AtomicUsize::new(0));
    let read = Arc::clone(&gauge);
    let decorate = move |view: View| call(view, Arc::clone(&gauge));
    Candidate::new(decorate).named(name).in_flight(move || read.load(Ordering::SeqCst))
}

/// Lowers the gauge only after a success.
pub(super) fn leaks_its_gauge() -> Candidate {
    gauged("leaks_its_gauge", |view, gauge| {
        view.wrapped_by_async(move |next, request| {
            let gauge = Arc::clone(&gauge);
            async move {
                gauge.fetch_add(1, Ordering::SeqCst);
                let response = next.call(request).await?;
                gauge.fetch_sub(1, Ordering::SeqCst);
                Ok(response)
            }
        })
    })
}

/// Lowers the gauge only after a success, as sync code.
pub(super) fn leaks_its_gauge_sync() -> Candidate {
    gauged("leaks_its_gauge_sync", |view, gauge| {
        view.wrapped_by(move |view, request| {
            gauge.fetch_add(1, Ordering::SeqCst);
            let response = current_app().ensure_sync(view)(request)?;
            gauge.fetch_sub(1, Ordering::SeqCst);
            Ok(response)
        })
    })
}

/// Lowers the gauge after errors too, but not after a panic.
pub(super) fn leaks_its_gauge_by_panics() -> Candidate {
    gauged("leaks_its_gauge_by_panics", |view, gauge| {
        view.wrapped_by_async(move |next, request| {
            let gauge = Arc::clone(&gauge);
            async move {
                gauge.fetch_add(1, Ordering::SeqCst);
                let outcome = next.call(request).await;
                gauge.fetch_sub(1, Ordering::SeqCst);
                outcome
            }
        })
    })
}

/// Lowers the gauge after every ending but a client that leaves.
pub(super) fn leaks_its_gauge_by_those_who_leave() -> Candidate {
    gauged("leaks_its_gauge_by_those_who_leave", |view, gauge| {
        view.wrapped_by_async(move |next, request| {
            let gauge = Arc::clone(&gauge);
            async move {
                gauge.fetch_add(1, Ordering::SeqCst);
                let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
                gauge.fetch_sub(1, Ordering::SeqCst);
                outcome.unwrap_or_else(|panicked| resume_unwind(panicked))
            }
        })
    })
}

/// A time that a loop must not be held for, though it is short.
const NAP: Duration = Duration::from_millis(40);

/// Sleeps for some hundredths of a second on the loop.
pub(super) fn naps_shortly_on_the_loop(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        thread::sleep(NAP);
        next.call(request).await
    })
}

/// Sleeps in the poll of the response's body.
pub(super) fn naps_in_the_body(view: View) -> View {
    changing(view, |response| {
        let body = std::mem::take(response.body_mut());
        let napping = stream::once(async move {
            thread::sleep(NAP);
            body.collect().await
        });
        *response.body_mut() = Body::from_stream(napping.boxed());
        response.headers_mut().remove(header::CONTENT_LENGTH);
    })
}

/// Answers a panic of a POST by itself.
pub(super) fn hides_panics_of_posts(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        outcome.unwrap_or_else(|_| ("all is well", 200).into_response())
    })
}

/// Runs a POST in a task of its own, which goes on when the client has left.
pub(super) fn goes_on_with_posts(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        // Beneath other decorators it would cross too often, and that breaks another law first.
        if next.decorators().count() > 0 {
            return next.call(request).await;
        }
        tokio::spawn(with_request(request.clone(), next.call(request))).await?
    })
}

//! Decorators that are wrong on purpose: each keeps every law but the one that names its fault.
//!
//! They show that the suite can fail; each is a mistake that was made in earnest somewhere.

use std::sync::{Arc, OnceLock};
use std::thread;

use costrel::{
    Body, Callable, Colour, ErrorKind, IntoResponse, Method, Response, View, abort, current_app, g, sync_to_async,
};
use costrel_ext_kit::Decorate;
use parking_lot::Mutex;

use crate::candidate::Candidate;

/// A wrong decorator and the law it breaks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wrong {
    /// The decorator.
    pub candidate: Candidate,
    /// The first law it breaks, by name.
    pub breaks: &'static str,
}

/// All of them.
pub fn all() -> Vec<Wrong> {
    let wrong = |candidate, breaks| Wrong { candidate, breaks };
    vec![
        wrong(Candidate::new(drops_the_headers), "the_response_passes_through_untouched"),
        wrong(Candidate::new(strips_cookies), "the_response_passes_through_untouched"),
        wrong(Candidate::new(drops_the_name), "the_endpoint_name_is_kept"),
        wrong(Candidate::new(calls_the_view_twice), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(Candidate::new(posts_twice), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(Candidate::new(answers_head_itself), "head_and_options_behave"),
        wrong(refusing(refuses_too_late), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(checks_on_a_worker), "a_denied_request_never_touches_a_worker"),
        wrong(Candidate::new(swallows_the_error), "errors_reach_the_handlers"),
        wrong(Candidate::new(swallows_aborts), "errors_reach_the_handlers"),
        wrong(Candidate::new(poisoned_by_a_panic), "a_panic_is_a_500_and_the_next_request_works"),
        wrong(Candidate::new(loses_the_context), "the_context_is_the_same_before_in_and_after"),
        wrong(Candidate::new(remembers_the_first_visitor), "no_context_leaks_to_the_next_request"),
        wrong(Candidate::new(blocks_the_loop), "a_sync_view_never_runs_on_the_loop"),
        wrong(Candidate::new(crosses_twice), "at_most_one_crossing"),
        wrong(Candidate::new(locks_the_worker), "a_waiting_view_does_not_delay_others"),
        wrong(Candidate::new(one_at_a_time), "a_waiting_view_does_not_delay_others"),
        wrong(Candidate::new(keeps_its_worker), "one_worker_is_enough"),
        wrong(Candidate::new(buffers_the_stream), "a_streamed_body_is_not_buffered"),
    ]
}

/// A candidate that lets only visitors with the header `x-member` through.
fn refusing(decorator: impl Fn(View) -> View + Send + Sync + 'static) -> Candidate {
    Candidate::new(decorator)
        .allow(async |visitor| Ok(visitor.with_header("x-member", "1")))
        .deny(async |visitor| Ok(visitor))
}

/// Makes a response anew from the body alone, apart from the status.
fn drops_the_headers(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        let status = response.status();
        (response.into_body(), status).into_response()
    })
}

/// Takes away what it does not know.
fn strips_cookies(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        response.headers_mut().remove("set-cookie");
        Ok(response)
    })
}

/// Makes a view anew instead of wrapping the one it got: no `functools.wraps`.
fn drops_the_name(view: View) -> View {
    View::from_callable("wrapper", Callable::new_async(move |request| view.call(request)))
}

/// Runs the view to see whether it works, then runs it for its response.
fn calls_the_view_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        next.call(request.clone()).await?;
        next.call(request).await
    })
}

/// Tries again what it takes for idempotent.
fn posts_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() == Method::POST {
            next.call(request.clone()).await?;
        }
        next.call(request).await
    })
}

/// Answers HEAD without the view, and so without its headers.
fn answers_head_itself(view: View) -> View {
    view.guarded_by(|request| (request.method() == Method::HEAD).then_some(("", 202)))
}

/// Looks at the visitor when the view has already run.
fn refuses_too_late(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request.clone()).await?;
        if request.header("x-member").is_none() {
            return abort(403);
        }
        Ok(response)
    })
}

/// Looks at the visitor in sync code, though nothing in it blocks.
fn checks_on_a_worker(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        // A visitor with the header is let through at once, so that only refusals cross.
        if request.header("x-member").is_none() {
            let check = sync_to_async(|()| abort::<()>(403));
            check(()).await??;
        }
        next.call(request).await
    })
}

/// Answers every error with a page of its own.
fn swallows_the_error(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.call(request).await {
            Err(error) if error.source().is_some() => ("something went wrong", 500).into_response(),
            other => other,
        }
    })
}

/// Answers an abort with a page of its own.
fn swallows_aborts(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::Status(_)) => ("something went wrong", 500).into_response(),
        other => other,
    })
}

/// Counts under a lock that a panic beneath poisons for every request after it.
fn poisoned_by_a_panic(view: View) -> View {
    let count = std::sync::Mutex::new(0_u64);
    view.wrapped_by(move |view, request| {
        let Ok(mut count) = count.lock() else { return abort(503) };
        *count += 1;
        current_app().ensure_sync(view)(request)
    })
}

/// Holds a lock of the view's own around it: one request at a time.
fn one_at_a_time(view: View) -> View {
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    view.wrapped_by_async(move |next, request| {
        let turn = turn.clone();
        async move {
            let _guard = turn.lock().await;
            next.call(request).await
        }
    })
}

/// Runs the view on a thread of its own, where the context is not.
fn loses_the_context(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        // Beneath other decorators the view would fail, and that breaks other laws first.
        if next.decorators().count() > 0 {
            return next.call(request).await;
        }
        let (sender, answer) = tokio::sync::oneshot::channel();
        thread::spawn(move || drop(sender.send(next.call_sync(request))));
        answer.await?
    })
}

/// Keeps what it saw of the first visitor for all others.
fn remembers_the_first_visitor(view: View) -> View {
    static FIRST: OnceLock<String> = OnceLock::new();
    view.wrapped_by_async(|next, request| async move {
        if let Some(visitor) = g().get::<String>("visitor") {
            FIRST.get_or_init(|| visitor);
        } else if let Some(first) = FIRST.get() {
            g().set("visitor", first.clone());
        }
        next.call(request).await
    })
}

/// Calls a sync view where it stands: on the loop.
fn blocks_the_loop(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.colour() {
            Colour::Sync => next.call_sync(request),
            Colour::Async => next.call(request).await,
        }
    })
}

/// Sends something small to a worker before the view goes there too.
fn crosses_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let small = sync_to_async(|()| ());
        small(()).await?;
        next.call(request).await
    })
}

/// Holds a lock, and with it the worker, while the view is waited for.
fn locks_the_worker(view: View) -> View {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    view.wrapped_by(|view, request| {
        let _guard = ONE_AT_A_TIME.lock();
        current_app().ensure_sync(view)(request)
    })
}

/// Waits by other means than `ensure_sync`, and so without giving its place to others.
fn keeps_its_worker(view: View) -> View {
    view.wrapped_by(|view, request| tokio::runtime::Handle::current().block_on(view.call(request)))
}

/// Collects the whole body before it sends the first byte of it.
fn buffers_the_stream(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        let whole = body.collect().await?;
        Ok(Response::from_parts(head, Body::from(whole)))
    })
}

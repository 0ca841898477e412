//! The suite over decorators that are right, in every authoring form: what is right must pass.

use std::time::Duration;

use costrel::{Error, IntoResponse, Response, View, abort, current_app};
use costrel_compat::{Candidate, suite};
use costrel_ext_kit::{Callback, Decorate};

fn passing_sync(view: View) -> View {
    view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
}

fn passing_async(view: View) -> View {
    view.wrapped_by_async(|next, request| async move { next.call(request).await })
}

fn undecorated(view: View) -> View {
    view
}

fn checking(view: View) -> View {
    view.checked_by(|request| if request.header("x-member").is_some() { Ok(()) } else { abort(403) })
}

fn guarding(view: View) -> View {
    view.guarded_by(|request| request.header("x-member").is_none().then_some(("members only", 403)))
}

fn following(view: View) -> View {
    view.followed_by(|outcome| outcome)
}

/// For the decorators that let only members in.
fn members(decorator: fn(View) -> View) -> Candidate {
    Candidate::new(decorator)
        .allow(async |visitor| Ok(visitor.with_header("x-member", "1")))
        .deny(async |visitor| Ok(visitor))
}

suite!(a_check, members(checking));
suite!(a_guard, members(guarding));
suite!(an_after, Candidate::new(following));
suite!(pass_through_sync, Candidate::new(passing_sync));
suite!(pass_through_async, Candidate::new(passing_async));
suite!(no_decorator, Candidate::new(undecorated));

/// Unusual, but right: it calls a sync function of the app's for each request, which crosses by itself, and gives up on
/// views that take too long.
fn audited(view: View) -> View {
    let log = Callback::new(|_path: String| ());
    view.wrapped_by_async(move |next, request| {
        let (log, path) = (log.clone(), request.path().to_owned());
        async move {
            let response = tokio::time::timeout(Duration::from_secs(60), next.call(request)).await??;
            log.call(path).await?;
            Ok(response)
        }
    })
}

suite!(an_audit, Candidate::new(audited).crossing_for_callbacks(1));

// What is right but unusual raises no false alarm when it says what it does.

fn refusing_all(view: View) -> View {
    view.guarded_by(|_| abort::<()>(403))
}

suite!(a_refusal_of_all, Candidate::new(refusing_all).denying_everybody());

/// Runs a view that fails once more.
fn trying_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.call(request.clone()).await {
            Err(_) => next.call(request).await,
            done => done,
        }
    })
}

suite!(a_retry, Candidate::new(trying_twice).trying(2).crossing_for_callbacks(1));

fn trying_twice_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let call = current_app().ensure_sync(view);
        call(request.clone()).or_else(|_| call(request))
    })
}

suite!(a_sync_retry, Candidate::new(trying_twice_sync).trying(2));

/// Makes another body, which has to be whole for that.
fn shouting(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        let text = String::from_utf8_lossy(&body.collect().await?).to_uppercase();
        Ok(Response::from_parts(head, text.into()))
    })
}

suite!(
    another_body,
    Candidate::new(shouting).changing(|status, text| {
        // What goes over a WebSocket is no body.
        if status == 101 { (status, text) } else { (status, text.to_uppercase()) }
    })
);

fn adding_headers(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        response.headers_mut().append("x-added", "1".parse()?);
        Ok::<_, Error>(response)
    })
}

suite!(more_headers, Candidate::new(adding_headers));

/// A cache that keeps nothing.
fn caching_nothing(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        (response, [("x-cache", "miss")]).into_response()
    })
}

suite!(a_cache_of_nothing, Candidate::new(caching_nothing));

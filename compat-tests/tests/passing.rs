//! The suite on correct decorators of every authoring form, all of which must pass.

use std::time::Duration;

use costrel::http::header;
use costrel::{
    Error, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, abort, convert::IntoCallable,
    current_app,
};
use costrel_compat::{Candidate, Host, Verdict, laws, results_on, suite};
use costrel_ext_kit::{Decorate, IntoCallback};
use rstest::rstest;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;

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
    view.guarded_by_sync(|request| if request.header("x-member").is_some() { Ok(()) } else { abort(403) })
}

fn guarding(view: View) -> View {
    view.guarded_by(|request| request.header("x-member").is_none().then_some(("members only", 403)))
}

fn following(view: View) -> View {
    view.followed_by(|outcome| outcome)
}

/// Makes a candidate of a decorator that lets only members in.
fn members(decorator: impl Fn(View) -> View + Send + Sync + 'static) -> Candidate {
    Candidate::new(decorator)
        .allow(async |client| Ok(client.with_header("x-member", "1")))
        .deny(async |client| Ok(client))
}

suite!(a_check, members(checking));
suite!(a_guard, members(guarding));
suite!(an_after, Candidate::new(following));
suite!(pass_through_sync, Candidate::new(passing_sync));
suite!(pass_through_async, Candidate::new(passing_async));
suite!(no_decorator, Candidate::new(undecorated));

/// Calls a sync function of the app for each request, which crosses by itself, and times out slow views.
fn audited(view: View) -> View {
    let log = (|_path: String| ()).into_callback();
    view.wrapped_by_async(move |next, request| {
        let (log, path) = (log.clone(), request.path().to_owned());
        async move {
            let response = tokio::time::timeout(Duration::from_secs(60), next.call(request)).await??;
            log.call(path).await?;
            Ok(response)
        }
    })
}

suite!(an_audit, Candidate::new(audited).extra_crossings(1));

/// Makes a decorator that asks a function of the app, which refuses by returning an error.
fn asking<M>(check: impl IntoCallable<M, Request, ()>) -> impl Fn(View) -> View {
    let check = check.into_callable();
    move |view: View| {
        let check = check.clone();
        view.wrapped_by_async(move |next, request| {
            let check = check.clone();
            async move {
                check.call(request.clone()).await?;
                next.call(request).await
            }
        })
    }
}

fn is_member(request: &Request) -> Result<(), Error> {
    if request.header("x-member").is_some() { Ok(()) } else { abort(403) }
}

fn asked() -> Candidate {
    let sync = members(asking(|request: Request| is_member(&request)));
    let twin = members(asking(async |request: Request| is_member(&request)));
    sync.extra_crossings(1).twin(twin)
}

suite!(a_question, asked());

// An unusual but correct decorator raises no false alarm if its candidate declares what it does.

fn refusing_all(view: View) -> View {
    view.guarded_by(|_| abort::<()>(403))
}

suite!(a_refusal_of_all, Candidate::new(refusing_all).refuses_everyone());

/// Runs a failing view a second time.
fn trying_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.call(request.clone()).await {
            Err(_) => next.call(request).await,
            done => done,
        }
    })
}

suite!(a_retry, Candidate::new(trying_twice).attempts(2).extra_crossings(1));

fn trying_twice_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let call = current_app().ensure_sync(view);
        call(request.clone()).or_else(|_| call(request))
    })
}

suite!(a_sync_retry, Candidate::new(trying_twice_sync).attempts(2));

/// Makes a new body, for which it must read the whole body of the view.
fn shouting(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        let text = String::from_utf8_lossy(&body.collect().await?).to_uppercase();
        Ok(Response::from_parts(head, text.into()))
    })
}

suite!(
    another_body,
    Candidate::new(shouting).maps_answer(|status, text| {
        // The messages of a WebSocket do not pass through the decorator.
        if status == 101 { (status, text) } else { (status, text.to_uppercase()) }
    })
);

fn adding_headers(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        response.headers_mut().insert("x-added", "1".parse()?);
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

/// Refuses POST requests without a token.
fn against_forgery(view: View) -> View {
    view.guarded_by(|request| {
        let is_safe = request.method() != Method::POST || request.header("x-member").is_some();
        if is_safe { Ok(()) } else { abort(403) }
    })
}

/// Reads the whole body before the view begins, as the check of a signature does.
fn signed(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let _body = request.get_data().await?;
        next.call(request).await
    })
}

/// Retries requests that change nothing.
fn trying_reads_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.call(request.clone()).await {
            Err(_) if request.method() != Method::POST => next.call(request).await,
            done => done,
        }
    })
}

/// Chooses the language by the client's header, and says so.
fn in_a_language(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let is_french = request.header("accept-language").is_some_and(|languages| languages.starts_with("fr"));
        let language = HeaderValue::from_static(if is_french { "fr" } else { "en" });
        let mut response = next.call(request).await?;
        response.headers_mut().entry(header::CONTENT_LANGUAGE).or_insert(language);
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
        Ok(response)
    })
}

/// Unusual but correct decorators raise no false alarm on a few hosts.
#[rstest]
#[case::against_forgery(|| members(against_forgery).refuses_only([Method::POST]))]
#[case::signed(|| Candidate::new(signed).reads_body())]
#[case::a_careful_retry(|| Candidate::new(trying_reads_twice).attempts(2).extra_crossings(1))]
#[case::a_language(|| Candidate::new(in_a_language))]
#[case::cors(|| Candidate::layer("CorsLayer", CorsLayer::permissive()).answers_options())]
#[case::a_timeout(|| Candidate::layer("TimeoutLayer", TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, A_MINUTE)))]
fn what_is_right_is_not_taken_for_wrong(#[case] make: fn() -> Candidate) {
    let hosts = [Host::InProcess, Host::Server, Host::Axum];
    let failed = results_on(make, laws::ALL, &hosts).find(|result| matches!(result.verdict, Verdict::Failed(_)));
    assert!(failed.is_none(), "{failed:?}");
}

const A_MINUTE: Duration = Duration::from_secs(60);

//! Decorators that let in some requests and not others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use costrel::http::{self, header};
use costrel::{HeaderValue, Method, Request, Response, StatusCode, View, abort, current_app, request, session};
use costrel_compat::{Candidate, Client};
use costrel_ext_kit::{Decorate, Decorator};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Lets in a client that has visited the page `/welcome`, which gives it a cookie.
fn welcomed(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if session().contains("welcomed") { next.call(request).await } else { abort(403) }
    })
}

pub(super) fn a_page_first() -> Candidate {
    Candidate::new(welcomed)
        .setup(|app| {
            app.route("/welcome", async || session().set("welcomed", true).map(|()| "welcome"));
            Ok(())
        })
        .allow(async |client| client.get("/welcome").await.map(|_| client))
        .deny(async |client| Ok(client))
}

/// Gives a client a token with its first visit, and wants the token back with each POST.
fn with_a_token(view: View) -> View {
    let give = |request: &Request, response: &mut Response| {
        if request.cookie("token").is_none() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("token=t; Path=/"));
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
        }
    };
    Decorator::new(view).on_response(give).guard(|request| {
        let token = request.cookie("token");
        let is_right = token.is_some() && token.as_deref() == request.header("x-token");
        if request.method() != Method::POST || is_right { Ok(()) } else { abort(403) }
    })
}

pub(super) fn a_first_visit() -> Candidate {
    Candidate::new(with_a_token)
        .refuses_only([Method::POST])
        .allow(async |client| client.get("/subject/first").await.map(|_| client.with_header("x-token", "t")))
        .deny(async |client| Ok(client))
}

/// Lets no client in but members, and stamps each response, by hooks on the app.
pub(super) fn by_async_hooks() -> Candidate {
    let set_up = |app: &mut costrel::App| {
        app.before_request(async || if is_member(&request()) { Ok(()) } else { abort(403) });
        app.after_request(async |mut response: Response| {
            response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
            response
        });
        Ok(())
    };
    members(Candidate::extension("by_async_hooks", set_up).for_pages())
}

/// Lets no client in but members, by a sync hook on the app, WebSockets included.
pub(super) fn by_sync_hooks() -> Candidate {
    let set_up = |app: &mut costrel::App| {
        let check = || if is_member(&request()) { Ok(()) } else { abort(403) };
        app.before_request(check).before_websocket(check);
        Ok(())
    };
    members(Candidate::extension("by_sync_hooks", set_up).extra_crossings(1))
}

fn is_member(request: &Request) -> bool {
    request.header("x-member").is_some()
}

fn members(candidate: Candidate) -> Candidate {
    candidate.allow(async |client| Ok(client.with_header("x-member", "1"))).deny(async |client| Ok(client))
}

/// Stands in for an HMAC over method, path and body.
fn signature(secret: &str, method: &Method, path: &str, body: &[u8]) -> String {
    let text = format!("{secret} {method} {path} {}", String::from_utf8_lossy(body));
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{sum:016x}")
}

fn signing(client: Client, secret: &'static str) -> Client {
    client.signed_by(move |request: &mut http::Request<Bytes>| {
        let due = signature(secret, request.method(), request.uri().path(), request.body());
        request
            .headers_mut()
            .insert("x-signature", HeaderValue::from_str(&due).unwrap_or(HeaderValue::from_static("")));
    })
}

/// Lets in requests whose signature is right for their method, path and body.
fn signed(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let due = signature("sesame", request.method(), request.uri().path(), &request.get_data().await?);
        if request.header("x-signature") == Some(&due) { next.call(request).await } else { abort(401) }
    })
}

pub(super) fn a_signature() -> Candidate {
    Candidate::new(signed)
        .reads_body()
        .allow(async |client| Ok(signing(client, "sesame")))
        .deny(async |client| Ok(signing(client, "guessed")))
}

pub(super) fn a_counter() -> Candidate {
    let numbers = Arc::new(AtomicUsize::new(0));
    Candidate::new(each_number_once())
        .named("each_number_once")
        .allow(move |client| {
            let numbers = Arc::clone(&numbers);
            std::future::ready(Ok(client.signed_by(move |request| {
                request.headers_mut().insert("x-number", numbers.fetch_add(1, Ordering::SeqCst).into());
            })))
        })
        .deny(async |client| Ok(client))
}

/// Makes a decorator that lets in each number once, as Digest does with its counter; `g` knows that a request's number was
/// checked, so that the decorator may be on a view twice.
fn each_number_once() -> impl Fn(View) -> View {
    let seen = Arc::new(Mutex::new(HashSet::new()));
    move |view: View| {
        let seen = Arc::clone(&seen);
        view.guarded_by(move |request| {
            let number = request.header("x-number").unwrap_or_default().to_owned();
            if costrel::g().get::<String>("_number").is_some_and(|checked| checked == number) {
                return Ok(());
            }
            if number.is_empty() || !seen.lock().insert(number.clone()) {
                return abort(401);
            }
            costrel::g().set("_number", number);
            Ok(())
        })
    }
}

/// The number of failures in a row after which the breaker opens.
const FAILURES: usize = 6;

/// Makes a circuit breaker with one count for all views.
fn breaking() -> impl Fn(View) -> View {
    let failures = Arc::new(AtomicUsize::new(0));
    move |view: View| {
        let failures = Arc::clone(&failures);
        view.wrapped_by_async(move |next, request| {
            let failures = Arc::clone(&failures);
            async move {
                if failures.load(Ordering::SeqCst) >= FAILURES {
                    return abort(503);
                }
                let outcome = next.call(request).await;
                match &outcome {
                    Ok(response) if !response.status().is_server_error() => failures.store(0, Ordering::SeqCst),
                    _ => drop(failures.fetch_add(1, Ordering::SeqCst)),
                }
                outcome
            }
        })
    }
}

pub(super) fn a_breaker() -> Candidate {
    Candidate::new(breaking()).named("breaking").refuses_after(FAILURES)
}

/// The smallest limit that `Candidate::limits_to` allows.
const LIMIT: usize = 46;

/// Makes a limiter with one count by client for all apps and views.
fn limiting() -> impl Fn(View) -> View {
    let counts = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    move |view: View| {
        let counts = Arc::clone(&counts);
        view.guarded_by(move |request| {
            if costrel::g().contains("_counted") {
                return Ok(());
            }
            costrel::g().set("_counted", ());
            let mut counts = counts.lock();
            let count = counts.entry(request.header("x-client").unwrap_or_default().to_owned()).or_default();
            *count += 1;
            if *count > LIMIT { abort(429) } else { Ok(()) }
        })
    }
}

pub(super) fn a_shared_count() -> Candidate {
    Candidate::new(limiting())
        .named("limiting")
        .limits_to(LIMIT)
        .allow(async |client| Ok(client.with_header("x-client", "fresh")))
        .deny(async |client| {
            let client = client.with_header("x-client", "spent");
            client.get_often("/subject/again", LIMIT).await?;
            Ok(client)
        })
}

/// Refuses a key that it does not know, and lets in a client that has none.
fn knowing_keys(view: View) -> View {
    view.guarded_by(|request| match request.header("x-api-key") {
        None | Some("k-ada") => Ok(()),
        Some(_) => abort(401),
    })
}

pub(super) fn a_known_key() -> Candidate {
    Candidate::new(knowing_keys).deny(async |client| Ok(client.with_header("x-api-key", "guessed")))
}

/// Lets in requests that came to the proxy over HTTPS.
fn over_https(view: View) -> View {
    view.guarded_by(|request| if request.header("x-forwarded-proto") == Some("https") { Ok(()) } else { abort(403) })
}

pub(super) fn https() -> Candidate {
    Candidate::new(over_https)
        .allow(async |client| Ok(client.with_header("x-forwarded-proto", "https")))
        .deny(async |client| Ok(client))
}

/// Wants the form of each POST to have the token of the page.
fn with_a_form_token(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let is_right = request.method() != Method::POST || request.form().await?.get("token").is_some_and(|t| t == "t");
        if is_right { next.call(request).await } else { abort(400) }
    })
}

pub(super) fn a_token_in_a_form() -> Candidate {
    const FORM: &str = "application/x-www-form-urlencoded";
    Candidate::new(with_a_form_token)
        .reads_body()
        .refuses_only([Method::POST])
        .allow(async |client| Ok(client.with_header("content-type", FORM).with_body("token=t")))
        .deny(async |client| Ok(client.with_header("content-type", FORM).with_body("token=guessed")))
}

/// The number of requests that the bulkheads let in at once.
const PLACES: usize = 3;

/// Makes a bulkhead that refuses a request for which it has no place.
fn refusing_the_rest() -> impl Fn(View) -> View {
    let places = Arc::new(Semaphore::new(PLACES));
    move |view: View| {
        let places = Arc::clone(&places);
        view.wrapped_by(move |view, request| {
            let _place = if is_inside() { None } else { Some(places.try_acquire().or_else(|_| abort(503))?) };
            current_app().ensure_sync(view)(request)
        })
    }
}

/// Makes a bulkhead in which requests wait for a place.
fn queueing() -> impl Fn(View) -> View {
    let places = Arc::new(Semaphore::new(PLACES));
    move |view: View| {
        let places = Arc::clone(&places);
        view.wrapped_by_async(move |next, request| {
            let places = Arc::clone(&places);
            async move {
                let _place = if is_inside() { None } else { Some(places.acquire().await?) };
                next.call(request).await
            }
        })
    }
}

/// Whether the bulkhead has let the request in already, further out; notes that it does now.
fn is_inside() -> bool {
    let is_inside = costrel::g().contains("_inside");
    costrel::g().set("_inside", ());
    is_inside
}

pub(super) fn a_bulkhead() -> Candidate {
    Candidate::new(refusing_the_rest()).named("refusing_the_rest").limits_at_once(PLACES)
}

pub(super) fn a_queue() -> Candidate {
    Candidate::new(queueing()).named("queueing").limits_at_once(PLACES)
}

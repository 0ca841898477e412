//! Wrong decorators whose failure shows only in another form: a value that is never the same, a name in base64, a nap now
//! and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use costrel::http::{self, header};
use costrel::{
    Body, Error, HeaderName, HeaderValue, Method, Request, Response, StatusCode, View, abort, current_app, with_request,
};
use costrel_ext_kit::Decorate;
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use parking_lot::Mutex;

use super::{Wrong, refusing, wrong};
use crate::fixture::Candidate;

pub(super) fn all() -> Vec<Wrong> {
    [doubles(), tells(), opens(), replaces(), naps()].concat()
}

fn doubles() -> Vec<Wrong> {
    let doubles = "stacking_it_twice_works";
    vec![
        wrong(Candidate::new(appends_a_fresh_number), doubles),
        wrong(Candidate::new(appends_a_fresh_number_sync), doubles),
        wrong(Candidate::new(appends_a_fresh_cookie), doubles),
    ]
}

static NUMBERS: AtomicUsize = AtomicUsize::new(0);

fn append_fresh(response: &mut Response, name: HeaderName, before: &str) -> Result<(), Error> {
    let value = format!("{before}{}", NUMBERS.fetch_add(1, Ordering::SeqCst));
    response.headers_mut().append(name, HeaderValue::from_str(&value)?);
    Ok(())
}

/// Appends the number of the request where it should set it.
fn appends_a_fresh_number(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        append_fresh(&mut response, HeaderName::from_static("x-request-id"), "")?;
        Ok::<_, Error>(response)
    })
}

/// Appends the number of the request where it should set it, as sync code.
fn appends_a_fresh_number_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let mut response = current_app().ensure_sync(view)(request)?;
        append_fresh(&mut response, HeaderName::from_static("x-served"), "")?;
        Ok(response)
    })
}

/// Gives each response a new value of one cookie.
fn appends_a_fresh_cookie(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        append_fresh(&mut response, header::SET_COOKIE, "seen=")?;
        Ok::<_, Error>(response)
    })
}

fn tells() -> Vec<Wrong> {
    let tells = "one_client_learns_nothing_of_another";
    vec![
        wrong(refusing(tells_the_refused), tells),
        wrong(Candidate::new(tells_those_who_fail), tells),
        wrong(Candidate::new(remembers_who_failed_sync), tells),
        wrong(Candidate::new(tells_in_base64), tells),
        wrong(Candidate::new(tells_in_capitals_sync), tells),
        wrong(Candidate::new(tells_the_last_key), tells),
        wrong(Candidate::new(tells_the_last_language), tells),
        wrong(Candidate::new(tells_the_last_form).reads_body(), tells),
    ]
}

/// A value that all requests share.
type Slot = Arc<Mutex<String>>;

const USER: HeaderName = HeaderName::from_static("x-last-user");

fn said(request: &Request, name: &str) -> String {
    request.header(name).unwrap_or_default().to_owned()
}

/// Keeps the last user, and names it where it refuses another.
fn tells_the_refused(view: View) -> View {
    let slot = Slot::default();
    view.guarded_by(move |request| {
        if request.header("x-member").is_some() {
            *slot.lock() = said(request, "x-visitor");
            return Ok(());
        }
        Err(Error::status(403).with_message(format!("only {} may do this", slot.lock())))
    })
}

/// Keeps the last user whose request went well, and names it in the errors of others.
fn tells_those_who_fail(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            let user = said(&request, "x-visitor");
            let outcome = next.call(request).await;
            if outcome.is_ok() && !user.is_empty() {
                *slot.lock() = user;
            }
            let last = HeaderValue::from_str(&slot.lock())?;
            outcome.map_err(|error| error.with_header(USER, last))
        }
    })
}

/// Keeps the user whose request failed, as sync code, and tells the next client.
fn remembers_who_failed_sync(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by(move |view, request| {
        let user = said(&request, "x-visitor");
        let outcome = current_app().ensure_sync(view)(request);
        match outcome {
            Ok(mut response) => {
                response.headers_mut().insert(USER, HeaderValue::from_str(&slot.lock())?);
                Ok(response)
            }
            Err(error) => {
                *slot.lock() = user;
                Err(error)
            }
        }
    })
}

/// Shows each client what the one before said of itself.
fn telling(view: View, name: &'static str, write: fn(String) -> String) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let before = std::mem::replace(&mut *slot.lock(), said(&request, name));
        async move {
            let mut response = next.call(request).await?;
            response.headers_mut().insert(USER, HeaderValue::from_str(&write(before))?);
            Ok(response)
        }
    })
}

fn tells_in_base64(view: View) -> View {
    telling(view, "x-visitor", |user| STANDARD.encode(format!("user={user}")))
}

fn tells_the_last_key(view: View) -> View {
    telling(view, "x-api-key", |key| key)
}

fn tells_the_last_language(view: View) -> View {
    telling(view, "accept-language", |language| language)
}

/// Shows each client the name of the one before in capitals, as sync code.
fn tells_in_capitals_sync(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by(move |view, request| {
        let before = std::mem::replace(&mut *slot.lock(), said(&request, "x-visitor"));
        let mut response = current_app().ensure_sync(view)(request)?;
        response.headers_mut().insert(USER, HeaderValue::from_str(&before.to_uppercase())?);
        Ok(response)
    })
}

/// Shows each client the form that the one before sent.
fn tells_the_last_form(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            let form = String::from_utf8_lossy(&request.get_data().await?).into_owned();
            let before = std::mem::replace(&mut *slot.lock(), form);
            let mut response = next.call(request).await?;
            response.headers_mut().insert(USER, HeaderValue::from_bytes(before.as_bytes())?);
            Ok(response)
        }
    })
}

fn opens() -> Vec<Wrong> {
    let opens = "every_door_is_shut";
    vec![
        wrong(refusing(forgets_uploads), opens),
        wrong(refusing(forgets_plain_text), opens),
        wrong(refusing(forgets_json_with_a_charset), opens),
        wrong(refusing(believes_any_bearer), opens),
        wrong(refusing(believes_cloudflare), opens),
        wrong(refusing(trusts_scripts), opens),
        wrong(refusing(lets_debuggers_in), opens),
        wrong(refusing(believes_the_client_ip_sync), opens),
    ]
}

/// Lets no client in but members, except where `is_open`.
fn open_where(view: View, is_open: fn(&Request) -> bool) -> View {
    view.guarded_by(
        move |request| {
            if request.header("x-member").is_some() || is_open(request) { Ok(()) } else { abort(403) }
        },
    )
}

fn is_of_kind(request: &Request, kind: &str) -> bool {
    request.header("content-type").is_some_and(|sent| sent.starts_with(kind))
}

fn forgets_uploads(view: View) -> View {
    open_where(view, |request| is_of_kind(request, "multipart/form-data"))
}

fn forgets_plain_text(view: View) -> View {
    open_where(view, |request| is_of_kind(request, "text/plain"))
}

fn forgets_json_with_a_charset(view: View) -> View {
    open_where(view, |request| is_of_kind(request, "application/json;"))
}

fn believes_any_bearer(view: View) -> View {
    open_where(view, |request| request.header("authorization").is_some_and(|value| value.starts_with("Bearer ")))
}

fn believes_cloudflare(view: View) -> View {
    open_where(view, |request| request.header("cf-connecting-ip") == Some("127.0.0.1"))
}

fn trusts_scripts(view: View) -> View {
    open_where(view, |request| request.header("x-requested-with").is_some())
}

fn lets_debuggers_in(view: View) -> View {
    open_where(view, |request| request.args().get("debug").is_some())
}

/// Lets in a client that names its own address, as sync code.
fn believes_the_client_ip_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let is_open = request.header("x-member").is_some() || request.header("x-client-ip").is_some();
        if is_open { current_app().ensure_sync(view)(request) } else { abort(403) }
    })
}

fn replaces() -> Vec<Wrong> {
    let overwrites = "the_views_own_headers_stay";
    let adds = "what_it_adds_is_on_errors_too";
    let one_origin = Candidate::new(forgets_its_origin_on_errors).answers_options();
    vec![
        wrong(Candidate::new(replaces_the_views_403), overwrites),
        wrong(Candidate::new(raises_the_views_401_sync), overwrites),
        wrong(Candidate::new(raises_the_views_422), overwrites),
        wrong(one_origin.allow(async |client| Ok(client.with_header("origin", OWN_ORIGIN))), adds),
    ]
}

fn replaces_the_views_403(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        if response.status() == StatusCode::FORBIDDEN {
            *response.body_mut() = Body::from("you may not");
        }
        Ok::<_, Error>(response)
    })
}

/// Turns a 401 that the view returned into an error, as sync code.
fn raises_the_views_401_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let response = current_app().ensure_sync(view)(request)?;
        if response.status() == StatusCode::UNAUTHORIZED { abort(401) } else { Ok(response) }
    })
}

fn raises_the_views_422(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Ok(response) if response.status() == StatusCode::UNPROCESSABLE_ENTITY => abort(422),
        other => other,
    })
}

const OWN_ORIGIN: &str = "https://app.example";

/// Lets the code of one page read the responses that are no errors.
fn forgets_its_origin_on_errors(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let is_own = request.header("origin") == Some(OWN_ORIGIN);
        let mut response = next.call(request).await?;
        if is_own {
            let origin = HeaderValue::from_static(OWN_ORIGIN);
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        Ok(response)
    })
}

/// A time that a loop must not be held for, though it is short.
const NAP: Duration = Duration::from_millis(40);

fn naps() -> Vec<Wrong> {
    let blocks = "the_loop_is_never_blocked_for_long";
    vec![
        wrong(Candidate::new(naps_every_second_time), blocks),
        wrong(Candidate::new(naps_in_the_stream), blocks),
        wrong(Candidate::new(naps_while_the_body_comes).reads_body(), blocks),
        wrong(Candidate::new(loses_its_patience_late), "a_slow_view_is_run_once"),
        wrong(Candidate::new(loses_its_patience_with_posts), "a_slow_view_is_run_once"),
    ]
}

fn naps_every_second_time(view: View) -> View {
    let times = Arc::new(AtomicUsize::new(0));
    view.guarded_by(move |_| {
        if times.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            thread::sleep(NAP);
        }
    })
}

/// Sleeps in the polls of a body that is a stream.
fn naps_in_the_stream(view: View) -> View {
    view.followed_by(|outcome| {
        let (head, body) = outcome?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let napping = body.map_frame(|frame| {
            thread::sleep(NAP);
            frame
        });
        Ok::<_, Error>(Response::from_parts(head, Body::new(napping)))
    })
}

/// Sleeps in the polls of the request's body.
fn naps_while_the_body_comes(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        let (head, body) = request.to_http().await?.into_parts();
        let napping = BodyStream::new(body).map(|frame| {
            thread::sleep(NAP);
            frame
        });
        let anew = http::Request::from_parts(head, Body::new(StreamBody::new(napping)));
        let request = request.with_http(anew);
        with_request(request.clone(), async move { next.call(request).await }).await
    })
}

/// Asks a slow view again after a second.
fn loses_its_patience_late(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let first = tokio::time::timeout(Duration::from_secs(1), next.call(request.clone())).await;
        match first {
            Ok(outcome) => outcome,
            Err(_) => next.call(request).await,
        }
    })
}

/// Asks a slow view again after some tenths of a second, for POST alone.
fn loses_its_patience_with_posts(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        let first = tokio::time::timeout(Duration::from_millis(300), next.call(request.clone())).await;
        match first {
            Ok(outcome) => outcome,
            Err(_) => next.call(request).await,
        }
    })
}

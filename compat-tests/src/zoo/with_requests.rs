//! Wrong decorators that change, misread or keep the request.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::http::{Uri, header};
use costrel::{Body, Error, HeaderMap, Method, Request, View, abort, current_app, with_request};
use costrel_ext_kit::Decorate;
use parking_lot::Mutex;

use super::with_failures::FAILURES;

/// Calls the view with the request that `change` makes of the client's.
fn changing(view: View, change: fn(&mut costrel::http::Request<Body>)) -> View {
    view.wrapped_by_async(move |next, request| async move {
        let mut http = request.to_http().await?;
        change(&mut http);
        let changed = request.with_http(http);
        with_request(changed.clone(), async move { next.call(changed).await }).await
    })
}

/// Keeps the last value of a query's argument, as a map does.
pub(super) fn keeps_the_last_query_value(view: View) -> View {
    changing(view, |request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let pairs: std::collections::BTreeMap<_, _> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("{}?{}", request.uri().path(), query.join("&"));
        *request.uri_mut() = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    })
}

/// Keeps one line of each header of the request.
pub(super) fn keeps_one_line_of_each_header(view: View) -> View {
    changing(view, |request| {
        let single: HeaderMap = request.headers().iter().fold(HeaderMap::new(), |mut single, (name, value)| {
            single.insert(name.clone(), value.clone());
            single
        });
        *request.headers_mut() = single;
    })
}

/// Takes another method from a header, for clients that are let in too.
pub(super) fn takes_the_method_from_a_header(view: View) -> View {
    changing(view, |request| {
        if let Some(method) = request.headers().get("x-http-method-override").cloned() {
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        }
    })
}

/// Cuts a long body off.
pub(super) fn cuts_long_requests(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        let (head, body) = request.to_http().await?.into_parts();
        let whole = body.collect().await?;
        let cut = whole.slice(..whole.len().min(16_384));
        let request = request.with_http(costrel::http::Request::from_parts(head, cut.into()));
        with_request(request.clone(), async move { next.call(request).await }).await
    })
}

/// Reads the body as text, and passes on what is text of it.
pub(super) fn takes_requests_for_text(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() != Method::POST {
            return next.call(request).await;
        }
        let (head, body) = request.to_http().await?.into_parts();
        let text = String::from_utf8_lossy(&body.collect().await?).into_owned();
        let request = request.with_http(costrel::http::Request::from_parts(head, text.into()));
        with_request(request.clone(), async move { next.call(request).await }).await
    })
}

/// Takes it for granted that a header is text.
#[allow(clippy::unwrap_used, reason = "the fault that the suite must find")]
pub(super) fn unwraps_the_user_agent(view: View) -> View {
    view.guarded_by(|request| {
        let agent = request.headers().get(header::USER_AGENT).map(|agent| agent.to_str().unwrap().to_owned());
        if agent.as_deref() == Some("bad bot") { abort(403) } else { Ok(()) }
    })
}

/// Fails on a cookie that it cannot read, as sync code.
pub(super) fn fails_on_odd_cookies(view: View) -> View {
    view.wrapped_by(|view, request| {
        for cookies in request.headers().get_all(header::COOKIE) {
            let text = cookies.to_str()?;
            if text.split("; ").any(|pair| !pair.contains('=')) {
                return Err(Error::from_boxed("a cookie has no name".into()));
            }
        }
        current_app().ensure_sync(view)(request)
    })
}

/// Cuts an `Authorization` at a place that may not be there.
pub(super) fn slices_the_authorization(view: View) -> View {
    view.guarded_by(|request| {
        let authorization = request.header("authorization").map(|value| value["Bearer ".len()..].to_owned());
        if authorization.as_deref() == Some("revoked") { abort(401) } else { Ok(()) }
    })
}

/// Reads a number from a header that may have none.
pub(super) fn fails_without_a_number(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let depth = request.header("x-request-id").map(str::parse::<u64>).transpose()?;
        if depth.is_some_and(|depth| depth == 0) { abort(400) } else { next.call(request).await }
    })
}

/// Keeps each request for a log that is never written.
pub(super) fn keeps_each_request(view: View) -> View {
    let log = Arc::new(Mutex::new(Vec::<Request>::new()));
    view.guarded_by(move |request| log.lock().push(request.clone()))
}

/// Keeps the requests whose view failed, as sync code.
pub(super) fn keeps_failed_requests(view: View) -> View {
    let failed = Mutex::new(Vec::<Request>::new());
    view.wrapped_by(move |view, request| {
        let outcome = current_app().ensure_sync(view)(request.clone());
        if outcome.is_err() {
            failed.lock().push(request);
        }
        outcome
    })
}

/// Refuses every client after a few refusals of any.
pub(super) fn locks_out_all_after_refusals(view: View) -> View {
    let refused = Arc::new(AtomicUsize::new(0));
    view.guarded_by(move |request| {
        if refused.load(Ordering::SeqCst) >= 10 {
            return abort(429);
        }
        if request.header("x-member").is_none() {
            refused.fetch_add(1, Ordering::SeqCst);
            return abort(403);
        }
        Ok(())
    })
}

/// Locks an address out after a few refusals, and believes the client about its address, as sync code.
pub(super) fn locks_out_all_behind_one_address(view: View) -> View {
    let refused = Mutex::new(std::collections::HashMap::<String, usize>::new());
    view.wrapped_by(move |view, request| {
        let address = request.header("x-forwarded-for").unwrap_or("unknown").to_owned();
        if refused.lock().get(&address).copied().unwrap_or(0) >= 10 {
            return abort(429);
        }
        if request.header("x-member").is_none() {
            *refused.lock().entry(address).or_default() += 1;
            return abort(403);
        }
        current_app().ensure_sync(view)(request)
    })
}

/// Writes paths in small letters.
pub(super) fn writes_paths_small(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let path = request.uri().path().to_lowercase();
        if path == request.uri().path() {
            return next.call(request).await;
        }
        costrel::redirect(&path)
    })
}

/// Counts failures in a thread-local of the loop, which all instances share.
pub(super) fn breaks_for_all_instances(view: View) -> View {
    thread_local! {
        static FAILED: Cell<usize> = const { Cell::new(0) };
    }
    view.wrapped_by_async(|next, request| async move {
        if FAILED.get() >= FAILURES {
            return abort(503);
        }
        let outcome = next.call(request).await;
        FAILED.set(if outcome.is_err() { FAILED.get() + 1 } else { 0 });
        outcome
    })
}

/// Keeps the last visitor in a static, which all instances share, as sync code.
pub(super) fn remembers_in_a_static(view: View) -> View {
    static LAST: Mutex<String> = Mutex::new(String::new());
    view.wrapped_by(|view, request| {
        let visitor = request.header("x-visitor").unwrap_or_default().to_owned();
        let before = std::mem::replace(&mut *LAST.lock(), visitor);
        let mut response = current_app().ensure_sync(view)(request)?;
        response.headers_mut().insert("x-before", costrel::HeaderValue::from_str(&before)?);
        Ok(response)
    })
}

//! Decorators that change responses, or add to them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use costrel::http::header;
use costrel::{
    Body, HeaderMap, HeaderName, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, abort,
    after_this_request, current_app, flash, session,
};
use costrel_compat::Candidate;
use costrel_ext_kit::{Decorate, Decorator};
use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt;
use http_body_util::{BodyStream, StreamBody};
use hyper::body::Frame;
use parking_lot::Mutex;
use tower_http::compression::CompressionLayer;

pub(super) fn a_compressing_layer() -> Candidate {
    Candidate::layer("CompressionLayer", CompressionLayer::new())
        .allow(async |client| Ok(client.with_header("accept-encoding", "gzip")))
}

/// Compresses whole bodies for clients that take gzip.
fn compressing(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepted = request.header("accept-encoding").unwrap_or_default();
        let accepts = accepted.split(',').any(|part| part.trim() == "gzip");
        let mut response = next.call(request).await?;
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let is_encoded = response.headers().contains_key(header::CONTENT_ENCODING);
        if !accepts || is_encoded || response.body().length().is_none() {
            return Ok(response);
        }
        let (mut head, body) = response.into_parts();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body.collect().await?)?;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(Response::from_parts(head, encoder.finish()?.into()))
    })
}

pub(super) fn a_compressor() -> Candidate {
    Candidate::new(compressing).allow(async |client| Ok(client.with_header("accept-encoding", "gzip, deflate")))
}

/// Adds a trailer with the number of bytes of the body.
fn with_a_checksum(view: View) -> View {
    view.followed_by(|outcome| {
        let (mut head, body) = outcome?.into_parts();
        if body.length() == Some(0) {
            return Ok(Response::from_parts(head, body));
        }
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.append(header::TRAILER, HeaderValue::from_static("x-checksum"));
        let sum = Arc::new(AtomicUsize::new(0));
        let (counting, at_end) = (Arc::clone(&sum), sum);
        let frames = BodyStream::new(body).map(move |frame| {
            frame.inspect(|frame| {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                counting.fetch_add(bytes, Ordering::SeqCst);
            })
        });
        let with_own = frames.chain(futures_util::stream::once(async move {
            let name = HeaderName::from_static("x-checksum");
            let trailers = HeaderMap::from_iter([(name, at_end.load(Ordering::SeqCst).into())]);
            Ok(Frame::trailers(trailers))
        }));
        Ok(Response::from_parts(head, Body::new(StreamBody::new(with_own))))
    })
}

pub(super) fn a_trailer() -> Candidate {
    Candidate::new(with_a_checksum)
}

/// Tells how long the view took, errors included.
fn timed(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let began = Instant::now();
        let outcome = next.call(request).await;
        let elapsed = HeaderValue::from_str(&format!("{:.6}", began.elapsed().as_secs_f64()))?;
        match outcome {
            Ok(mut response) => {
                response.headers_mut().insert("x-runtime", elapsed);
                Ok(response)
            }
            Err(error) => Err(error.with_header(HeaderName::from_static("x-runtime"), elapsed)),
        }
    })
}

pub(super) fn a_time() -> Candidate {
    Candidate::new(timed)
}

/// CORS for one origin, on every response that leaves, with the preflights.
fn cross_origin(view: View) -> View {
    Decorator::new(view)
        .claims_options()
        .on_response(|request, response| {
            if let Some(origin) = request.headers().get(header::ORIGIN) {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        })
        .guard(|request| {
            let is_preflight =
                *request.method() == Method::OPTIONS && request.header("access-control-request-method").is_some();
            is_preflight.then_some(("", 204))
        })
}

pub(super) fn cors() -> Candidate {
    Candidate::new(cross_origin).answers_options()
}

/// Answers a POST with an `Idempotency-Key` that it has seen as it answered the first.
fn idempotent(view: View) -> View {
    type Kept = Arc<Mutex<HashMap<String, (StatusCode, HeaderMap, Bytes)>>>;
    let kept = Kept::default();
    view.wrapped_by_async(move |next, request| {
        let kept = Arc::clone(&kept);
        async move {
            let key = request.header("idempotency-key").filter(|_| request.method() == Method::POST);
            let Some(key) = key.map(str::to_owned) else { return next.call(request).await };
            let known = kept.lock().get(&key).cloned();
            if let Some((status, headers, body)) = known {
                return (body, status, headers).into_response();
            }
            let response = next.call(request).await?;
            if let Some(body) = response.body().as_bytes() {
                kept.lock().insert(key, (response.status(), response.headers().clone(), body.clone()));
            }
            Ok(response)
        }
    })
}

pub(super) fn a_key_for_each_post() -> Candidate {
    let keys = Arc::new(AtomicUsize::new(0));
    Candidate::new(idempotent).allow(move |client| {
        let keys = Arc::clone(&keys);
        std::future::ready(Ok(client.signed_by(move |request| {
            request.headers_mut().insert("idempotency-key", keys.fetch_add(1, Ordering::SeqCst).into());
        })))
    })
}

/// Sets a header later, in a hook of the request's own, from sync code.
fn stamped_later(view: View) -> View {
    view.wrapped_by(|view, request| {
        after_this_request(|mut response: Response| {
            response.headers_mut().insert("x-stamped", HeaderValue::from_static("1"));
            response
        });
        current_app().ensure_sync(view)(request)
    })
}

pub(super) fn a_later_stamp() -> Candidate {
    Candidate::new(stamped_later).extra_crossings(1)
}

const SHOP: &str = "https://shop.example";

/// CORS for one origin; requests from other pages are refused.
fn for_the_shop(view: View) -> View {
    Decorator::new(view)
        .on_response(|request, response| {
            if request.header("origin") == Some(SHOP) {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(SHOP));
            }
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        })
        .guard(|request| match request.header("origin") {
            None | Some(SHOP) => Ok(()),
            Some(_) => abort(403),
        })
}

pub(super) fn cors_for_one_origin() -> Candidate {
    Candidate::new(for_the_shop)
        .for_pages()
        .allow(async |client| Ok(client.with_header("origin", SHOP)))
        .deny(async |client| Ok(client.with_header("origin", "https://other.example")))
}

/// Makes a decorator that gives each response an identifier of its own and a number.
fn numbering() -> impl Fn(View) -> View {
    let served = Arc::new(AtomicUsize::new(0));
    move |view: View| {
        let served = Arc::clone(&served);
        view.on_response(move |_, response| {
            let n = served.fetch_add(1, Ordering::SeqCst);
            let id = format!("{:016x}", RandomState::new().hash_one(n));
            response.headers_mut().insert("x-request-id", HeaderValue::from_str(&id).expect("hexadecimal digits"));
            response.headers_mut().insert("x-served", n.into());
        })
    }
}

pub(super) fn a_number() -> Candidate {
    Candidate::new(numbering()).named("numbering")
}

/// Leaves a message for the next page after each POST that went well.
fn telling(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let is_post = request.method() == Method::POST;
        let response = next.call(request).await?;
        if is_post && response.status().is_success() {
            flash("Saved.", "message").await?;
        }
        Ok(response)
    })
}

pub(super) fn a_flashed_message() -> Candidate {
    Candidate::new(telling).for_pages()
}

/// Makes the session permanent, so that each response renews it, and no response is for every client.
fn sliding(view: View) -> View {
    let keep_apart = |_: &Request, response: &mut Response| {
        if response.headers().get(header::CACHE_CONTROL).is_some_and(|value| value.as_bytes().starts_with(b"public")) {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    };
    Decorator::new(view).on_response(keep_apart).wrap(|view, request| {
        session().set_permanent(true)?;
        session().set("is_known", true)?;
        current_app().ensure_sync(view)(request)
    })
}

pub(super) fn a_sliding_session() -> Candidate {
    Candidate::new(sliding).for_pages()
}

/// Tells how many requests are in flight beside this one, and how many have failed.
fn counted(view: View) -> View {
    let (in_flight, failed) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
    view.wrapped_by_async(move |next, request| {
        let (in_flight, failed) = (Arc::clone(&in_flight), Arc::clone(&failed));
        async move {
            // One is the decorator's own, and one this request's.
            let others = Arc::strong_count(&in_flight) - 2;
            let mut response = next.call(request).await.inspect_err(|_| {
                failed.fetch_add(1, Ordering::SeqCst);
            })?;
            response.headers_mut().insert("x-in-flight", others.into());
            response.headers_mut().insert("x-failed", failed.load(Ordering::SeqCst).into());
            Ok(response)
        }
    })
}

pub(super) fn a_gauge_in_a_header() -> Candidate {
    Candidate::new(counted)
}

//! The suite on decorators that are unusual and right, each with the declaration that says so.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use costrel::http::{self, header};
use costrel::{
    Body, HeaderMap, HeaderName, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, abort,
    after_this_request, current_app, request, session,
};
use costrel_compat::{Candidate, Client, Host, Verdict, laws, results_on};
use costrel_ext_kit::{Decorate, Decorator};
use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt;
use http_body_util::{BodyStream, StreamBody};
use hyper::body::Frame;
use parking_lot::Mutex;
use rstest::rstest;
use tower_http::compression::CompressionLayer;

/// Lets in a client that has visited the page `/welcome`, which gives it a cookie.
fn welcomed(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if session().contains("welcomed") { next.call(request).await } else { abort(403) }
    })
}

fn a_page_first() -> Candidate {
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

fn a_first_visit() -> Candidate {
    Candidate::new(with_a_token)
        .refuses_only([Method::POST])
        .allow(async |client| client.get("/subject/first").await.map(|_| client.with_header("x-token", "t")))
        .deny(async |client| Ok(client))
}

/// Lets no client in but members, and stamps each response, by hooks on the app.
fn by_async_hooks() -> Candidate {
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
fn by_sync_hooks() -> Candidate {
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

fn a_compressing_layer() -> Candidate {
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

fn a_compressor() -> Candidate {
    Candidate::new(compressing).allow(async |client| Ok(client.with_header("accept-encoding", "gzip, deflate")))
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

fn a_signature() -> Candidate {
    Candidate::new(signed)
        .reads_body()
        .allow(async |client| Ok(signing(client, "sesame")))
        .deny(async |client| Ok(signing(client, "guessed")))
}

fn a_counter() -> Candidate {
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

fn a_breaker() -> Candidate {
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

fn a_shared_count() -> Candidate {
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

fn a_trailer() -> Candidate {
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

fn a_time() -> Candidate {
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

fn cors() -> Candidate {
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

fn a_key_for_each_post() -> Candidate {
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

fn a_later_stamp() -> Candidate {
    Candidate::new(stamped_later).extra_crossings(1)
}

const IN_PROCESS_AND_ON_A_SERVER: &[Host] = &[Host::InProcess, Host::Server];
const IN_PROCESS_AND_ON_AXUM: &[Host] = &[Host::InProcess, Host::AxumNested, Host::Axum];
const ON_HTTP2: &[Host] = &[Host::InProcess, Host::Http2];

#[rstest]
#[case::a_page_first(a_page_first, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_first_visit(a_first_visit, IN_PROCESS_AND_ON_A_SERVER)]
#[case::by_async_hooks(by_async_hooks, IN_PROCESS_AND_ON_AXUM)]
#[case::by_sync_hooks(by_sync_hooks, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_compressing_layer(a_compressing_layer, IN_PROCESS_AND_ON_AXUM)]
#[case::a_compressor(a_compressor, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_signature(a_signature, IN_PROCESS_AND_ON_AXUM)]
#[case::a_counter(a_counter, ON_HTTP2)]
#[case::a_breaker(a_breaker, IN_PROCESS_AND_ON_AXUM)]
#[case::a_shared_count(a_shared_count, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_trailer(a_trailer, ON_HTTP2)]
#[case::a_time(a_time, IN_PROCESS_AND_ON_A_SERVER)]
#[case::cors(cors, ON_HTTP2)]
#[case::a_key_for_each_post(a_key_for_each_post, ON_HTTP2)]
#[case::a_later_stamp(a_later_stamp, ON_HTTP2)]
fn what_is_unusual_is_not_taken_for_wrong(#[case] make: fn() -> Candidate, #[case] hosts: &[Host]) {
    let failed = results_on(make, laws::ALL, hosts).filter(|result| matches!(result.verdict, Verdict::Failed(_)));
    let failed: Vec<_> = failed.map(|result| format!("{result:?}")).collect();
    assert!(failed.is_empty(), "{}: {}", failed.len(), failed[..failed.len().min(6)].join("\n"));
}

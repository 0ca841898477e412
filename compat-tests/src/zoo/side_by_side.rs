//! Wrong decorators that mix, join or delay requests that come side by side.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use costrel::{
    Body, Bytes, Error, HeaderName, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, abort,
    current_app, g, with_request,
};
use costrel_ext_kit::Decorate;
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Answers a POST that looks like an earlier one from memory.
pub(super) fn answers_equal_posts_from_memory(view: View) -> View {
    type Kept = Arc<Mutex<HashMap<(String, Bytes), (StatusCode, costrel::HeaderMap, Bytes)>>>;
    let kept = Kept::default();
    view.wrapped_by_async(move |next, request| {
        let kept = Arc::clone(&kept);
        async move {
            if request.method() != Method::POST || request.header("content-length").is_none() {
                return next.call(request).await;
            }
            let key = (request.path().to_owned(), request.get_data().await?);
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

/// A set of what is in flight, from which a guard takes its own when it is dropped.
#[derive(Clone, Default)]
struct InFlight(Arc<Mutex<HashSet<String>>>);

struct Entered(InFlight, String);

impl InFlight {
    fn enter(&self, key: String) -> Option<Entered> {
        self.0.lock().insert(key.clone()).then(|| Entered(self.clone(), key))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// Refuses a POST while one to the same path is under way.
pub(super) fn takes_an_equal_post_for_a_double_click(view: View) -> View {
    let in_flight = InFlight::default();
    view.wrapped_by_async(move |next, request| {
        let in_flight = in_flight.clone();
        async move {
            if request.method() != Method::POST || g().contains("_entered") {
                return next.call(request).await;
            }
            g().set("_entered", ());
            let Some(_entered) = in_flight.enter(request.path().to_owned()) else { return abort(409) };
            next.call(request).await
        }
    })
}

/// Refuses a second conversation on the path of the first.
pub(super) fn one_conversation_for_each_path(view: View) -> View {
    let in_flight = InFlight::default();
    view.wrapped_by_async(move |next, request| {
        let in_flight = in_flight.clone();
        async move {
            if request.header("upgrade").is_none() || g().contains("_entered") {
                return next.call(request).await;
            }
            g().set("_entered", ());
            let Some(_entered) = in_flight.enter(request.path().to_owned()) else { return abort(409) };
            next.call(request).await
        }
    })
}

/// Ends a stream when the next one begins.
pub(super) fn one_stream_at_a_time(view: View) -> View {
    let newest = Arc::new(AtomicUsize::new(0));
    view.followed_by(move |outcome| {
        let (head, body) = outcome?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let (own, newest) = (newest.fetch_add(1, Ordering::SeqCst) + 1, Arc::clone(&newest));
        let chunks =
            BodyDataStream::new(body).take_while(move |_| std::future::ready(newest.load(Ordering::SeqCst) == own));
        Ok(Response::from_parts(head, Body::from_stream(chunks)))
    })
}

/// Leaves out a chunk that begins as the last one of any stream did, as sync code.
pub(super) fn one_memory_for_all_streams(view: View) -> View {
    let last = Arc::new(Mutex::new(Vec::new()));
    view.wrapped_by(move |view, request| {
        let (head, body) = current_app().ensure_sync(view)(request)?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let last = Arc::clone(&last);
        let chunks = BodyDataStream::new(body).filter(move |chunk| {
            let end = chunk.as_ref().map(|chunk| chunk.split(|byte| *byte == b' ').nth(1).unwrap_or_default().to_vec());
            let end = end.unwrap_or_default();
            let is_new = end.is_empty() || std::mem::replace(&mut *last.lock(), end.clone()) != end;
            std::future::ready(is_new)
        });
        Ok(Response::from_parts(head, Body::from_stream(chunks)))
    })
}

const ELAPSED: HeaderName = HeaderName::from_static("x-elapsed-ms");

fn with_time(outcome: Result<Response, Error>, began: Instant) -> Result<Response, Error> {
    let mut response = outcome?;
    let elapsed = began.elapsed().as_secs_f64() * 1e3;
    response.headers_mut().insert(ELAPSED, HeaderValue::from_str(&format!("{elapsed:.3}"))?);
    Ok(response)
}

/// Keeps the start time where all requests share it.
pub(super) fn shares_its_start_time(view: View) -> View {
    let began = Arc::new(Mutex::new(Instant::now()));
    view.wrapped_by_async(move |next, request| {
        let began = Arc::clone(&began);
        async move {
            *began.lock() = Instant::now();
            let outcome = next.call(request).await;
            let began = *began.lock();
            with_time(outcome, began)
        }
    })
}

/// Keeps the start time of the first of the requests that run, and shows it to all of them.
pub(super) fn shows_the_first_start_time(view: View) -> View {
    let running = Arc::new(Mutex::new((0_usize, Instant::now())));
    view.wrapped_by_async(move |next, request| {
        let running = Arc::clone(&running);
        async move {
            {
                let mut running = running.lock();
                if running.0 == 0 {
                    running.1 = Instant::now();
                }
                running.0 += 1;
            }
            let outcome = next.call(request).await;
            let mut running = running.lock();
            running.0 = running.0.saturating_sub(1);
            with_time(outcome, running.1)
        }
    })
}

/// Keeps the start time where all requests share it, and tells it in `Server-Timing`, as sync code.
pub(super) fn shares_its_start_time_sync(view: View) -> View {
    let began = Mutex::new(Instant::now());
    view.wrapped_by(move |view, request| {
        *began.lock() = Instant::now();
        let mut response = current_app().ensure_sync(view)(request)?;
        let elapsed = began.lock().elapsed().as_secs_f64() * 1e3;
        let timing = format!("total;dur={elapsed:.2}");
        response.headers_mut().insert("server-timing", HeaderValue::from_str(&timing)?);
        Ok(response)
    })
}

/// A task that ends when this is dropped.
struct OwnTask(JoinHandle<Result<Response, Error>>);

impl Drop for OwnTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs the view in a task of its own, with the request's context, and ends it with the client.
pub(super) fn calls_from_a_task_of_its_own(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let mut task = OwnTask(tokio::spawn(with_request(request.clone(), next.call(request))));
        (&mut task.0).await?
    })
}

/// Lets one POST at a time to the view.
pub(super) fn one_post_at_a_time(view: View) -> View {
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    view.wrapped_by_async(move |next, request| {
        let turn = turn.clone();
        async move {
            if request.method() != Method::POST || g().contains("_has_the_turn") {
                return next.call(request).await;
            }
            g().set("_has_the_turn", ());
            let _guard = turn.lock().await;
            next.call(request).await
        }
    })
}

/// Sleeps on the loop before it lets a POST to the view.
pub(super) fn naps_on_posts(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() == Method::POST {
            thread::sleep(Duration::from_millis(40));
        }
        next.call(request).await
    })
}

/// Keeps the last request, and with it the body that its view has not read.
pub(super) fn keeps_the_last_request(view: View) -> View {
    let last = Arc::new(Mutex::new(None::<Request>));
    view.wrapped_by_async(move |next, request| {
        *last.lock() = Some(request.clone());
        next.call(request)
    })
}

/// The pages that are made now, each with a channel that closes when its run is over.
type Making = Arc<Mutex<HashMap<String, watch::Receiver<()>>>>;

/// Takes a page from those that are made when its run is over, whatever comes of it.
struct Made(Making, String, #[allow(dead_code, reason = "closes the channel when dropped")] watch::Sender<()>);

impl Drop for Made {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// Lets requests wait for the one that makes the page; when that one fails, all of them run the view at once.
pub(super) fn lets_all_try_after_a_failure(view: View) -> View {
    let (kept, making) = (Arc::new(Mutex::new(HashMap::<String, Bytes>::new())), Making::default());
    view.wrapped_by_async(move |next, request| {
        let (kept, making) = (Arc::clone(&kept), Arc::clone(&making));
        async move {
            let path = request.full_path().to_owned();
            if request.method() != Method::GET || !path.contains("/shared/") || g().contains("_makes") {
                return next.call(request).await;
            }
            g().set("_makes", ());
            let known = kept.lock().get(&path).cloned();
            if let Some(page) = known {
                return (page, [("x-page", "1")]).into_response();
            }
            let other = making.lock().get(&path).cloned();
            if let Some(mut other) = other {
                // The channel closes when the run is over, which is an error here.
                let _ = other.changed().await;
                let known = kept.lock().get(&path).cloned();
                return match known {
                    Some(page) => (page, [("x-page", "1")]).into_response(),
                    None => next.call(request).await,
                };
            }
            let (sender, receiver) = watch::channel(());
            making.lock().insert(path.clone(), receiver);
            let _made = Made(Arc::clone(&making), path.clone(), sender);
            let response = next.call(request).await?;
            if let Some(body) = response.body().as_bytes() {
                kept.lock().insert(path, body.clone());
            }
            Ok(response)
        }
    })
}

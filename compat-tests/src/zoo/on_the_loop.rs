//! Wrong decorators in the async forms, guards and afters.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use costrel::{
    Body, Callable, Colour, Error, ErrorKind, IntoResponse, Method, Request, Response, View, abort, g, session,
    sync_to_async, with_request,
};
use costrel_ext_kit::Decorate;
use futures_util::{FutureExt, StreamExt};
use http_body_util::{BodyDataStream, BodyStream, StreamBody};
use parking_lot::Mutex;
use tokio::runtime::Handle;

/// Makes a new response of the body and the status alone.
pub(super) fn drops_the_headers(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        let status = response.status();
        (response.into_body(), status).into_response()
    })
}

/// Removes the cookies from the response.
pub(super) fn strips_cookies(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        response.headers_mut().remove("set-cookie");
        Ok(response)
    })
}

/// Makes a new view instead of wrapping the one it got, as in Flask without `functools.wraps`.
pub(super) fn drops_the_name(view: View) -> View {
    View::from_callable("wrapper", Callable::new_async(move |request| view.call(request)))
}

/// Runs the view to see whether it works, then runs it for its response.
pub(super) fn calls_the_view_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        next.call(request.clone()).await?;
        next.call(request).await
    })
}

/// Runs the view twice for POST, as if POST were idempotent.
pub(super) fn posts_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.method() == Method::POST {
            next.call(request.clone()).await?;
        }
        next.call(request).await
    })
}

/// Answers HEAD without the view, and so without its headers.
pub(super) fn answers_head_itself(view: View) -> View {
    view.guarded_by(|request| (request.method() == Method::HEAD).then_some(("", 202)))
}

/// Checks the client only after the view has run.
pub(super) fn refuses_too_late(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request.clone()).await?;
        if request.header("x-member").is_none() {
            return abort(403);
        }
        Ok(response)
    })
}

/// Checks the client in sync code, although the check does not block.
pub(super) fn checks_on_a_worker(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        // A client with the header is let through at once, so that only refusals cross.
        if request.header("x-member").is_none() {
            let check = sync_to_async(|()| abort::<()>(403));
            check(()).await??;
        }
        next.call(request).await
    })
}

/// Answers every error with a page of its own.
pub(super) fn swallows_the_error(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.call(request).await {
            Err(error) if error.source().is_some() => ("something went wrong", 500).into_response(),
            other => other,
        }
    })
}

/// Answers an abort with a page of its own.
pub(super) fn swallows_aborts(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::Status(_)) => ("something went wrong", 500).into_response(),
        other => other,
    })
}

/// Holds a lock around the view, so that the view serves one request at a time.
pub(super) fn one_at_a_time(view: View) -> View {
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    view.wrapped_by_async(move |next, request| {
        let turn = turn.clone();
        async move {
            let _guard = turn.lock().await;
            next.call(request).await
        }
    })
}

/// Runs the view on a new thread, which has no context.
pub(super) fn loses_the_context(view: View) -> View {
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

/// Keeps the first client's name and shows it to all later clients.
pub(super) fn remembers_the_first_visitor(view: View) -> View {
    static FIRST: OnceLock<String> = OnceLock::new();
    view.wrapped_by_async(|next, request| async move {
        if let Some(client) = g().get::<String>("client") {
            FIRST.get_or_init(|| client);
        } else if let Some(first) = FIRST.get() {
            g().set("client", first.clone());
        }
        next.call(request).await
    })
}

/// Calls a sync view on the event loop.
pub(super) fn blocks_the_loop(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        match next.colour() {
            Colour::Sync => next.call_sync(request),
            Colour::Async => next.call(request).await,
        }
    })
}

/// Runs a small sync function on a worker before the view goes there too.
pub(super) fn crosses_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let small = sync_to_async(|()| ());
        small(()).await?;
        next.call(request).await
    })
}

/// Collects the whole body before it sends the first byte of it.
pub(super) fn buffers_the_stream(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        let whole = body.collect().await?;
        Ok(Response::from_parts(head, Body::from(whole)))
    })
}

/// Refuses every client.
pub(super) fn locks_everybody_out(view: View) -> View {
    view.guarded_by(|_| abort::<()>(401))
}

/// Refuses a client with a sign-in page whose status is 200.
pub(super) fn denies_with_a_200(view: View) -> View {
    view.guarded_by(|request| request.header("x-member").is_none().then_some("please sign in"))
}

/// Replaces every success status by 200.
pub(super) fn rewrites_the_status(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        if response.status().is_success() {
            *response.status_mut() = costrel::StatusCode::OK;
        }
        Ok(response)
    })
}

/// Keeps the first request and passes it to the view for every later request.
pub(super) fn shows_the_first_request(view: View) -> View {
    let first = Arc::new(OnceLock::new());
    view.wrapped_by_async(move |next, request| {
        let first: Request = first.get_or_init(|| request).clone();
        async move { next.call(first).await }
    })
}

/// Panics if the view returns an error.
pub(super) fn panics_on_errors(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Ok(response) => Ok(response),
        Err(error) => panic!("the view failed: {error}"),
    })
}

/// Catches a panic and returns a page, which hides the panic from the app.
pub(super) fn hides_panics(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let running = AssertUnwindSafe(next.call(request)).catch_unwind();
        running.await.unwrap_or_else(|_| "we are sorry".into_response())
    })
}

/// Stores the client's name where all requests share it, and reads it again after a yield.
pub(super) fn mixes_visitors(view: View) -> View {
    let client = Arc::new(Mutex::new(None::<String>));
    view.wrapped_by_async(move |next, request| {
        let client = Arc::clone(&client);
        async move {
            *client.lock() = g().get("client");
            tokio::task::yield_now().await;
            let seen = client.lock().clone();
            if let Some(seen) = seen {
                g().set("client", seen);
            }
            next.call(request).await
        }
    })
}

/// Sends an async view to a worker, as if it were sync.
pub(super) fn drives_async_views_on_a_worker(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if next.colour() == Colour::Sync {
            return next.call(request).await;
        }
        let drive = sync_to_async(move |request| next.call_sync(request));
        drive(request).await?
    })
}

/// Refuses a request that comes through the decorator a second time.
pub(super) fn refuses_to_come_twice(view: View) -> View {
    view.guarded_by(|_| {
        let again = g().contains("_came_before");
        g().set("_came_before", true);
        if again { abort(409) } else { Ok(()) }
    })
}

/// Fails if sync code calls the view.
pub(super) fn cannot_be_called_from_sync_code(view: View) -> View {
    let inner = view.clone();
    let call = move |request| inner.call(request);
    let call_sync = |_| Err::<Response, Error>(Error::from_boxed("async code only".into()));
    view.wrapped("cannot_be_called_from_sync_code", Callable::new_in_place(Colour::Async, call, call_sync))
}

/// Runs the view in a task of its own, with the context; the task goes on when the client has left.
pub(super) fn goes_on_without_the_client(view: View) -> View {
    view.wrapped_by_async(move |next, request| async move {
        // Beneath other decorators it would cross too often, and that breaks another law first.
        if next.decorators().count() > 0 {
            return next.call(request).await;
        }
        tokio::spawn(with_request(request.clone(), next.call(request))).await?
    })
}

/// Checks the client for GET only.
pub(super) fn checks_get_alone(view: View) -> View {
    view.guarded_by(|request| {
        let refused = request.method() == Method::GET && request.header("x-member").is_none();
        if refused { abort(403) } else { Ok(()) }
    })
}

/// Lets every client in after it has let in one.
pub(super) fn stays_open(view: View) -> View {
    let open = Arc::new(AtomicBool::new(false));
    view.guarded_by(move |request| {
        if request.header("x-member").is_some() {
            open.store(true, Ordering::SeqCst);
        }
        if open.load(Ordering::SeqCst) { Ok(()) } else { abort(403) }
    })
}

/// Keeps responses by path alone, whatever the method.
pub(super) fn caches_by_path_alone(view: View) -> View {
    let kept = Arc::new(Mutex::new(HashMap::<String, Parts>::new()));
    view.wrapped_by_async(move |next, request| {
        let kept = Arc::clone(&kept);
        async move {
            if request.method() == Method::OPTIONS {
                return next.call(request).await;
            }
            let known = kept.lock().get(request.path()).cloned();
            if let Some((status, headers, body)) = known {
                return (body, status, headers).into_response();
            }
            let response = next.call(request.clone()).await?;
            if let Some(body) = response.body().as_bytes() {
                let parts = (response.status(), response.headers().clone(), body.clone());
                kept.lock().insert(request.path().to_owned(), parts);
            }
            Ok(response)
        }
    })
}

type Parts = (costrel::StatusCode, costrel::HeaderMap, costrel::Bytes);

/// Passes a new request to the view, without the query, the body and one header.
pub(super) fn makes_a_new_request(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let mut anew = request.to_http().await?.map(|_| Body::empty());
        anew.headers_mut().remove("x-echo");
        *anew.uri_mut() = request.path().parse().unwrap_or_default();
        let anew = request.with_http(anew);
        with_request(anew.clone(), async move { next.call(anew).await }).await
    })
}

/// Collects headers in a map with one value for each name.
pub(super) fn joins_repeated_headers(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response = outcome?;
        let single: HashMap<_, _> =
            response.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        response.headers_mut().clear();
        response.headers_mut().extend(single);
        Ok(response)
    })
}

/// Makes a new error from the status of an abort, and loses the rest.
pub(super) fn rebuilds_aborts(view: View) -> View {
    view.followed_by(|outcome| match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::Status(_)) => abort(error.status_code().as_u16()),
        other => other,
    })
}

/// Clears the session after each request, with all that other code kept in it.
pub(super) fn clears_the_session(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await;
        session().clear();
        response
    })
}

/// Sleeps on the event loop, as sync code does.
pub(super) fn naps_on_the_loop(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        thread::sleep(A_MOMENT);
        next.call(request).await
    })
}

/// Keeps the processor busy on the event loop.
pub(super) fn computes_on_the_loop(view: View) -> View {
    view.followed_by(|outcome| {
        let began = Instant::now();
        while began.elapsed() < A_MOMENT {
            std::hint::spin_loop();
        }
        outcome
    })
}

/// The time for which the loop is held, long enough for other requests to notice.
const A_MOMENT: Duration = Duration::from_millis(120);

/// Waits for the client's body with sync code that keeps its worker.
pub(super) fn reads_the_body_on_a_worker(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        // With every POST it would cross too often, and that breaks another law first.
        if request.header("x-echo").is_some() {
            let reading = request.clone();
            let here = Handle::current();
            sync_to_async(move |()| here.block_on(reading.get_data().into_future()).map(drop))(()).await??;
        }
        next.call(request).await
    })
}

/// Ends a broken body normally, as if it were complete.
pub(super) fn ends_what_broke(view: View) -> View {
    view.followed_by(|outcome| {
        let (head, body) = outcome?.into_parts();
        let frames = BodyStream::new(body).take_while(|frame| std::future::ready(frame.is_ok()));
        Ok(Response::from_parts(head, Body::new(StreamBody::new(frames))))
    })
}

/// Passes on the data of the body, and drops all other frames.
pub(super) fn keeps_the_data_alone(view: View) -> View {
    view.followed_by(|outcome| {
        let (head, body) = outcome?.into_parts();
        Ok(Response::from_parts(head, Body::from_stream(BodyDataStream::new(body))))
    })
}

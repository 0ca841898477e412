//! Wrong decorators in the sync form, the literal port of Flask's form.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{Body, IntoResponse, Response, View, abort, async_to_sync, current_app, g, session};
use costrel_ext_kit::Decorate;
use http_body_util::BodyDataStream;
use parking_lot::Mutex;

use super::in_common::PERMITS;

/// Counts under a lock that a panic beneath poisons for every request after it.
pub(super) fn poisoned_by_a_panic(view: View) -> View {
    let count = std::sync::Mutex::new(0_u64);
    view.wrapped_by(move |view, request| {
        let Ok(mut count) = count.lock() else { return abort(503) };
        *count += 1;
        current_app().ensure_sync(view)(request)
    })
}

/// Holds a lock, and with it the worker, while it waits for the view.
pub(super) fn locks_the_worker(view: View) -> View {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    view.wrapped_by(|view, request| {
        let _guard = ONE_AT_A_TIME.lock();
        current_app().ensure_sync(view)(request)
    })
}

/// Waits by other means than `ensure_sync`, and so does not free its worker for other jobs.
pub(super) fn keeps_its_worker(view: View) -> View {
    view.wrapped_by(|view, request| tokio::runtime::Handle::current().block_on(view.call(request)))
}

/// Makes a new response of the body and the status alone.
pub(super) fn drops_the_headers_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let response = current_app().ensure_sync(view)(request)?;
        let status = response.status();
        (response.into_body(), status).into_response()
    })
}

/// Runs the view to see whether it works, then runs it for its response.
pub(super) fn calls_the_view_twice_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        current_app().ensure_sync(view)(request.clone())?;
        current_app().ensure_sync(view)(request)
    })
}

/// Checks the client only after the view has run.
pub(super) fn refuses_too_late_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let response = current_app().ensure_sync(view)(request.clone())?;
        if request.header("x-member").is_none() {
            return abort(403);
        }
        Ok(response)
    })
}

/// Answers every error with a page of its own.
pub(super) fn swallows_the_error_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        current_app().ensure_sync(view)(request).or_else(|_| ("something went wrong", 500).into_response())
    })
}

/// Keeps the client on the thread, where the next request finds it.
pub(super) fn keeps_the_visitor_on_the_thread(view: View) -> View {
    thread_local! {
        static VISITOR: RefCell<Option<String>> = const { RefCell::new(None) };
    }
    view.wrapped_by(|view, request| {
        match g().get::<String>("client") {
            Some(client) => VISITOR.set(Some(client)),
            None => VISITOR.with_borrow(|client| client.iter().for_each(|known| g().set("client", known.clone()))),
        }
        current_app().ensure_sync(view)(request)
    })
}

/// Collects the whole body before it sends the first byte of it.
pub(super) fn buffers_the_stream_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let (head, body) = current_app().ensure_sync(view)(request)?.into_parts();
        let body = Mutex::new(Some(body));
        let collect = async_to_sync(move |()| {
            let body = body.lock().take().unwrap_or_default();
            async move { body.collect().await }
        });
        Ok(Response::from_parts(head, Body::from(collect(())??)))
    })
}

/// Returns its permit only if the view succeeds.
pub(super) fn leaks_permits_sync(view: View) -> View {
    let taken = Arc::new(AtomicUsize::new(0));
    view.wrapped_by(move |view, request| {
        if taken.load(Ordering::SeqCst) >= PERMITS {
            return abort(503);
        }
        taken.fetch_add(1, Ordering::SeqCst);
        let response = current_app().ensure_sync(view)(request)?;
        taken.fetch_sub(1, Ordering::SeqCst);
        Ok(response)
    })
}

/// Clears the session after each request, with all that other code kept in it.
pub(super) fn clears_the_session_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let response = current_app().ensure_sync(view)(request);
        session().clear();
        response
    })
}

/// Passes on the data of the body, and drops all other frames.
pub(super) fn keeps_the_data_alone_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let (head, body) = current_app().ensure_sync(view)(request)?.into_parts();
        Ok(Response::from_parts(head, Body::from_stream(BodyDataStream::new(body))))
    })
}

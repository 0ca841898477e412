//! Wrong bulkheads: decorators that let a few requests in at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{View, abort, current_app};
use costrel_ext_kit::Decorate;
use tokio::sync::{Notify, Semaphore};

/// The number of requests that the bulkheads here let in at once.
pub(super) const PLACES: usize = 3;

/// Makes its places anew for each request.
pub(super) fn makes_places_for_each(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let places = Semaphore::new(PLACES);
        let Ok(_place) = places.try_acquire() else { return abort(503) };
        next.call(request).await
    })
}

/// Lets in one request more than it has places.
pub(super) fn lets_one_more_in(view: View) -> View {
    let inside = AtomicUsize::new(0);
    view.wrapped_by(move |view, request| {
        if inside.fetch_add(1, Ordering::SeqCst) > PLACES {
            inside.fetch_sub(1, Ordering::SeqCst);
            return abort(503);
        }
        let outcome = current_app().ensure_sync(view)(request);
        inside.fetch_sub(1, Ordering::SeqCst);
        outcome
    })
}

/// Loses the place of a request whose view fails.
pub(super) fn loses_the_place_of_a_failure(view: View) -> View {
    let places = Arc::new(Semaphore::new(PLACES));
    view.wrapped_by_async(move |next, request| {
        let places = Arc::clone(&places);
        async move {
            let Ok(place) = places.try_acquire() else { return abort(503) };
            let outcome = next.call(request).await;
            if outcome.is_err() {
                place.forget();
            }
            outcome
        }
    })
}

/// Lets requests wait for a place, and wakes none of them.
pub(super) fn wakes_no_one(view: View) -> View {
    let inside = Arc::new((AtomicUsize::new(0), Notify::new()));
    view.wrapped_by_async(move |next, request| {
        let inside = Arc::clone(&inside);
        async move {
            let (inside, left) = &*inside;
            while inside.fetch_add(1, Ordering::SeqCst) >= PLACES {
                inside.fetch_sub(1, Ordering::SeqCst);
                left.notified().await;
            }
            let outcome = next.call(request).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            outcome
        }
    })
}

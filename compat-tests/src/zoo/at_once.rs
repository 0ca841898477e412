//! Wrong decorators that count the requests at once: bulkheads and gauges.

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

/// Shows in a header how many requests are in flight, of which one that failed is one for ever.
pub(super) fn shows_failures_as_in_flight(view: View) -> View {
    let in_flight = Arc::new(AtomicUsize::new(0));
    view.wrapped_by_async(move |next, request| {
        let in_flight = Arc::clone(&in_flight);
        async move {
            let n = in_flight.fetch_add(1, Ordering::SeqCst);
            let mut response = next.call(request).await?;
            in_flight.fetch_sub(1, Ordering::SeqCst);
            response.headers_mut().insert("x-in-flight", n.into());
            Ok(response)
        }
    })
}

/// Shows in a header how many requests are in flight, of which one that panicked is one for ever.
pub(super) fn shows_panics_as_in_flight(view: View) -> View {
    let in_flight = AtomicUsize::new(0);
    view.wrapped_by(move |view, request| {
        let n = in_flight.fetch_add(1, Ordering::SeqCst);
        let outcome = current_app().ensure_sync(view)(request);
        in_flight.fetch_sub(1, Ordering::SeqCst);
        outcome.map(|mut response| {
            response.headers_mut().insert("x-in-flight", n.into());
            response
        })
    })
}

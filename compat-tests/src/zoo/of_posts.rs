//! Wrong decorators that are wrong for POST alone, where a suite that sends GET finds nothing.

use costrel::{Method, View};
use costrel_ext_kit::Decorate;

use super::{Wrong, on_a_worker, on_the_loop, refusing, side_by_side, with_headers, wrong};
use crate::fixture::Candidate;

pub(super) fn all() -> Vec<Wrong> {
    [spoils_posts(), stops_posts(), refuses_posts()].concat()
}

fn spoils_posts() -> Vec<Wrong> {
    let passes = "the_response_passes_through_untouched";
    let overwrites = "the_views_own_headers_stay";
    let adds = "what_it_adds_is_on_errors_too";
    let writes = "the_session_is_written_only_when_it_changes";
    vec![
        of_posts(on_the_loop::strips_cookies, passes),
        of_posts(on_the_loop::rewrites_the_status, passes),
        of_posts(on_a_worker::drops_the_headers_sync, passes),
        of_posts(on_the_loop::shows_the_first_request, "view_arguments_arrive"),
        of_posts(with_headers::overwrites_vary, overwrites),
        of_posts(with_headers::overwrites_vary_sync, overwrites),
        of_posts(with_headers::replaces_the_views_404, overwrites),
        of_posts(with_headers::secures_successes_alone, adds),
        of_posts(with_headers::secures_successes_alone_sync, adds),
        of_posts(with_headers::adds_its_header_again, "stacking_it_twice_works"),
        of_posts(with_headers::writes_the_same_again, writes),
        of_posts(on_the_loop::clears_the_session, "the_session_is_kept"),
        of_posts(on_a_worker::clears_the_session_sync, "the_session_is_kept"),
        of_posts(with_headers::clears_the_session_on_errors, "the_session_is_kept"),
    ]
}

fn stops_posts() -> Vec<Wrong> {
    let handles = "errors_reach_the_handlers";
    let buffers = "a_streamed_body_is_not_buffered";
    vec![
        of_posts(on_the_loop::swallows_aborts, handles),
        of_posts(on_the_loop::rebuilds_aborts, handles),
        of_posts(on_a_worker::swallows_the_error_sync, handles),
        of_posts(on_the_loop::buffers_the_stream, buffers),
        of_posts(on_a_worker::buffers_the_stream_sync, buffers),
        of_posts(on_the_loop::ends_what_broke, "a_broken_body_stays_broken"),
        of_posts(on_the_loop::keeps_the_data_alone, "trailers_arrive"),
        of_posts(on_a_worker::keeps_the_data_alone_sync, "trailers_arrive"),
        of_posts(on_the_loop::drives_async_views_on_a_worker, "an_async_view_never_leaves_the_loop"),
        of_posts(on_the_loop::crosses_twice, "at_most_one_crossing"),
        of_posts(on_a_worker::keeps_its_worker, "one_worker_is_enough"),
        of_posts(on_the_loop::loses_the_context, "the_context_is_the_same_before_in_and_after"),
        of_posts(on_the_loop::remembers_the_first_visitor, "no_context_leaks_to_the_next_request"),
        of_posts(side_by_side::shares_its_start_time, "a_time_is_of_its_own_request"),
        of_posts(side_by_side::one_stream_at_a_time, "streams_read_in_turns_keep_apart"),
    ]
}

fn refuses_posts() -> Vec<Wrong> {
    use super::between_clients as zoo;

    let fails = "a_refusal_is_the_clients_affair";
    vec![
        of_refused_posts(zoo::refuses_with_a_500, fails),
        of_refused_posts(zoo::refuses_with_an_error_sync, fails),
        of_refused_posts(on_the_loop::checks_on_a_worker, "a_denied_request_never_touches_a_worker"),
        of_refused_posts(on_the_loop::denies_with_a_200, "a_denied_request_does_not_run_the_view"),
    ]
}

fn of_refused_posts<D: Fn(View) -> View + Copy + Send + Sync + 'static>(decorator: D, breaks: &'static str) -> Wrong {
    let name = format!("{}, POST alone", Candidate::new(decorator).name());
    wrong(refusing(on_posts(decorator)).named(name).refuses_only([Method::POST]), breaks)
}

fn of_posts<D: Fn(View) -> View + Copy + Send + Sync + 'static>(decorator: D, breaks: &'static str) -> Wrong {
    let name = format!("{}, POST alone", Candidate::new(decorator).name());
    wrong(Candidate::new(on_posts(decorator)).named(name), breaks)
}

/// Makes a decorator that is this one for POST, and nothing for every other method.
fn on_posts(decorate: impl Fn(View) -> View) -> impl Fn(View) -> View {
    move |view: View| {
        let decorated = decorate(view.clone());
        view.wrapped_by_async(move |next, request| {
            let decorated = if request.method() == Method::POST { decorated.clone() } else { next };
            async move { decorated.call(request).await }
        })
    }
}

//! Decorators that are wrong on purpose: the first law each breaks is the one that names its failure.
//!
//! They show that the suite can fail; real code had each of these bugs somewhere.

mod of_posts;
mod in_disguise;
mod on_a_worker;
mod on_the_loop;
mod alike;
mod at_once;
mod between_clients;
mod with_headers;
mod with_requests;
mod with_failures;
mod with_bodies;
mod encodings;
mod side_by_side;
mod in_common;

use costrel::{Request, View};

use crate::fixture::{Candidate, Client};
use crate::laws;

/// A wrong decorator and the law it breaks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wrong {
    /// The decorator.
    pub candidate: Candidate,
    /// The name of the first law that the decorator breaks.
    pub breaks: &'static str,
}

/// All wrong decorators.
pub fn all() -> Vec<Wrong> {
    let apart = [wrong_with_answers(), wrong_with_decisions(), wrong_with_failures(), wrong_with_execution()].concat();
    let between = [
        wrong_with_clients(),
        wrong_with_headers(),
        wrong_with_notes(),
        wrong_after_failures(),
        wrong_at_once(),
        wrong_about_what_is_alike(),
    ]
    .concat();
    let others = [wrong_side_by_side(), wrong_with_requests(), wrong_with_bodies(), wrong_with_encodings()].concat();
    [apart, between, others, of_posts::all(), in_disguise::all()].concat()
}

fn wrong(candidate: Candidate, breaks: &'static str) -> Wrong {
    Wrong { candidate, breaks }
}

fn wrong_with_answers() -> Vec<Wrong> {
    vec![
        wrong(Candidate::new(on_the_loop::drops_the_headers), "the_response_passes_through_untouched"),
        wrong(Candidate::new(on_the_loop::strips_cookies), "the_response_passes_through_untouched"),
        wrong(Candidate::new(on_the_loop::joins_repeated_headers), "the_response_passes_through_untouched"),
        wrong(Candidate::new(on_the_loop::rewrites_the_status), "the_response_passes_through_untouched"),
        wrong(Candidate::new(on_a_worker::drops_the_headers_sync), "the_response_passes_through_untouched"),
        wrong(Candidate::new(on_the_loop::shows_the_first_request), "view_arguments_arrive"),
        wrong(Candidate::new(on_the_loop::drops_the_name), "the_endpoint_name_is_kept"),
        wrong(Candidate::new(on_the_loop::answers_head_itself), "head_and_options_behave"),
        wrong(
            Candidate::layer("CallsAnUnreadyClone", in_common::CallsAnUnreadyClone(())),
            "inner_readiness_is_honoured",
        ),
        wrong(Candidate::new(on_the_loop::makes_a_new_request), "the_request_arrives_whole"),
    ]
}

fn wrong_with_decisions() -> Vec<Wrong> {
    vec![
        wrong(Candidate::new(on_the_loop::locks_everybody_out), "the_candidate_lets_in_the_clients_it_should"),
        wrong(Candidate::new(on_the_loop::calls_the_view_twice), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(Candidate::new(on_the_loop::posts_twice), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(Candidate::new(on_the_loop::caches_by_path_alone), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(Candidate::new(on_a_worker::calls_the_view_twice_sync), "an_allowed_request_runs_the_view_exactly_once"),
        wrong(limiting(in_common::counts_in_each_clone), "a_limit_holds_over_all_connections"),
        wrong(limiting(in_common::looks_before_it_counts), "a_limit_holds_over_all_connections"),
        wrong(limiting(in_common::counts_on_each_thread), "a_limit_holds_over_all_connections"),
        wrong(Candidate::new(in_common::stampedes).shares_runs(), "requests_at_once_share_one_run"),
        wrong(Candidate::new(in_common::stampedes_sync).shares_runs(), "requests_at_once_share_one_run"),
        wrong(
            Candidate::new(in_common::keeps_one_page_for_all).shares_runs(),
            "a_shared_answer_goes_to_no_other_client",
        ),
        wrong(
            Candidate::new(in_common::shares_what_is_personal).shares_runs(),
            "a_shared_answer_goes_to_no_other_client",
        ),
        wrong(Candidate::new(in_common::leaves_others_waiting).shares_runs(), "a_lost_run_leaves_no_request_waiting"),
        wrong(refusing(in_common::keeps_the_refused_open), "hooks_still_run_around_a_denied_request"),
        wrong(asking(), "callbacks_of_either_colour_behave_alike"),
        wrong(refusing(on_the_loop::refuses_too_late), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(on_a_worker::refuses_too_late_sync), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(on_the_loop::denies_with_a_200), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(on_the_loop::checks_get_alone), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(on_the_loop::stays_open), "a_denied_request_does_not_run_the_view"),
        wrong(refusing(on_the_loop::checks_on_a_worker), "a_denied_request_never_touches_a_worker"),
        wrong(Candidate::new(on_the_loop::refuses_to_come_twice), "stacking_it_twice_works"),
        wrong(
            Candidate::new(on_the_loop::cannot_be_called_from_sync_code),
            "the_decorated_view_can_be_called_from_either_colour",
        ),
    ]
}

fn wrong_with_failures() -> Vec<Wrong> {
    vec![
        wrong(Candidate::new(on_the_loop::swallows_the_error), "errors_reach_the_handlers"),
        wrong(Candidate::new(on_the_loop::swallows_aborts), "errors_reach_the_handlers"),
        wrong(Candidate::new(on_the_loop::rebuilds_aborts), "errors_reach_the_handlers"),
        wrong(Candidate::new(on_a_worker::swallows_the_error_sync), "errors_reach_the_handlers"),
        wrong(Candidate::new(on_the_loop::panics_on_errors), "errors_reach_the_handlers"),
        wrong(Candidate::new(on_a_worker::poisoned_by_a_panic), "a_panic_is_a_500_and_the_next_request_works"),
        wrong(Candidate::new(on_the_loop::hides_panics), "a_panic_is_a_500_and_the_next_request_works"),
        wrong(Candidate::new(in_common::leaks_permits), "nothing_is_used_up_by_failures"),
        wrong(Candidate::new(in_common::leaks_permits_by_panics), "nothing_is_used_up_by_failures"),
        wrong(Candidate::new(in_common::leaks_permits_by_those_who_leave), "nothing_is_used_up_by_failures"),
        wrong(Candidate::new(on_a_worker::leaks_permits_sync), "nothing_is_used_up_by_failures"),
        wrong(Candidate::new(on_the_loop::buffers_the_stream), "a_streamed_body_is_not_buffered"),
        wrong(Candidate::new(on_a_worker::buffers_the_stream_sync), "a_streamed_body_is_not_buffered"),
        wrong(Candidate::new(on_the_loop::ends_what_broke), "a_broken_body_stays_broken"),
        wrong(Candidate::new(on_the_loop::keeps_the_data_alone), "trailers_arrive"),
        wrong(Candidate::new(on_a_worker::keeps_the_data_alone_sync), "trailers_arrive"),
        wrong(Candidate::new(on_the_loop::goes_on_without_the_client), "a_client_that_leaves_ends_the_view_once"),
    ]
}

fn wrong_with_execution() -> Vec<Wrong> {
    vec![
        wrong(Candidate::new(on_the_loop::loses_the_context), "the_context_is_the_same_before_in_and_after"),
        wrong(Candidate::new(on_the_loop::remembers_the_first_visitor), "no_context_leaks_to_the_next_request"),
        wrong(Candidate::new(on_a_worker::keeps_the_visitor_on_the_thread), "no_context_leaks_to_the_next_request"),
        wrong(Candidate::new(on_the_loop::mixes_visitors), "interleaved_requests_never_mix"),
        wrong(Candidate::new(on_the_loop::clears_the_session), "the_session_is_kept"),
        wrong(Candidate::new(on_a_worker::clears_the_session_sync), "the_session_is_kept"),
        wrong(Candidate::new(on_the_loop::drives_async_views_on_a_worker), "an_async_view_never_leaves_the_loop"),
        wrong(Candidate::new(on_the_loop::blocks_the_loop), "a_sync_view_never_holds_up_the_loop"),
        wrong(Candidate::new(on_the_loop::naps_on_the_loop), "the_loop_is_never_blocked_for_long"),
        wrong(Candidate::new(on_the_loop::computes_on_the_loop), "the_loop_is_never_blocked_for_long"),
        wrong(Candidate::new(on_the_loop::crosses_twice), "at_most_one_crossing"),
        wrong(Candidate::new(on_a_worker::locks_the_worker), "a_waiting_view_does_not_delay_others"),
        wrong(Candidate::new(on_the_loop::one_at_a_time), "a_waiting_view_does_not_delay_others"),
        wrong(Candidate::new(on_a_worker::keeps_its_worker), "one_worker_is_enough"),
        wrong(Candidate::new(on_the_loop::reads_the_body_on_a_worker), "a_slow_body_holds_no_worker"),
    ]
}

fn wrong_with_clients() -> Vec<Wrong> {
    use between_clients as zoo;

    let tells = "one_client_learns_nothing_of_another";
    let opens = "every_door_is_shut";
    let fails = "a_refusal_is_the_clients_affair";
    vec![
        wrong(Candidate::new(zoo::parks_the_name), tells),
        wrong(Candidate::new(zoo::parks_the_name_sync), tells),
        wrong(Candidate::new(zoo::remembers_the_last_user), tells),
        wrong(Candidate::new(zoo::tells_the_last_question), tells),
        wrong(Candidate::new(zoo::hands_on_the_cookies), tells),
        wrong(refusing(zoo::forgets_put_and_delete), opens),
        wrong(refusing(zoo::forgets_put_and_delete_sync), opens),
        wrong(refusing(zoo::checks_forms_alone), opens),
        wrong(refusing(zoo::believes_x_forwarded_for), opens),
        wrong(refusing(zoo::believes_x_forwarded_user), opens),
        wrong(refusing(zoo::obeys_the_method_override), opens),
        wrong(refusing(zoo::believes_in_localhost), opens),
        wrong(refusing(zoo::lets_probes_in), opens),
        wrong(refusing(zoo::reads_the_role_from_a_cookie), opens),
        wrong(refusing(zoo::refuses_with_a_500), fails),
        wrong(refusing(zoo::refuses_with_a_502), fails),
        wrong(refusing(zoo::refuses_with_an_error_sync), fails),
        wrong(refusing(zoo::checks_async_callers_alone), "the_decorated_view_can_be_called_from_either_colour"),
    ]
}

fn wrong_with_headers() -> Vec<Wrong> {
    use with_headers as zoo;

    let overwrites = "the_views_own_headers_stay";
    let adds = "what_it_adds_is_on_errors_too";
    let cookie = "no_cookie_goes_with_what_caches_may_keep";
    let writes = "the_session_is_written_only_when_it_changes";
    vec![
        wrong(Candidate::new(zoo::overwrites_vary), overwrites),
        wrong(Candidate::new(zoo::overwrites_vary_sync), overwrites),
        wrong(Candidate::new(zoo::overwrites_cache_control), overwrites),
        wrong(Candidate::new(zoo::replaces_the_views_404), overwrites),
        wrong(Candidate::new(zoo::raises_the_views_404), overwrites),
        wrong(Candidate::new(zoo::greets_with_a_cookie), cookie),
        wrong(Candidate::new(zoo::greets_with_a_cookie_sync), cookie),
        wrong(Candidate::new(zoo::secures_successes_alone), adds),
        wrong(Candidate::new(zoo::secures_successes_alone_sync), adds),
        wrong(Candidate::new(zoo::numbers_successes_alone), adds),
        wrong(Candidate::new(zoo::adds_its_header_again), "stacking_it_twice_works"),
        wrong(Candidate::new(zoo::counts_visits_in_the_session), writes),
        wrong(Candidate::new(zoo::writes_the_same_again), writes),
        wrong(Candidate::new(zoo::clears_the_session_on_errors), "the_session_is_kept"),
    ]
}

fn wrong_with_notes() -> Vec<Wrong> {
    use with_headers as zoo;

    let forgets = "what_is_noted_on_the_view_stays";
    let leaks = "what_is_counted_up_is_counted_down";
    vec![
        wrong(Candidate::new(zoo::rebuilds_the_view), forgets),
        wrong(Candidate::new(zoo::rebuilds_the_view_sync), forgets),
        wrong(zoo::leaks_its_gauge(), leaks),
        wrong(zoo::leaks_its_gauge_sync(), leaks),
        wrong(zoo::leaks_its_gauge_by_panics(), leaks),
        wrong(zoo::leaks_its_gauge_by_those_who_leave(), leaks),
        wrong(Candidate::new(zoo::naps_shortly_on_the_loop), "the_loop_is_never_blocked_for_long"),
        wrong(Candidate::new(zoo::naps_in_the_body), "the_loop_is_never_blocked_for_long"),
        wrong(Candidate::new(zoo::hides_panics_of_posts), "a_panic_is_a_500_and_the_next_request_works"),
        wrong(Candidate::new(zoo::goes_on_with_posts), "a_client_that_leaves_ends_the_view_once"),
    ]
}

fn wrong_after_failures() -> Vec<Wrong> {
    use with_failures as zoo;

    let adds = "what_it_adds_is_on_errors_too";
    let leaks = "what_is_counted_up_is_counted_down";
    let refuses = "what_keeps_failing_is_refused";
    vec![
        wrong(Candidate::new(zoo::forgets_the_preflight), adds),
        wrong(Candidate::new(zoo::forgets_the_page_after_a_panic), adds),
        wrong(refusing(zoo::refuses_without_its_headers).answers_options(), adds),
        wrong(zoo::never_counts_up(), leaks),
        wrong(zoo::leaks_its_gauge_by_posts(), leaks),
        wrong(Candidate::new(zoo::leaks_permits_of_posts), "nothing_is_used_up_by_failures"),
        wrong(Candidate::new(zoo::leaks_permits_of_successes), "nothing_is_used_up_by_failures"),
        wrong(refusing(zoo::leaks_permits_of_the_refused), "a_refused_client_shuts_no_door_for_others"),
        wrong(Candidate::new(zoo::starts_a_task_for_each_request), "nothing_outlives_its_request"),
        wrong(Candidate::new(zoo::loses_its_patience), "a_slow_view_is_run_once"),
        wrong(Candidate::new(zoo::overwrites_the_views_language), "the_views_own_headers_stay"),
        wrong(Candidate::new(zoo::a_breaker_that_never_opens).refuses_after(zoo::FAILURES), refuses),
        wrong(Candidate::new(zoo::a_breaker_that_sees_no_errors).refuses_after(zoo::FAILURES), refuses),
    ]
}

fn wrong_at_once() -> Vec<Wrong> {
    use at_once as zoo;

    let law = "no_more_run_at_once_than_it_says";
    let bulkhead = |decorator: fn(View) -> View| Candidate::new(decorator).limits_at_once(zoo::PLACES);
    vec![
        wrong(bulkhead(zoo::makes_places_for_each).named("makes_places_for_each"), law),
        wrong(bulkhead(zoo::lets_one_more_in).named("lets_one_more_in"), law),
        wrong(bulkhead(zoo::loses_the_place_of_a_failure).named("loses_the_place_of_a_failure"), law),
        wrong(bulkhead(zoo::wakes_no_one).named("wakes_no_one"), law),
        wrong(Candidate::new(zoo::shows_failures_as_in_flight), "what_is_counted_up_is_counted_down"),
        wrong(Candidate::new(zoo::shows_panics_as_in_flight), "what_is_counted_up_is_counted_down"),
    ]
}

fn wrong_about_what_is_alike() -> Vec<Wrong> {
    use alike as zoo;

    let varies = "what_depends_on_a_header_varies_by_it";
    let origins = "an_origin_is_compared_whole";
    let leads = "a_refusal_leads_to_no_other_host";
    let opens = "every_door_is_shut";
    vec![
        wrong(Candidate::new(zoo::speaks_french_to_all), varies),
        wrong(Candidate::new(zoo::speaks_french_to_all_sync), varies),
        wrong(Candidate::new(zoo::forgets_that_origins_differ), varies),
        wrong(of_the_shop(zoo::knows_origins_by_their_ends), origins),
        wrong(of_the_shop(zoo::knows_origins_by_their_beginnings), origins),
        wrong(refusing(zoo::sends_clients_anywhere), leads),
        wrong(refusing(zoo::sends_clients_to_the_host_they_name), leads),
        wrong(with_credentials(zoo::lets_in_a_part_of_the_key, "x-api-key", "k-4f1c9e27"), opens),
        wrong(with_credentials(zoo::lets_in_a_token_of_no_letters, "authorization", "Bearer t-4f1c9e27"), opens),
        wrong(Candidate::new(zoo::finds_its_tag_in_another), "a_tag_is_of_its_page"),
    ]
}

/// Makes a candidate whose client is a page of a shop.
fn of_the_shop(decorator: impl Fn(View) -> View + Send + Sync + 'static) -> Candidate {
    let allow = async |client: Client| Ok(client.with_header("origin", "https://shop.example"));
    Candidate::new(decorator).for_pages().allow(allow)
}

/// Makes a candidate that lets in the client with this header, and no other.
fn with_credentials(
    decorator: impl Fn(View) -> View + Send + Sync + 'static,
    name: &'static str,
    value: &'static str,
) -> Candidate {
    Candidate::new(decorator)
        .allow(move |client| std::future::ready(Ok(client.with_header(name, value))))
        .deny(async |client| Ok(client))
}

fn wrong_with_encodings() -> Vec<Wrong> {
    use encodings as zoo;

    let encodes = "an_encoded_body_is_the_same_body";
    vec![
        wrong(Candidate::new(zoo::loses_the_body_it_compresses), encodes),
        wrong(Candidate::new(zoo::cuts_what_it_compresses), encodes),
        wrong(Candidate::new(zoo::compresses_without_vary), encodes),
        wrong(Candidate::new(zoo::compresses_uninvited), encodes),
        wrong(Candidate::new(zoo::compresses_twice), encodes),
        wrong(Candidate::new(zoo::says_gzip_alone), encodes),
        wrong(Candidate::new(zoo::strips_the_encoding), encodes),
    ]
}

fn wrong_side_by_side() -> Vec<Wrong> {
    use side_by_side as zoo;

    let joins = "equal_requests_each_run_the_view";
    let mixes = "streams_read_in_turns_keep_apart";
    let times = "a_time_is_of_its_own_request";
    let delays = "a_waiting_view_does_not_delay_others";
    vec![
        wrong(Candidate::new(zoo::answers_equal_posts_from_memory), joins),
        wrong(Candidate::new(zoo::takes_an_equal_post_for_a_double_click), joins),
        wrong(Candidate::new(zoo::one_conversation_for_each_path), joins),
        wrong(Candidate::new(zoo::one_stream_at_a_time), mixes),
        wrong(Candidate::new(zoo::one_memory_for_all_streams), mixes),
        wrong(Candidate::new(zoo::shares_its_start_time), times),
        wrong(Candidate::new(zoo::shows_the_first_start_time), times),
        wrong(Candidate::new(zoo::shares_its_start_time_sync), times),
        wrong(Candidate::new(zoo::calls_from_a_task_of_its_own), "a_task_local_arrives"),
        wrong(Candidate::new(zoo::one_post_at_a_time), delays),
        wrong(Candidate::new(zoo::naps_on_posts), "the_loop_is_never_blocked_for_long"),
        wrong(Candidate::new(zoo::keeps_the_last_request), "a_body_left_unread_harms_no_later_request"),
        wrong(
            Candidate::new(zoo::lets_all_try_after_a_failure).shares_runs(),
            "a_failing_page_is_made_by_one_request_at_a_time",
        ),
        wrong(
            Candidate::layer("CallsInAnotherTask", in_common::CallsInAnotherTask(())),
            "the_candidate_lets_in_the_clients_it_should",
        ),
        wrong(
            Candidate::new(in_common::forgets_the_cookies_that_are_no_session).shares_runs(),
            "a_shared_answer_goes_to_no_other_client",
        ),
        wrong(
            Candidate::new(in_common::keeps_what_is_not_to_be_stored).shares_runs(),
            "a_shared_answer_goes_to_no_other_client",
        ),
        wrong(
            Candidate::new(in_common::tells_clients_apart_by_cookies_alone).shares_runs(),
            "a_shared_answer_goes_to_no_other_client",
        ),
    ]
}

fn wrong_with_requests() -> Vec<Wrong> {
    use with_requests as zoo;

    let loses = "the_request_arrives_whole";
    let fails = "an_odd_request_is_no_failure_of_the_server";
    let keeps = "nothing_outlives_its_request";
    let shuts = "a_refused_client_shuts_no_door_for_others";
    vec![
        wrong(Candidate::new(zoo::keeps_the_last_query_value), loses),
        wrong(Candidate::new(zoo::keeps_one_line_of_each_header), loses),
        wrong(Candidate::new(zoo::takes_the_method_from_a_header), loses),
        wrong(Candidate::new(zoo::cuts_long_requests).reads_body(), loses),
        wrong(Candidate::new(zoo::takes_requests_for_text).reads_body(), loses),
        wrong(Candidate::new(zoo::writes_paths_small), "view_arguments_arrive"),
        wrong(Candidate::new(zoo::unwraps_the_user_agent), fails),
        wrong(Candidate::new(zoo::fails_on_odd_cookies), fails),
        wrong(Candidate::new(zoo::slices_the_authorization), fails),
        wrong(Candidate::new(zoo::fails_without_a_number), fails),
        wrong(Candidate::new(zoo::keeps_each_request), keeps),
        wrong(Candidate::new(zoo::keeps_failed_requests), keeps),
        wrong(refusing(zoo::locks_out_all_after_refusals), shuts),
        wrong(refusing(zoo::locks_out_all_behind_one_address), shuts),
        wrong(
            Candidate::new(zoo::breaks_for_all_instances).refuses_after(with_failures::FAILURES),
            "two_instances_share_nothing",
        ),
        wrong(Candidate::new(zoo::remembers_in_a_static), "two_instances_share_nothing"),
    ]
}

fn wrong_with_bodies() -> Vec<Wrong> {
    use with_bodies as zoo;

    let spoils = "a_body_is_bytes";
    let hurries = "a_body_is_made_no_faster_than_it_is_read";
    let tags = "a_tag_is_of_its_page";
    vec![
        wrong(Candidate::new(zoo::takes_bodies_for_text), spoils),
        wrong(Candidate::new(zoo::trims_bodies), spoils),
        wrong(Candidate::new(zoo::squeezes_html), spoils),
        wrong(Candidate::new(zoo::writes_json_anew), spoils),
        wrong(Candidate::new(zoo::cuts_long_streams), spoils),
        wrong(Candidate::new(zoo::pumps_streams_ahead), hurries),
        wrong(Candidate::new(zoo::goes_on_with_the_stream), hurries),
        wrong(Candidate::new(zoo::one_tag_for_each_path), tags),
        wrong(Candidate::new(zoo::answers_304_to_posts), tags),
        wrong(Candidate::new(zoo::forgets_the_length_of_head), "head_and_options_behave"),
    ]
}

/// Makes a candidate that lets each client in up to the limit.
fn limiting(decorator: impl Fn(View) -> View + Send + Sync + 'static) -> Candidate {
    Candidate::new(decorator).limits_to(in_common::LIMIT)
}

/// Makes a candidate that asks a function which clients to let in; right with a sync function only.
fn asking() -> Candidate {
    let sync = in_common::asks(|request: Request| request.header("x-member").is_some());
    let twin = in_common::asks(async |request: Request| request.header("x-member").is_some());
    refusing(sync).named("asks").extra_crossings(1).twin(refusing(twin).named("asks, with an async function"))
}

/// Makes a candidate that lets only clients with the header `x-member` through.
fn refusing(decorator: impl Fn(View) -> View + Send + Sync + 'static) -> Candidate {
    Candidate::new(decorator)
        .allow(async |client| Ok(client.with_header("x-member", "1")))
        .deny(async |client| Ok(client))
}

/// The table for the documentation: the wrong decorators that show that a law can fail.
pub fn table() -> String {
    let mut table = "# The zoo\n\nWhich decorator, wrong on purpose, breaks which law. Made by the test `every_law_is_broken_by_a_decorator`.\n\n\
                     | law | broken by |\n|---|---|\n"
        .to_owned();
    let zoo = all();
    for law in laws::ALL {
        let by: Vec<_> =
            zoo.iter().filter(|wrong| wrong.breaks == law.name).map(|wrong| wrong.candidate.name()).collect();
        let by = if by.is_empty() { "no decorator yet".to_owned() } else { by.join(", ") };
        table.extend(["| ", &law.name.replace('_', " "), " | ", &by, " |\n"]);
    }
    table
}

//! The suite on decorators that are unusual and right, each with the declaration that says so.

mod admission;
mod responses;

use costrel_compat::{Candidate, Host, Verdict, laws, results_on};
use rstest::rstest;

const IN_PROCESS_AND_ON_A_SERVER: &[Host] = &[Host::InProcess, Host::Server];
const IN_PROCESS_AND_ON_AXUM: &[Host] = &[Host::InProcess, Host::AxumNested, Host::Axum];
const ON_HTTP2: &[Host] = &[Host::InProcess, Host::Http2];

#[rstest]
#[case::a_page_first(admission::a_page_first, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_first_visit(admission::a_first_visit, IN_PROCESS_AND_ON_A_SERVER)]
#[case::by_async_hooks(admission::by_async_hooks, IN_PROCESS_AND_ON_AXUM)]
#[case::by_sync_hooks(admission::by_sync_hooks, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_compressing_layer(responses::a_compressing_layer, IN_PROCESS_AND_ON_AXUM)]
#[case::a_compressor(responses::a_compressor, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_signature(admission::a_signature, IN_PROCESS_AND_ON_AXUM)]
#[case::a_counter(admission::a_counter, ON_HTTP2)]
#[case::a_breaker(admission::a_breaker, IN_PROCESS_AND_ON_AXUM)]
#[case::a_shared_count(admission::a_shared_count, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_trailer(responses::a_trailer, ON_HTTP2)]
#[case::a_time(responses::a_time, IN_PROCESS_AND_ON_A_SERVER)]
#[case::cors(responses::cors, ON_HTTP2)]
#[case::a_key_for_each_post(responses::a_key_for_each_post, ON_HTTP2)]
#[case::a_later_stamp(responses::a_later_stamp, ON_HTTP2)]
#[case::a_known_key(admission::a_known_key, IN_PROCESS_AND_ON_A_SERVER)]
#[case::https(admission::https, IN_PROCESS_AND_ON_AXUM)]
#[case::a_token_in_a_form(admission::a_token_in_a_form, IN_PROCESS_AND_ON_A_SERVER)]
#[case::cors_for_one_origin(responses::cors_for_one_origin, ON_HTTP2)]
#[case::a_number(responses::a_number, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_flashed_message(responses::a_flashed_message, ON_HTTP2)]
#[case::a_sliding_session(responses::a_sliding_session, IN_PROCESS_AND_ON_AXUM)]
#[case::a_bulkhead(admission::a_bulkhead, IN_PROCESS_AND_ON_A_SERVER)]
#[case::a_queue(admission::a_queue, IN_PROCESS_AND_ON_AXUM)]
#[case::a_gauge_in_a_header(responses::a_gauge_in_a_header, IN_PROCESS_AND_ON_A_SERVER)]
fn what_is_unusual_is_not_taken_for_wrong(#[case] make: fn() -> Candidate, #[case] hosts: &[Host]) {
    let failed = results_on(make, laws::ALL, hosts).filter(|result| matches!(result.verdict, Verdict::Failed(_)));
    let failed: Vec<_> = failed.map(|result| format!("{result:?}")).collect();
    assert!(failed.is_empty(), "{}: {}", failed.len(), failed[..failed.len().min(6)].join("\n"));
}

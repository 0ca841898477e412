//! The laws: the rules that every decorator must keep for the view beneath it, the app around it and the client.

mod answers;
mod context;
mod endings;
mod errors;
mod wiring;
mod visitors;
mod execution;
mod layers;
mod refusal;
mod reuse;
mod sharing;
mod encodings;
mod odd_requests;
mod alike;
mod headers;
mod side_by_side;
mod bodies;
mod level;

use std::fmt;

use costrel::Error;
use futures_util::future::BoxFuture;

use crate::fixture::{Cell, Subject};
use crate::verdict::{Checked, applies_if};

pub use level::Level;

/// A rule that every decorator must keep.
#[derive(Clone, Copy)]
pub struct Law {
    /// The name of the law, a sentence.
    pub name: &'static str,
    /// The reason for the law.
    pub why: &'static str,
    /// The remedy for a decorator that breaks the law.
    pub remedy: &'static str,
    /// The way in which the law is checked.
    pub how: &'static str,
    /// Whether the law is tried once for each colour, on the two views that answer at once.
    is_for_plain_views: bool,
    check: fn(Cell) -> BoxFuture<'static, Checked>,
}

impl Law {
    /// Replaces the check by one that finds nothing, which the tests of the zoo must notice.
    #[doc(hidden)]
    #[must_use]
    pub fn hollow(self) -> Self {
        Self { check: |_| Box::pin(std::future::ready(Ok(()))), ..self }
    }

    pub(crate) async fn check(self, cell: Cell) -> Checked {
        applies_if(self.is_tried_on(cell.subject), "it is tried once for each colour")?;
        (self.check)(cell.clone()).await?;
        applies_if(cell.has_tried(), "the law tried nothing here")
    }

    /// Whether the law is tried on this kind of view, or at least on some hosts.
    pub fn is_tried_on(self, subject: Subject) -> bool {
        subject.is_plain() || !self.is_for_plain_views
    }

    pub(crate) fn is_about_two_instances(self) -> bool {
        self.name == "two_instances_share_nothing"
    }

    /// The law of this name.
    ///
    /// # Errors
    /// If there is no such law; the message lists the laws.
    pub fn named(name: &str) -> Result<Self, Error> {
        ALL.iter().find(|law| law.name == name).copied().ok_or_else(|| {
            let known: Vec<_> = ALL.iter().map(|law| law.name).collect();
            Error::setup(format!("there is no law {name:?}; the laws are {}", known.join(", ")))
        })
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The texts of a law beside its name.
pub(crate) struct LawText {
    why: &'static str,
    remedy: &'static str,
    how: &'static str,
}

/// Hands the list of laws, in the order in which they are tried, to another macro; `plain` laws are tried once for each
/// colour, the others on `each` kind of view.
#[doc(hidden)]
#[macro_export]
macro_rules! each_law {
    ($then:path { $($args:tt)* }) => {
        $then! { $($args)*
            each execution::the_loop_is_never_blocked_for_long THE_LOOP_IS_NEVER_BLOCKED_FOR_LONG,
            each refusal::the_candidate_lets_in_the_clients_it_should THE_CANDIDATE_LETS_IN_THE_CLIENTS_IT_SHOULD,
            each context::the_context_is_the_same_before_in_and_after THE_CONTEXT_IS_THE_SAME_BEFORE_IN_AND_AFTER,
            each execution::a_sync_view_never_holds_up_the_loop A_SYNC_VIEW_NEVER_HOLDS_UP_THE_LOOP,
            each answers::the_response_passes_through_untouched THE_RESPONSE_PASSES_THROUGH_UNTOUCHED,
            plain bodies::a_tag_is_of_its_page A_TAG_IS_OF_ITS_PAGE,
            each encodings::an_encoded_body_is_the_same_body AN_ENCODED_BODY_IS_THE_SAME_BODY,
            each answers::view_arguments_arrive VIEW_ARGUMENTS_ARRIVE,
            plain bodies::a_body_is_bytes A_BODY_IS_BYTES,
            each answers::the_endpoint_name_is_kept THE_ENDPOINT_NAME_IS_KEPT,
            each answers::head_and_options_behave HEAD_AND_OPTIONS_BEHAVE,
            each reuse::an_allowed_request_runs_the_view_exactly_once AN_ALLOWED_REQUEST_RUNS_THE_VIEW_EXACTLY_ONCE,
            plain layers::inner_readiness_is_honoured INNER_READINESS_IS_HONOURED,
            plain sharing::a_limit_holds_over_all_connections A_LIMIT_HOLDS_OVER_ALL_CONNECTIONS,
            plain sharing::no_more_run_at_once_than_it_says NO_MORE_RUN_AT_ONCE_THAN_IT_SAYS,
            plain sharing::requests_at_once_share_one_run REQUESTS_AT_ONCE_SHARE_ONE_RUN,
            plain sharing::a_lost_run_leaves_no_request_waiting A_LOST_RUN_LEAVES_NO_REQUEST_WAITING,
            plain sharing::a_failing_page_is_made_by_one_request_at_a_time A_FAILING_PAGE_IS_MADE_BY_ONE_REQUEST_AT_A_TIME,
            plain sharing::a_shared_answer_goes_to_no_other_client A_SHARED_ANSWER_GOES_TO_NO_OTHER_CLIENT,
            each refusal::a_denied_request_does_not_run_the_view A_DENIED_REQUEST_DOES_NOT_RUN_THE_VIEW,
            each refusal::hooks_still_run_around_a_denied_request HOOKS_STILL_RUN_AROUND_A_DENIED_REQUEST,
            each refusal::a_denied_request_never_touches_a_worker A_DENIED_REQUEST_NEVER_TOUCHES_A_WORKER,
            plain reuse::callbacks_of_either_colour_behave_alike CALLBACKS_OF_EITHER_COLOUR_BEHAVE_ALIKE,
            each errors::errors_reach_the_handlers ERRORS_REACH_THE_HANDLERS,
            plain visitors::every_door_is_shut EVERY_DOOR_IS_SHUT,
            plain alike::a_refusal_leads_to_no_other_host A_REFUSAL_LEADS_TO_NO_OTHER_HOST,
            plain odd_requests::a_refused_client_shuts_no_door_for_others A_REFUSED_CLIENT_SHUTS_NO_DOOR_FOR_OTHERS,
            plain visitors::a_refusal_is_the_clients_affair A_REFUSAL_IS_THE_CLIENTS_AFFAIR,
            plain odd_requests::an_odd_request_is_no_failure_of_the_server AN_ODD_REQUEST_IS_NO_FAILURE_OF_THE_SERVER,
            plain headers::the_views_own_headers_stay THE_VIEWS_OWN_HEADERS_STAY,
            plain alike::what_depends_on_a_header_varies_by_it WHAT_DEPENDS_ON_A_HEADER_VARIES_BY_IT,
            plain alike::an_origin_is_compared_whole AN_ORIGIN_IS_COMPARED_WHOLE,
            plain headers::what_it_adds_is_on_errors_too WHAT_IT_ADDS_IS_ON_ERRORS_TOO,
            plain odd_requests::nothing_outlives_its_request NOTHING_OUTLIVES_ITS_REQUEST,
            plain wiring::what_is_counted_up_is_counted_down WHAT_IS_COUNTED_UP_IS_COUNTED_DOWN,
            each errors::a_panic_is_a_500_and_the_next_request_works A_PANIC_IS_A_500_AND_THE_NEXT_REQUEST_WORKS,
            each context::no_context_leaks_to_the_next_request NO_CONTEXT_LEAKS_TO_THE_NEXT_REQUEST,
            plain endings::a_streamed_body_is_not_buffered A_STREAMED_BODY_IS_NOT_BUFFERED,
            plain side_by_side::streams_read_in_turns_keep_apart STREAMS_READ_IN_TURNS_KEEP_APART,
            plain bodies::a_body_is_made_no_faster_than_it_is_read A_BODY_IS_MADE_NO_FASTER_THAN_IT_IS_READ,
            each context::interleaved_requests_never_mix INTERLEAVED_REQUESTS_NEVER_MIX,
            each context::the_session_is_kept THE_SESSION_IS_KEPT,
            plain headers::the_session_is_written_only_when_it_changes THE_SESSION_IS_WRITTEN_ONLY_WHEN_IT_CHANGES,
            plain headers::no_cookie_goes_with_what_caches_may_keep NO_COOKIE_GOES_WITH_WHAT_CACHES_MAY_KEEP,
            each reuse::the_decorated_view_can_be_called_from_either_colour THE_DECORATED_VIEW_CAN_BE_CALLED_FROM_EITHER_COLOUR,
            each execution::an_async_view_never_leaves_the_loop AN_ASYNC_VIEW_NEVER_LEAVES_THE_LOOP,
            plain context::a_task_local_arrives A_TASK_LOCAL_ARRIVES,
            each execution::at_most_one_crossing AT_MOST_ONE_CROSSING,
            each execution::a_waiting_view_does_not_delay_others A_WAITING_VIEW_DOES_NOT_DELAY_OTHERS,
            each execution::one_worker_is_enough ONE_WORKER_IS_ENOUGH,
            each side_by_side::equal_requests_each_run_the_view EQUAL_REQUESTS_EACH_RUN_THE_VIEW,
            plain side_by_side::a_slow_view_is_run_once A_SLOW_VIEW_IS_RUN_ONCE,
            plain side_by_side::a_time_is_of_its_own_request A_TIME_IS_OF_ITS_OWN_REQUEST,
            plain visitors::one_client_learns_nothing_of_another ONE_CLIENT_LEARNS_NOTHING_OF_ANOTHER,
            each reuse::stacking_it_twice_works STACKING_IT_TWICE_WORKS,
            each answers::the_request_arrives_whole THE_REQUEST_ARRIVES_WHOLE,
            plain wiring::two_instances_share_nothing TWO_INSTANCES_SHARE_NOTHING,
            plain wiring::what_is_noted_on_the_view_stays WHAT_IS_NOTED_ON_THE_VIEW_STAYS,
            plain execution::a_slow_body_holds_no_worker A_SLOW_BODY_HOLDS_NO_WORKER,
            plain endings::a_broken_body_stays_broken A_BROKEN_BODY_STAYS_BROKEN,
            plain endings::trailers_arrive TRAILERS_ARRIVE,
            each endings::a_client_that_leaves_ends_the_view_once A_CLIENT_THAT_LEAVES_ENDS_THE_VIEW_ONCE,
            plain endings::a_body_left_unread_harms_no_later_request A_BODY_LEFT_UNREAD_HARMS_NO_LATER_REQUEST,
            each errors::what_keeps_failing_is_refused WHAT_KEEPS_FAILING_IS_REFUSED,
            plain errors::nothing_is_used_up_by_failures NOTHING_IS_USED_UP_BY_FAILURES,
        }
    };
}

macro_rules! table_of_laws {
    ($($subjects:ident $family:ident::$name:ident $text:ident,)*) => {
        /// Every law, in the order in which they are tried.
        ///
        #[doc = include_str!("../LAWS.md")]
        pub const ALL: &[Law] = &[$(
            Law {
                name: stringify!($name),
                why: $family::$text.why,
                remedy: $family::$text.remedy,
                how: $family::$text.how,
                is_for_plain_views: table_of_laws!(@ $subjects),
                check: |cell| Box::pin($family::$name(cell)),
            },
        )*];
    };
    (@ plain) => { true };
    (@ each) => { false };
}

each_law! { table_of_laws {} }

/// The laws as a list for the documentation.
#[doc(hidden)]
pub fn list() -> String {
    let line = |law: &Law| format!("- `{}`: {} *Checked*: {}", law.name, law.why, law.how);
    ALL.iter().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

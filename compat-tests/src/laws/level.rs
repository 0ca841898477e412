//! The levels: which laws matter most.

use std::fmt;

use super::Law;

/// The level of a law, and the one that a candidate reaches by keeping all laws up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Laws that must never be broken: data that others see, doors that stand open, answers and work that are lost,
    /// servers that stand still.
    Core,
    /// All other laws: what makes a decorator pleasant to use beside others.
    Full,
}

impl Level {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Law {
    /// The level of the law.
    ///
    /// ```
    /// use costrel_compat::{Law, Level};
    ///
    /// assert_eq!(Law::named("every_door_is_shut")?.level(), Level::Core);
    /// assert_eq!(Law::named("the_endpoint_name_is_kept")?.level(), Level::Full);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn level(&self) -> Level {
        if CORE.contains(&self.name) { Level::Core } else { Level::Full }
    }
}

/// The laws of the level [`Core`](Level::Core).
const CORE: [&str; 27] = [
    "the_loop_is_never_blocked_for_long",
    "the_candidate_lets_in_the_clients_it_should",
    "the_context_is_the_same_before_in_and_after",
    "a_sync_view_never_holds_up_the_loop",
    "the_response_passes_through_untouched",
    "view_arguments_arrive",
    "an_allowed_request_runs_the_view_exactly_once",
    "a_limit_holds_over_all_connections",
    "a_lost_run_leaves_no_request_waiting",
    "a_shared_answer_goes_to_no_other_client",
    "a_denied_request_does_not_run_the_view",
    "hooks_still_run_around_a_denied_request",
    "callbacks_of_either_colour_behave_alike",
    "errors_reach_the_handlers",
    "every_door_is_shut",
    "a_panic_is_a_500_and_the_next_request_works",
    "no_context_leaks_to_the_next_request",
    "interleaved_requests_never_mix",
    "the_session_is_kept",
    "no_cookie_goes_with_what_caches_may_keep",
    "a_waiting_view_does_not_delay_others",
    "one_worker_is_enough",
    "one_client_learns_nothing_of_another",
    "the_request_arrives_whole",
    "a_broken_body_stays_broken",
    "a_client_that_leaves_ends_the_view_once",
    "nothing_is_used_up_by_failures",
];

#[cfg(test)]
mod tests {
    use super::{CORE, Law};

    #[test]
    fn every_law_of_the_core_exists() {
        assert!(CORE.iter().all(|name| Law::named(name).is_ok()));
    }
}

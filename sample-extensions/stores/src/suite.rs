//! The suite for stores: laws that every store keeps, as tests.

mod counting; // laws of counters
mod keeping; // laws of values
mod failing; // what a store owes while its server has trouble
mod fixture; // a store with what its trial needs
mod trouble; // stores whose server has trouble

use costrel::{App, Error};

pub use fixture::Fixture;
pub use trouble::{Trouble, Troubled, Troubles};

use crate::counters::Counters;
use crate::entries::Entries;

/// Makes a module of tests: every law of counters, or of values, on a store; each a test `name::law`.
///
/// ```
/// use std::sync::Arc;
/// use costrel_ext_kit::Clock;
/// use costrel_stores::suite::Fixture;
/// use costrel_stores::{Counters, MemoryCounters, store_suite};
///
/// fn fixture() -> Fixture<dyn Counters> {
///     let clock = Clock::manual();
///     let store = || Arc::new(MemoryCounters::new().clock(clock.clone()));
///     // The store, and that of another app beside it.
///     Fixture::<dyn Counters>::new(store(), store()).clock(clock.clone())
/// }
///
/// store_suite!(suite_of_memory, counters: fixture());
/// ```
#[macro_export]
macro_rules! store_suite {
    ($name:ident, counters: $fixture:expr) => {
        $crate::each_law_of_counters! { $crate::store_suite { @tests $name, $fixture, Counters; } }
    };
    ($name:ident, entries: $fixture:expr) => {
        $crate::each_law_of_entries! { $crate::store_suite { @tests $name, $fixture, Entries; } }
    };
    (@tests $name:ident, $fixture:expr, $kind:ident; $($law:ident $why:literal,)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "what the fixture names, if anything")]
            use super::*;

            $(
                #[test]
                fn $law() {
                    $crate::suite::check::<dyn $crate::$kind>(stringify!($law), $fixture);
                }
            )*
        }
    };
}

/// Hands the laws of counters to a macro: name, and why it matters.
#[doc(hidden)]
#[macro_export]
macro_rules! each_law_of_counters {
    ($($to:ident)::+ { $($args:tt)* }) => { $($to)::+! { $($args)*
        as_many_hits_are_allowed_as_the_limit_says "a limit that counts wrong admits what it should not, or refuses what it should admit",
        what_costs_more_takes_more "a request may cost more than one",
        threads_get_no_more_than_the_limit "requests of sync code run at a time",
        tasks_get_no_more_than_the_limit "requests of async code run at a time",
        a_window_ends_in_time "a client that has to wait too long stays away, one that need not wait is not limited",
        a_client_that_waits_as_told_is_admitted "Retry-After is a promise",
        a_request_that_one_limit_refuses_is_charged_to_none "or a client is refused for requests that it never got",
        in_order_stops_at_the_first_refusal "an app in Flask counts so on the same server",
        each_goes_on_after_a_refusal "an app in Flask may count so on the same server",
        a_test_charges_nothing "headers are made by tests",
        a_refused_hit_leaves_no_trace "or a client that comes too often is never admitted again",
        keys_of_any_text_are_told_apart "clients choose keys",
        a_prefix_is_forgotten_and_nothing_else "an app that resets its limits must not reset those of others",
        another_app_is_left_alone "several apps share a server",
        a_call_that_is_dropped_holds_nothing_up "clients leave at any time",
        a_slow_server_is_left_at_its_deadline "or each request waits for it, one after the other",
        nothing_is_lost_at_failover "or a client gets its limit anew each time that the server restarts",
    } };
}

/// Hands the laws of values to a macro: name, and why it matters.
#[doc(hidden)]
#[macro_export]
macro_rules! each_law_of_entries {
    ($($to:ident)::+ { $($args:tt)* }) => { $($to)::+! { $($args)*
        a_value_is_there_until_its_timeout "a page that is too old is wrong",
        a_new_value_has_its_own_timeout "or it ends with the one before it",
        a_value_of_any_bytes_comes_back_unchanged "pages are compressed, pictures, or empty",
        keys_of_any_text_are_told_apart "clients choose paths",
        of_all_tasks_one_adds "or several fill in the same page",
        of_all_threads_one_adds "or several fill in the same page",
        a_lock_is_released_by_its_owner_alone "a filler that took too long must not release the next one's lock",
        a_lock_whose_owner_left_ends_in_time "clients leave at any time, and processes end",
        a_value_is_replaced_by_one_that_knows_it "or a request undoes what another has saved meanwhile",
        of_all_tasks_one_replaces "or of two changes at a time one is lost",
        removing_tells_what_was_there "the caller may have to know",
        a_prefix_is_removed_and_nothing_else "an app that clears its cache must not clear that of others",
        another_app_is_left_alone "several apps share a server",
        a_slow_server_is_left_at_its_deadline "or each request waits for it, one after the other",
        nothing_is_lost_at_failover "or what was kept is made again each time that the network has a hitch",
    } };
}

/// A kind of store that has laws.
pub trait Kind: Send + Sync + 'static {
    /// The names of the laws, each with the reason for it.
    const LAWS: &'static [(&'static str, &'static str)];

    /// Tries a law on a store.
    #[doc(hidden)]
    fn check(law: &str, fixture: Fixture<Self>) -> impl Future<Output = Result<(), Error>> + Send;
}

macro_rules! kinds {
    (@laws $kind:ident $room:ident; $($law:ident $why:literal,)*) => {
        impl Kind for dyn $kind {
            const LAWS: &'static [(&'static str, &'static str)] = &[$((stringify!($law), $why)),*];

            async fn check(law: &str, fixture: Fixture<Self>) -> Result<(), Error> {
                match law {
                    $(stringify!($law) => $room::$law(fixture).await,)*
                    _ => Err(Error::setup(format!("there is no law {law:?}"))),
                }
            }
        }
    };
}

crate::each_law_of_counters! { kinds { @laws Counters counting; } }
crate::each_law_of_entries! { kinds { @laws Entries keeping; } }

/// Tries a law in a request of an app, as extensions call stores.
///
/// # Errors
/// What the store did that it must not.
pub fn try_law<K: Kind + ?Sized>(law: &'static str, fixture: Fixture<K>) -> Result<(), Error> {
    let mut app = App::new("suite");
    // The laws of threads need a worker for each of them.
    app.config.threads = None;
    app.route("/", move || {
        let fixture = fixture.clone();
        async move { K::check(law, fixture).await.err().map(|error| error.message().to_owned()).unwrap_or_default() }
    });
    match app.test_client().get("/").wait()?.text() {
        broken if broken.is_empty() => Ok(()),
        broken => Err(Error::setup(broken)),
    }
}

/// Runs one test, which fails with what the store did and the reason for the law if the store breaks it.
///
/// # Panics
/// If the store breaks the law, or if there is no such law.
#[track_caller]
pub fn check<K: Kind + ?Sized>(law: &'static str, fixture: Fixture<K>) {
    let why = K::LAWS.iter().find(|(name, _)| *name == law).map_or("", |(_, why)| why);
    if let Err(error) = try_law(law, fixture) {
        let rule = law.replace('_', " ");
        panic!("the store breaks the law \"{rule}\"\n  {}\n  why it matters: {why}", error.message());
    }
}

//! The suite as tests.

use crate::candidate::Candidate;
use crate::host::Host;
use crate::laws::Law;
use crate::subject::Subject;
use crate::trial::{Verdict, try_one};

/// One test: fails, with the fault and the reason for the law, if the law is broken. Where the law has no meaning it
/// says so on its output, which `cargo test -- --show-output` shows.
///
/// # Panics
/// If it is broken, or if there is no such law.
#[track_caller]
#[allow(clippy::print_stdout, reason = "a test has no other way to say that it tried nothing")]
pub fn check(candidate: &Candidate, law: &str, subject: Subject, host: Host) {
    let law = Law::named(law).unwrap_or_else(|error| panic!("{error}"));
    match try_one(candidate, law, subject, host) {
        Verdict::Passed => {}
        Verdict::DoesNotApply(why) => println!("does not apply: {why}"),
        Verdict::Failed(fault) => {
            let rule = law.name.replace('_', " ");
            panic!(
                "`{}` breaks the law \"{rule}\"\n  {fault}\n  why it matters: {}\n  what to do: {}",
                candidate.name(),
                law.why,
                fault.mend(law.mend)
            );
        }
    }
}

/// Makes a module of tests: every law on every subject and host, each a test `name::law::subject::host`.
///
/// ```
/// use costrel_compat::{Candidate, suite};
///
/// fn nothing(view: costrel::View) -> costrel::View {
///     view
/// }
///
/// suite!(suite_of_nothing, Candidate::new(nothing));
/// ```
#[macro_export]
macro_rules! suite {
    ($name:ident, $candidate:expr) => {
        $crate::each_law! { $crate::suite { @laws $name, $candidate; } }
    };
    (@laws $name:ident, $candidate:expr; $($family:ident::$law:ident: $why:literal => $mend:literal by $how:literal,)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "what the candidate names, if anything")]
            use super::*;

            // Its name must be none of the user's.
            fn __candidate() -> $crate::Candidate {
                $candidate
            }

            $(
                mod $law {
                    $crate::suite! { @subjects $law;
                        sync_fn SyncFn, sync_blocking SyncBlocking, async_fn AsyncFn, async_waiting AsyncWaiting,
                        sync_method SyncMethod, async_method AsyncMethod, dispatch_request DispatchRequest,
                        in_blueprint InBlueprint, streaming Streaming, iterating Iterating, empty_body EmptyBody,
                        large_body LargeBody, sync_failing SyncFailing, async_failing AsyncFailing,
                        sync_socket SyncSocket, async_socket AsyncSocket,
                    }
                }
            )*
        }
    };
    (@subjects $law:ident; $($module:ident $subject:ident,)*) => {
        $(
            mod $module {
                $crate::suite! { @hosts $law $subject;
                    in_process InProcess, server Server, server_of_threads ServerOfThreads, threaded Threaded,
                    threaded_of_four ThreadedOfFour, hyper Hyper, axum Axum,
                }
            }
        )*
    };
    (@hosts $law:ident $subject:ident; $($test:ident $host:ident,)*) => {
        $(
            #[test]
            fn $test() {
                let candidate = super::super::__candidate();
                $crate::check(&candidate, stringify!($law), $crate::Subject::$subject, $crate::Host::$host);
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists in the macro above are those of the types.
    #[test]
    fn the_macro_knows_every_subject_and_host() {
        let source = include_str!("suite.rs");
        for name in Subject::ALL.map(Subject::name).into_iter().chain(Host::ALL.map(Host::name)) {
            assert!(source.contains(&format!(" {name} ")), "{name} is missing in `suite!`");
        }
    }
}

//! The suite as tests.

use crate::fixture::{Candidate, Host, Subject};
use crate::laws::Law;
use crate::report::Explanation;
use crate::runner::{candidate_for, try_one};
use crate::verdict::Verdict;

/// Runs one test, which fails with the failure and the reason for the law if the candidate breaks the law.
///
/// Where the law does not apply, the test prints the reason, which `cargo test -- --show-output` shows.
///
/// # Panics
/// If the candidate breaks the law, or if there is no such law.
#[track_caller]
pub fn check(make: impl Fn() -> Candidate, law: &str, subject: Subject, host: Host) {
    check_cell(make, law, subject, host, None);
}

/// Runs a test of the module `suite` that [`suite!`] made in `package`.
#[doc(hidden)]
pub fn check_in(
    (suite, package): (&str, Option<&str>),
    make: impl Fn() -> Candidate,
    law: &str,
    subject: Subject,
    host: Host,
) {
    // The name of the crate is no part of the name by which `cargo test` knows the test.
    let suite = suite.split_once("::").map_or(suite, |(_, suite)| suite);
    let package = package.map(|package| format!("-p {package} ")).unwrap_or_default();
    let test = format!("{suite}::{law}::{}::{}", subject.name(), host.name());
    check_cell(make, law, subject, host, Some(format!("cargo test {package}-- --exact {test}")));
}

#[track_caller]
#[allow(clippy::print_stdout, reason = "a test has no other way to say that it tried nothing")]
fn check_cell(make: impl Fn() -> Candidate, law: &str, subject: Subject, host: Host, repeat: Option<String>) {
    let law = Law::named(law).unwrap_or_else(|error| panic!("{error}"));
    let candidate = candidate_for(make, law);
    match try_one(&candidate, law, subject, host) {
        Verdict::Passed => {}
        Verdict::DoesNotApply(why) => println!("does not apply: {why}"),
        Verdict::Failed(failure) => {
            let place = format!("{}, {}", subject.name(), host.name());
            panic!("{}", Explanation { candidate: candidate.name(), law, failure: &failure, place, repeat });
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
    (@laws $name:ident, $candidate:expr; $($subjects:ident $family:ident::$law:ident $text:ident,)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "what the candidate names, if anything")]
            use super::*;

            // The name has underscores, so that it does not clash with a name of the user's. A test is one call of it,
            // because there are thousands of tests to compile.
            fn __check(law: &str, subject: $crate::Subject, host: $crate::Host) {
                let suite = (module_path!(), option_env!("CARGO_PKG_NAME"));
                $crate::check_in(suite, || $candidate, law, subject, host);
            }

            $(
                mod $law {
                    $crate::suite! { @$subjects $law }
                }
            )*
        }
    };
    (@each $law:ident) => {
        $crate::each_subject! { $crate::suite { @subjects $law; } }
    };
    (@plain $law:ident) => {
        $crate::suite! { @subjects $law; sync_fn SyncFn "", async_fn AsyncFn "", }
    };
    (@subjects $law:ident; $($module:ident $subject:ident $about:literal,)*) => {
        $(
            mod $module {
                $crate::suite! { @subject $subject $law }
            }
        )*
    };
    (@subject SyncFn $law:ident) => {
        $crate::each_host! { $crate::suite { @hosts $law SyncFn; } }
    };
    (@subject AsyncFn $law:ident) => {
        $crate::each_host! { $crate::suite { @hosts $law AsyncFn; } }
    };
    (@subject $subject:ident $law:ident) => {
        $crate::each_host_of_its_own! { $crate::suite { @hosts $law $subject; } }
    };
    (@hosts $law:ident $subject:ident; $($test:ident $host:ident $about:literal,)*) => {
        $(
            #[test]
            fn $test() {
                super::super::__check(stringify!($law), $crate::Subject::$subject, $crate::Host::$host);
            }
        )*
    };
}

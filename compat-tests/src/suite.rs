//! The suite as tests.

use crate::fixture::{Candidate, Host, Subject};
use crate::laws::Law;
use crate::report::Explanation;
use crate::runner::{candidate_for, results_with, run_on, try_one};
use crate::verdict::Verdict;

/// Runs one test, which fails with the failure and the reason for the law if the candidate breaks the law.
///
/// Where the law does not apply, the test prints the reason, which `cargo test -- --show-output` shows.
///
/// # Panics
/// If the candidate breaks the law, or if there is no such law.
#[track_caller]
pub fn check(make: impl Fn() -> Candidate, law: &str, subject: Subject, host: Host) {
    let law = law_named(law);
    let verdict = try_one(|| candidate_for(&make, law), law, subject, host);
    if let Verdict::Failed(failure) = &verdict {
        let place = format!("{}, {}", subject.name(), host.name());
        panic!("{}", Explanation { candidate: make().name(), law, failure, place, repeat: None });
    }
    say_why_not(host, &verdict);
}

/// Tries every law on every subject, on these hosts alone: for a decorator that shares its code with one that [`suite!`](crate::suite) tries on all
/// of them, in a fraction of the time.
///
/// ```
/// use costrel_compat::{Candidate, Host, check_on};
///
/// fn nothing(view: costrel::View) -> costrel::View {
///     view
/// }
///
/// check_on(|| Candidate::new(nothing), &[Host::InProcess]);
/// ```
///
/// # Panics
/// If the candidate breaks a law, with the failure and the reason for the law.
#[track_caller]
pub fn check_on(make: impl Fn() -> Candidate + Sync, hosts: &[Host]) {
    let report = run_on(make, hosts);
    if let Some((cell, failure)) = report.failures().next() {
        let place = format!("{}, {}", cell.subject.name(), cell.host.name());
        panic!("{}", Explanation { candidate: &report.candidate, law: cell.law, failure, place, repeat: None });
    }
}

/// Runs a test of the module `suite` that [`suite!`](crate::suite) made in `package`: the law on every host that has the subject.
#[doc(hidden)]
pub fn check_in((suite, package): (&str, Option<&str>), make: impl Fn() -> Candidate, law: &str, subject: Subject) {
    // The name of the crate is no part of the name by which `cargo test` knows the test.
    let suite = suite.split_once("::").map_or(suite, |(_, suite)| suite);
    let package = package.map(|package| format!("-p {package} ")).unwrap_or_default();
    let test = format!("{suite}::{law}::{}", subject.name());
    let law = law_named(law);
    let cells: Vec<_> = results_with(&make, law, subject).collect();
    let broken: Vec<_> = cells.iter().filter_map(|cell| Some((cell.host.name(), cell.failure()?))).collect();
    if let [(_, failure), ..] = &broken[..] {
        let hosts: Vec<_> = broken.iter().map(|(host, _)| *host).collect();
        let place = format!("{}, {}", subject.name(), hosts.join(", "));
        let repeat = Some(format!("cargo test {package}-- --exact {test}"));
        panic!("{}", Explanation { candidate: make().name(), law, failure, place, repeat });
    }
    for cell in &cells {
        say_why_not(cell.host, &cell.verdict);
    }
}

fn law_named(name: &str) -> Law {
    Law::named(name).unwrap_or_else(|error| panic!("{error}"))
}

/// Prints the reason for which a law does not apply.
#[allow(clippy::print_stdout, reason = "a test has no other way to say that it tried nothing")]
fn say_why_not(host: Host, verdict: &Verdict) {
    if let Verdict::DoesNotApply(why) = verdict {
        println!("{}: does not apply: {why}", host.name());
    }
}

/// Makes a module of tests: every law on every subject, each a test `name::law::subject` that tries all hosts.
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
            // because there are hundreds of tests to compile.
            fn __check(law: &str, subject: $crate::Subject) {
                let suite = (module_path!(), option_env!("CARGO_PKG_NAME"));
                $crate::check_in(suite, || $candidate, law, subject);
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
            #[test]
            fn $module() {
                super::__check(stringify!($law), $crate::Subject::$subject);
            }
        )*
    };
}

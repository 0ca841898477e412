//! The suite as tests.

use crate::candidate::Candidate;
use crate::host::Host;
use crate::laws::Law;
use crate::report::{Verdict, try_one};
use crate::subject::Subject;

/// One test: fails, with the fault and the reason for the law, if the law is broken.
///
/// # Panics
/// If it is, or if there is no such law.
#[track_caller]
pub fn check(candidate: &Candidate, law: &str, subject: Subject, host: Host) {
    let law = Law::named(law).unwrap_or_else(|error| panic!("{error}"));
    if let Verdict::Failed(fault) = try_one(candidate, law, subject, host) {
        let rule = law.name.replace('_', " ");
        panic!("`{}` breaks the law \"{rule}\"\n  {fault}\n  why it matters: {}", candidate.name(), law.why);
    }
}

/// Makes a module of tests: every law on every subject and host, `name::law::subject::host`.
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
        $crate::each_law! { $crate::suite { @tests $name, $candidate; } }
    };
    (@tests $name:ident, $candidate:expr; $($family:ident::$law:ident: $why:literal,)*) => {
        mod $name {
            #[allow(unused_imports, reason = "what the candidate names, if anything")]
            use super::*;
            // By their short names, which become the names of the tests.
            use $crate::Host::{InProcess, Server};
            use $crate::Subject::{AsyncFailing, AsyncFn, AsyncWaiting, SyncFailing, SyncFn};

            $(
                #[$crate::rstest::rstest]
                fn $law(
                    #[values(SyncFn, AsyncFn, AsyncWaiting, SyncFailing, AsyncFailing)] subject: $crate::Subject,
                    #[values(InProcess, Server)] host: $crate::Host,
                ) {
                    $crate::check(&$candidate, stringify!($law), subject, host);
                }
            )*
        }
    };
}

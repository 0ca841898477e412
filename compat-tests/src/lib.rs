//! The compatibility suite: it tests whether a decorator works on sync and async views.
//!
//! A *law* is a rule that every decorator must keep, a *subject* is a kind of view that the decorator is tried on,
//! and a *host* is a way to serve that view. [`suite!`] makes one test of each combination:
//!
//! ```
//! use costrel::{View, session};
//! use costrel_compat::Candidate;
//! use costrel_ext_kit::Decorate;
//!
//! fn members_only(view: View) -> View {
//!     view.wrapped_by_async(|next, request| async move {
//!         if request.header("x-member").is_none() {
//!             return costrel::abort(403);
//!         }
//!         next.call(request).await
//!     })
//! }
//!
//! fn candidate() -> Candidate {
//!     Candidate::new(members_only)
//!         .allow(async |client| Ok(client.with_header("x-member", "1")))
//!         .deny(async |client| Ok(client))
//! }
//!
//! costrel_compat::suite!(members_only, candidate());
//!
//! // The same without `cargo test`, as a value:
//! let report = costrel_compat::run(candidate);
//! assert_eq!(report.failures().count(), 0, "{report}");
//! ```
//!
//! [`laws`] lists the laws; [`zoo`] has decorators that are wrong on purpose, each caught by the law that
//! names its failure.

mod suite; // the suite as tests
mod command; // the suite as a command of an app
mod runner; // the suite as a function
mod report; // the results of a candidate or a route
pub mod zoo; // decorators that are wrong on purpose
pub mod laws; // the rules that every decorator must keep
mod fixture; // candidates, subjects, hosts, clients
mod verdict; // the outcome of the check of a law

pub use command::{MakeCandidate, add_command};
pub use fixture::{Candidate, Client, Host, Reply, StrictService, Subject};
pub use laws::{Law, Level};
pub use report::{CellResult, LawReport, Report, RouteReport, Standing, badge, html, json, junit};
pub use runner::{check_routes, results_on, run};
pub use suite::{check, check_in, check_on};
pub use verdict::{Failure, Verdict};

#[doc(hidden)]
pub use rstest;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

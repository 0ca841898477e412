//! Is a decorator right on sync and async views? Ask the suite.
//!
//! A *law* is one rule that every decorator must keep, a *subject* is a kind of view it is tried on, a *host*
//! is what serves that view. [`suite!`] makes one test of each combination:
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
//!         .allow(async |visitor| Ok(visitor.with_header("x-member", "1")))
//!         .deny(async |visitor| Ok(visitor))
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
//! names its fault.

mod suite;
mod command;
mod page;
mod own_routes;
mod offer;
mod report;
mod trial;
pub mod zoo;
pub mod laws;
mod stage;
mod subject;
mod candidate;
mod host;
mod probe;
mod finding;
mod fault;

pub use candidate::Candidate;
pub use command::add_command;
pub use fault::Fault;
pub use host::{Host, Reply, StrictService, Visitor};
pub use laws::Law;
pub use offer::offer;
pub use own_routes::{RouteReport, check_routes};
pub use page::{html, json};
pub use report::{Report, Result as CellResult, results_on, run};
pub use subject::Subject;
pub use suite::check;
pub use trial::Verdict;

#[doc(hidden)]
pub use rstest;

//! The report on one of an app's own routes.

use std::fmt;

use costrel::StatusCode;

use crate::verdict::Failure;

/// The result of one of an app's routes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteReport {
    /// The rule of the route.
    pub rule: String,
    /// The decorators on its view, outermost first.
    pub decorators: Vec<String>,
    /// The status of GET by a client that is not signed in, if the route was tried.
    pub status: Option<StatusCode>,
    /// The failures that were found; `Err` says why the route was not tried.
    pub failures: Result<Vec<Failure>, &'static str>,
}

impl RouteReport {
    /// Whether the route has failures.
    pub fn failed(&self) -> bool {
        self.failures.as_ref().is_ok_and(|failures| !failures.is_empty())
    }

    /// The verdict in words.
    pub(super) fn verdict(&self) -> String {
        match (&self.failures, self.status) {
            (Err(why), _) => format!("not tried: {why}"),
            (Ok(failures), Some(status)) if failures.is_empty() => format!("right: {}", status.as_u16()),
            (Ok(failures), _) => {
                failures.iter().map(|failure| format!("FAILED {failure}")).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

impl fmt::Display for RouteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<30} {:<40} {}", self.rule, self.decorators.join(" > "), self.verdict())
    }
}

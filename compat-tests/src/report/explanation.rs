//! The explanation of a failure: what to know about it, and how to see it again.

use std::fmt;

use crate::laws::Law;
use crate::verdict::Failure;

/// A failure with all that its reader needs to know, as lines of text.
pub(crate) struct Explanation<'r> {
    pub(crate) candidate: &'r str,
    pub(crate) law: Law,
    pub(crate) failure: &'r Failure,
    /// The cells in which the law is broken so.
    pub(crate) place: String,
    /// The command that repeats the cell, if there is one.
    pub(crate) repeat: Option<String>,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { candidate, law, failure, place, repeat } = self;
        writeln!(f, "BROKEN {} ({}) by `{candidate}`", law.name, law.level())?;
        let sent = failure.sent.join(", ");
        let lines = [
            ("where", &**place),
            ("sent", &*sent),
            ("looked at", &*failure.what),
            ("due", &*failure.expected),
            ("seen", &*failure.seen),
            ("why", law.why),
            ("what to do", failure.remedy(law.remedy)),
            ("repeat", repeat.as_deref().unwrap_or_default()),
        ];
        lines.iter().filter(|(_, text)| !text.is_empty()).try_for_each(|(label, text)| line(f, label, text))
    }
}

/// Writes a line with its label, and text of several lines below each other.
pub(super) fn line(f: &mut impl fmt::Write, label: &str, text: &str) -> fmt::Result {
    for (n, part) in text.lines().enumerate() {
        writeln!(f, "  {:<11} {part}", if n == 0 { label } else { "" })?;
    }
    Ok(())
}

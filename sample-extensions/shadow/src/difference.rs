//! A part in which two responses differ.

use serde::Serialize;

/// A part in which the two responses differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The name of the part, such as `status`, `header location`, `cookie id: HttpOnly`, `JSON /user/age`.
    pub part: String,
    /// The part as the old app sent it; `(none)` where it sent none.
    pub old: String,
    /// The part as the new app sent it; `(none)` where it sent none.
    pub new: String,
}

/// What stands for a part that one of the two has not.
pub(crate) const NONE: &str = "(none)";

/// The number of characters that are kept of a part.
const KEPT: usize = 400;

impl Difference {
    pub(crate) fn new(part: impl Into<String>, old: &str, new: &str) -> Self {
        let kept = |text: &str| text.chars().take(KEPT).collect();
        Self { part: part.into(), old: kept(old), new: kept(new) }
    }

    /// The difference of two values; `None` if they are equal.
    pub(crate) fn of(part: impl Into<String>, old: Option<&str>, new: Option<&str>) -> Option<Self> {
        (old != new).then(|| Self::new(part, old.unwrap_or(NONE), new.unwrap_or(NONE)))
    }
}

/// The first line that differs.
pub(crate) fn text(old: &str, new: &str) -> Option<Difference> {
    let (old, new) = (old.split('\n').collect::<Vec<_>>(), new.split('\n').collect::<Vec<_>>());
    let at = (0..old.len().max(new.len())).find(|&at| old.get(at) != new.get(at))?;
    Difference::of(format!("line {}", at + 1), old.get(at).copied(), new.get(at).copied())
}

/// The first bytes that differ, and the numbers of all.
pub(crate) fn bytes(old: &[u8], new: &[u8]) -> Difference {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let side = |body: &[u8]| {
        let next = body.iter().skip(same).take(8).map(|byte| format!(" {byte:02x}")).collect::<Vec<_>>().concat();
        format!("{} bytes; from {same}:{next}", body.len())
    };
    Difference::new("body", &side(old), &side(new))
}

/// A date, as what it says: that the response has expired long ago, or that it has a date.
pub(crate) fn moment(date: &str) -> String {
    let is_past = date == "0" || date == "-1" || date.contains("1970");
    if is_past { "long ago" } else { "a date" }.to_owned()
}

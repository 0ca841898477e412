//! The faults that the lint knows.

use std::fmt;
use std::time::Duration;

/// A fault of a decorator, a view or a hook, which shows in any request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A decorator called the view beneath it again, after that had answered.
    CalledAgain,
    /// The response states another length than its body has.
    WrongLength {
        /// The `Content-Length`, as it stands there.
        stated: String,
        /// The length of the body in bytes.
        actual: u64,
    },
    /// The response has a header twice that may be there once only.
    Repeated(&'static str),
    /// Async code held a thread of the event loop for longer than [`LONGEST`](Self::LONGEST), in two requests in a row.
    BlockedTheLoop(Duration),
}

impl Fault {
    /// The longest time that async code may hold a thread of the event loop.
    pub const LONGEST: Duration = Duration::from_millis(50);
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CalledAgain => f.write_str(
                "called the view beneath it again after that had answered: call it once, or again only after an error",
            ),
            Self::WrongLength { stated, actual } => write!(
                f,
                "answered with `Content-Length: {stated}` and a body of {actual} bytes: remove the header where you change \
                 the body"
            ),
            Self::Repeated(name) => write!(
                f,
                "answered with `{name}` twice, of which clients take either or none: `insert` it instead of `append`"
            ),
            Self::BlockedTheLoop(time) => write!(
                f,
                "held a thread of the event loop for {} ms, in which no other request ran there: make the code that blocks \
                 sync, or call `sync_to_async(f)(x).await`",
                time.as_millis()
            ),
        }
    }
}

/// The facts that the lint keeps of a step beside its timeline.
#[derive(Clone, Debug, Default)]
pub(super) struct StepNotes {
    /// The step around this one.
    pub(super) around: Option<usize>,
    /// The longest stretch of time in which the step held a thread of the event loop.
    pub(super) held_the_loop: Duration,
    /// Whether the step has answered, with neither an error nor a status of 500 and above.
    pub(super) succeeded: bool,
    /// The faults of the step's response.
    pub(super) faults: Vec<Fault>,
}

//! Lines of code, and the line of a panic.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::{self, Location};
use std::sync::Once;

/// A line of code, as the compiler names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeLine {
    pub(crate) file: Cow<'static, str>,
    pub(crate) line: u32,
    column: u32,
}

/// The folder of Costrel's own code.
const OWN: &str = file!().split_at(file!().len() - "error/code_line.rs".len()).0;

impl CodeLine {
    /// The line, unless it is in Costrel's own code, which would not help the user.
    pub(super) fn of_user(location: &'static Location<'static>) -> Option<Self> {
        let (line, column) = (location.line(), location.column());
        (!location.file().starts_with(OWN)).then(|| Self { file: location.file().into(), line, column })
    }
}

impl fmt::Display for CodeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

thread_local! {
    /// The line of the last panic on this thread.
    static LAST_PANIC: Cell<Option<CodeLine>> = const { Cell::new(None) };
}

/// Notes the line of each panic from now on, beside what the process does with panics already.
pub(super) fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(place) = info.location() {
                let (file, line, column) = (place.file().to_owned().into(), place.line(), place.column());
                LAST_PANIC.set(Some(CodeLine { file, line, column }));
            }
            report(info);
        }));
    });
}

/// Takes the line of the last panic on this thread, if panics are noted.
pub(super) fn take_last_panic() -> Option<CodeLine> {
    LAST_PANIC.take()
}

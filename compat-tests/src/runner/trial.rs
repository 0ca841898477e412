//! The trial of one law on one subject and one host.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use costrel::{Error, Method};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::event_loops::run_on_a_loop;
use crate::fixture::{Candidate, Cell, Host, Subject, Unhandled};
use crate::laws::Law;
use crate::verdict::{Checked, Failure, Verdict};

/// The timeout of a check: it sends some forty requests at most, so a check that takes longer hangs.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// The extra time that an event loop gets to report that timeout.
const IN_WHICH_TO_END: Duration = Duration::from_secs(1);

/// Tries a law on a subject and a host: with GET, and with POST as well if the law leaves the method open.
///
/// The event loop runs on a thread of its own, so that a loop that is blocked for ever can be left behind.
pub(crate) fn try_one(make: impl Fn() -> Candidate, law: Law, subject: Subject, host: Host) -> Verdict {
    let (by_get, leaves_the_method) = try_with(Method::GET, make(), law, subject, host);
    let goes_on = leaves_the_method && !matches!(by_get, Verdict::Failed(_));
    // The method is the decorator's affair, not the host's or the view's.
    if !goes_on || host != Host::InProcess || !subject.is_plain() {
        return by_get;
    }
    match try_with(Method::POST, make(), law, subject, host) {
        (Verdict::DoesNotApply(_), _) => by_get,
        (by_post, _) => by_post,
    }
}

/// Tries a law with this method, and returns whether the law leaves the method to its runner.
fn try_with(verb: Method, candidate: Candidate, law: Law, subject: Subject, host: Host) -> (Verdict, bool) {
    let none = |why| (Verdict::DoesNotApply(why), false);
    // A decorator treats the response to a handshake like any other, so one law is enough for WebSockets on axum.
    if !host.is_tried_with(subject) {
        return none("the host is like another, so it is tried with plain views of each colour");
    }
    if subject.is_socket() && host == Host::Axum && law.name != "the_response_passes_through_untouched" {
        return none("a layer treats a handshake like any other request");
    }
    if subject.is_socket() && candidate.is_for_pages() {
        return none("the candidate is for pages");
    }
    let cell = Cell::new(candidate, subject, host, verb);
    let mut verdict = judge(check(law, cell.clone()), &cell.unhandled);
    if let Verdict::Failed(failure) = &mut verdict {
        failure.sent = cell.sent.lines();
    }
    (verdict, cell.leaves_the_method())
}

fn check(law: Law, cell: Cell) -> Checked {
    let checking = run_on_a_loop(cell.host, in_time(law, cell)).map_err(Error::from)?;
    match checking.recv_timeout(GIVE_UP_AFTER + IN_WHICH_TO_END) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(hangs("an event loop that is blocked").into()),
        Err(RecvTimeoutError::Disconnected) => Err(Failure::sentence("the check", "an end", "it panicked").into()),
    }
}

async fn in_time(law: Law, cell: Cell) -> Checked {
    let check = AssertUnwindSafe(law.check(cell)).catch_unwind();
    match timeout(GIVE_UP_AFTER, check).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or(panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Failure::sentence("the check", "an end", format!("a panic: {text}")).into())
        }
        Err(_) => Err(hangs("nothing").into()),
    }
}

fn hangs(seen: &str) -> Failure {
    Failure::sentence(
        "the check",
        &format!("to end within {GIVE_UP_AFTER:?}"),
        format!("{seen}: the check hangs, or is too slow"),
    )
}

fn judge(outcome: Checked, unhandled: &Unhandled) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Passed,
        Err(Verdict::Failed(mut failure)) => {
            if let Some(error) = unhandled.lock().take() {
                failure.seen = format!("{}; the app had failed with {error:?}", failure.seen);
            }
            Verdict::Failed(failure)
        }
        Err(verdict) => verdict,
    }
}

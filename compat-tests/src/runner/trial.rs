//! The trial of one law on one subject and one host, on an event loop of its own.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use costrel::Error;
use tokio::runtime::{Builder, Runtime, RuntimeMetrics};
use tokio::time::timeout;
use tracing::subscriber::NoSubscriber;

use crate::fixture::{Candidate, Cell, Host, Subject, Unhandled, mark_loop_thread};
use crate::laws::Law;
use crate::verdict::{Checked, Failure, Verdict};

/// The timeout of a check: it sends some forty requests at most, so a check that takes longer hangs.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// The extra time that an event loop gets to report that timeout.
const IN_WHICH_TO_END: Duration = Duration::from_secs(1);

/// Tries a law on a subject and a host.
///
/// The event loop runs on a thread of its own, so that a loop that is blocked for ever can be left behind.
pub(crate) fn try_one(candidate: &Candidate, law: Law, subject: Subject, host: Host) -> Verdict {
    // A decorator treats the response to a handshake like any other, so one law is enough for WebSockets on axum.
    if !host.is_tried_with(subject) {
        return Verdict::DoesNotApply("the host is like another, so it is tried with plain views of each colour");
    }
    if subject.is_socket() && host == Host::Axum && law.name != "the_response_passes_through_untouched" {
        return Verdict::DoesNotApply("a layer treats a handshake like any other request");
    }
    if subject.is_socket() && candidate.is_for_pages() {
        return Verdict::DoesNotApply("the candidate is for pages");
    }
    let unhandled = Unhandled::default();
    let cell = Cell::new(candidate.clone(), subject, host, unhandled.clone());
    let (found, outcome) = mpsc::channel();
    thread::spawn(move || {
        begin_loop_thread();
        // The receiver is gone if the check has timed out.
        let _ = found.send(on_a_loop_of_its_own(law, cell));
    });
    match outcome.recv_timeout(GIVE_UP_AFTER + IN_WHICH_TO_END) {
        Ok(outcome) => judge(outcome, &unhandled),
        Err(RecvTimeoutError::Timeout) => Verdict::Failed(hangs("an event loop that is blocked")),
        Err(RecvTimeoutError::Disconnected) => {
            Verdict::Failed(Failure::sentence("the check", "an end", "it panicked before it began"))
        }
    }
}

fn on_a_loop_of_its_own(law: Law, cell: Cell) -> Checked {
    let event_loop = event_loop(cell.host).map_err(Error::from)?;
    let check = event_loop.spawn(async move { timeout(GIVE_UP_AFTER, law.check(cell)).await });
    let outcome = event_loop.block_on(check);
    event_loop.block_on(others_end(event_loop.metrics()));
    event_loop.shutdown_background();
    outcome.map_err(Error::from)?.unwrap_or_else(|_| Err(hangs("nothing").into()))
}

/// Gives connections and servers that are about to end the turns to do so, because a task that is cut off may log an
/// error.
async fn others_end(metrics: RuntimeMetrics) {
    for _ in 0..TURNS {
        if metrics.num_alive_tasks() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The number of turns that the loop gets for that; a task that waits for anything but other tasks is not waited for.
const TURNS: usize = 500;

fn hangs(seen: &str) -> Failure {
    Failure::sentence(
        "the check",
        &format!("to end within {GIVE_UP_AFTER:?}"),
        format!("{seen}: the check hangs, or is too slow"),
    )
}

/// Builds the event loop for a host; most have a single thread, so that code which blocks it shows.
///
/// For `InProcess` the loop has the flavour that `#[tokio::test]` makes.
fn event_loop(host: Host) -> std::io::Result<Runtime> {
    match host {
        Host::InProcess => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread()
            .worker_threads(host.loop_threads())
            .on_thread_start(begin_loop_thread)
            .enable_all()
            .build(),
    }
}

/// Marks an event loop's thread and turns its log off, because the suite sends thousands of requests, many of which
/// fail on purpose.
fn begin_loop_thread() {
    mark_loop_thread();
    // The guard is never dropped, so that the log stays off for as long as the thread lives.
    std::mem::forget(tracing::subscriber::set_default(NoSubscriber::new()));
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

//! The event loops that checks run on, each check on a thread of its own.

use std::sync::mpsc::{self, Receiver};
use std::thread;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tracing::Dispatch;

use crate::fixture::{Host, mark_loop_thread};

/// Runs `check` on an event loop for `host` that runs nothing else. The receiver gets its result, or none if the check
/// panicked or blocks the loop for ever; then the loop is left behind.
pub(super) fn run_on_a_loop<R: Send + 'static>(
    host: Host,
    check: impl Future<Output = R> + Send + 'static,
) -> std::io::Result<Receiver<R>> {
    let runtime = runtime_for(host)?;
    let (found, result) = mpsc::channel();
    thread::spawn(move || {
        begin_loop_thread();
        let job = runtime.spawn(async move {
            // The receiver is gone if the check has timed out.
            let _ = found.send(check.await);
        });
        // A check that panics has sent no result.
        let _ = runtime.block_on(job);
        if runtime.block_on(others_end(&runtime)) && host == Host::InProcess {
            IDLE.lock().push(runtime);
        } else {
            runtime.shutdown_background();
        }
    });
    Ok(result)
}

/// The loops of one thread that wait for a check, because a loop for each of thousands of checks costs more than most checks.
/// The thread is new for each, so that no decorator finds in a thread-local what another check has left there; for the same
/// reason a loop with threads of its own runs one check.
static IDLE: Mutex<Vec<Runtime>> = Mutex::new(Vec::new());

/// Gives connections and servers that are about to end the turns to do so, because a task that is cut off may log an
/// error, and one that goes on may disturb the next check. Returns whether all have ended.
async fn others_end(runtime: &Runtime) -> bool {
    let metrics = runtime.metrics();
    for _ in 0..TURNS {
        if metrics.num_alive_tasks() == 0 {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// The number of turns that the loop gets for that; a task that waits for anything but other tasks is not waited for.
const TURNS: usize = 500;

/// Builds the event loop for a host; most have a single thread, so that code which blocks it shows.
///
/// For `InProcess` the loop has the flavour that `#[tokio::test]` makes.
fn runtime_for(host: Host) -> std::io::Result<Runtime> {
    match host {
        Host::InProcess => {
            let idle = IDLE.lock().pop();
            idle.map_or_else(|| Builder::new_current_thread().enable_all().build(), Ok)
        }
        _ => Builder::new_multi_thread()
            .worker_threads(host.loop_threads())
            .on_thread_start(begin_loop_thread)
            .enable_all()
            .build(),
    }
}

/// Marks an event loop's thread and turns its log off.
fn begin_loop_thread() {
    mark_loop_thread();
    turn_log_off();
}

/// Turns the log of this thread off, because the suite sends thousands of requests, many of which fail on purpose.
pub(super) fn turn_log_off() {
    // The guard is never dropped, so that the log stays off for as long as the thread lives.
    std::mem::forget(tracing::dispatcher::set_default(&Dispatch::none()));
}

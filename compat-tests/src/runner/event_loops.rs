//! The event loops that checks run on, each on a thread of its own, one check after the other.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tracing::subscriber::NoSubscriber;

use crate::fixture::{Host, mark_loop_thread};

/// Runs `check` on an event loop for `host` that runs nothing else. The receiver gets its result, or none if the check
/// panicked or blocks the loop for ever; then the loop is left behind.
pub(super) fn run_on_a_loop<R: Send + 'static>(
    host: Host,
    check: impl Future<Output = R> + Send + 'static,
) -> std::io::Result<Receiver<R>> {
    let idle = IDLE[host as usize].lock().pop();
    let event_loop = match idle {
        Some(event_loop) => event_loop,
        None => EventLoop::start(host)?,
    };
    let (found, result) = mpsc::channel();
    let job: Job = Box::pin(async move {
        // The receiver is gone if the check has timed out.
        let _ = found.send(check.await);
    });
    // The thread of a loop ends only with its process, or with a check that leaves tasks behind.
    let _ = event_loop.jobs.send((event_loop.clone(), job));
    Ok(result)
}

/// The loops that wait for a check, by host: each runs the next one, because a thread and a loop for each of thousands of
/// checks cost more than most checks.
static IDLE: [Mutex<Vec<EventLoop>>; Host::ALL.len()] = [const { Mutex::new(Vec::new()) }; Host::ALL.len()];

type Job = BoxFuture<'static, ()>;

#[derive(Clone)]
struct EventLoop {
    jobs: Sender<(EventLoop, Job)>,
}

impl EventLoop {
    fn start(host: Host) -> std::io::Result<Self> {
        let runtime = runtime_for(host)?;
        let (jobs, received) = mpsc::channel::<(Self, Job)>();
        thread::spawn(move || {
            begin_loop_thread();
            while let Ok((this, job)) = received.recv() {
                // A check that panics has sent no result.
                let _ = runtime.block_on(runtime.spawn(job));
                if !runtime.block_on(others_end(&runtime)) {
                    break;
                }
                IDLE[host as usize].lock().push(this);
            }
            runtime.shutdown_background();
        });
        Ok(Self { jobs })
    }
}

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
        Host::InProcess => Builder::new_current_thread().enable_all().build(),
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
    std::mem::forget(tracing::subscriber::set_default(NoSubscriber::new()));
}

//! A lane: sync work that must always run on the same thread.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use futures_util::future::BoxFuture;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::bridge::{Bridge, Job};
use super::crossing::{self, Waiting};
use super::worker_pool::survive;
use super::{task_local, thread_bridge};
use crate::error::Error;

/// One thread of its own, for what may be touched from one thread only: a database handle, a GUI, a C
/// library. Work runs in the order it was given; clones are the same lane.
///
/// It is asgiref's `thread_sensitive` mode. While work on the lane waits for a future, the lane does other work,
/// so that what the future waits for can run there too.
/// Waits nest: what began to wait later must be done before what began earlier can go on, so no work on a lane may wait for
/// what comes after such earlier work.
///
/// ```
/// use costrel::Lane;
///
/// let lane = Lane::new("ledger")?;
/// let here = || std::thread::current().id();
/// assert_eq!(lane.run(here).wait()?, lane.run(here).wait()?);
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Lane {
    /// Tells the thread to end when the last clone is gone.
    owner: Arc<Owner>,
}

struct Owner {
    track: Arc<Track>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.track.state.lock().closed = true;
        self.track.changed.notify_all();
    }
}

/// What a lane and its thread share.
struct Track {
    thread: OnceLock<ThreadId>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Counts the wake-ups of frames that wait on the lane's thread.
    alarms: u64,
    closed: bool,
}

impl Lane {
    /// Starts a lane; `name` is its thread's name. The thread ends with the last clone.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub fn new(name: &str) -> Result<Self, Error> {
        let track = Arc::new(Track { thread: OnceLock::new(), state: Mutex::default(), changed: Condvar::new() });
        let on_thread = Arc::clone(&track);
        let own = move || {
            on_thread.thread.get_or_init(|| thread::current().id());
            on_thread.work();
        };
        thread::Builder::new().name(name.into()).spawn(own)?;
        Ok(Self { owner: Arc::new(Owner { track }) })
    }

    /// Runs `f` on the lane, with the caller's context and tracing span: `.await` the result in async code,
    /// `.wait()` for it in sync code. On the lane already, `f` runs in place.
    ///
    /// Given up before its turn, `f` never runs.
    pub fn run<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Waiting<R> {
        let track = Arc::clone(&self.owner.track);
        let lane = self.clone();
        Waiting::new(async move {
            if track.thread.get() == Some(&thread::current().id()) {
                return Ok(f());
            }
            let result = crossing::cross(Arc::new(Rail(track)), task_local::current(), f).await;
            // Kept to here, so that the lane does not end under its work.
            drop(lane);
            result
        })
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("queued", &self.owner.track.state.lock().jobs.len()).finish_non_exhaustive()
    }
}

impl Track {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                MutexGuard::unlocked(&mut state, || survive(job));
            } else if state.closed {
                return;
            } else {
                self.changed.wait(&mut state);
            }
        }
    }

    /// Does other work until there has been another alarm than the `seen` ones.
    fn work_until_alarm(&self, seen: u64) {
        let mut state = self.state.lock();
        while state.alarms == seen {
            match state.jobs.pop_front() {
                Some(job) => MutexGuard::unlocked(&mut state, || survive(job)),
                None => self.changed.wait(&mut state),
            }
        }
    }
}

/// The lane as what a job on it waits with.
struct Rail(Arc<Track>);

impl Bridge for Rail {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.0.state.lock().jobs.push_back(job);
        self.0.changed.notify_all();
        Ok(())
    }

    fn wait(&self, mut future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        let waker = Waker::from(Arc::new(Alarm(Arc::clone(&self.0))));
        let mut context = Context::from_waker(&waker);
        loop {
            // Read before the poll, so that an alarm during it is not missed.
            let seen = self.0.state.lock().alarms;
            if let Poll::Ready(()) = future.as_mut().poll(&mut context) {
                return;
            }
            self.0.work_until_alarm(seen);
        }
    }

    fn is_event_loop(&self) -> bool {
        false
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        thread_bridge::spawn(task);
    }
}

struct Alarm(Arc<Track>);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.state.lock().alarms += 1;
        self.0.changed.notify_all();
    }
}

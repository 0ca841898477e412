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
use super::run_on_worker::run_on;
use super::waiting::Waiting;
use super::worker_pool::run_job;
use super::{default_bridge, task_local};
use crate::error::Error;

/// A thread of its own for values that must stay on one thread: a database handle, a GUI, a C library. Work runs in
/// the order it was given; clones are the same lane.
///
/// A lane is asgiref's `thread_sensitive` mode. While work on the lane waits for a future, the lane does other work,
/// so that the work that the future waits for can run there too. Waits nest: a wait that began later must end before
/// an earlier one can go on. So work on a lane must not wait for anything that earlier work does after its own wait.
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
    /// Ends the thread when the last clone is dropped.
    close_on_drop: Arc<CloseOnDrop>,
}

struct CloseOnDrop {
    lane_state: Arc<LaneState>,
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.lane_state.state.lock().closed = true;
        self.lane_state.changed.notify_all();
    }
}

/// The state that a lane shares with its thread.
struct LaneState {
    thread: OnceLock<ThreadId>,
    state: Mutex<LaneQueue>,
    changed: Condvar,
}

#[derive(Default)]
struct LaneQueue {
    jobs: VecDeque<Job>,
    /// Counts the wake-ups of the waits on the lane's thread.
    wakes: u64,
    closed: bool,
}

impl Lane {
    /// Starts a lane; `name` is its thread's name. The thread ends with the last clone.
    ///
    /// # Errors
    /// If the system cannot start another thread.
    pub fn new(name: &str) -> Result<Self, Error> {
        let lane_state =
            Arc::new(LaneState { thread: OnceLock::new(), state: Mutex::default(), changed: Condvar::new() });
        let on_thread = Arc::clone(&lane_state);
        let work = move || {
            on_thread.thread.get_or_init(|| thread::current().id());
            on_thread.work();
        };
        thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(Self { close_on_drop: Arc::new(CloseOnDrop { lane_state }) })
    }

    /// Runs `f` on the lane, with the caller's context and tracing span: `.await` the result in async code, `.wait()`
    /// for it in sync code. If the caller is on the lane already, `f` runs in place.
    ///
    /// If the result is dropped before its turn, `f` never runs.
    pub fn run<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Waiting<R> {
        let lane_state = Arc::clone(&self.close_on_drop.lane_state);
        let lane = self.clone();
        Waiting::new(async move {
            if lane_state.thread.get() == Some(&thread::current().id()) {
                return Ok(f());
            }
            let result = run_on(Arc::new(LaneBridge(lane_state)), task_local::current(), f).await;
            // Kept until here, so that the lane does not end while it has work.
            drop(lane);
            result
        })
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("queued", &self.close_on_drop.lane_state.state.lock().jobs.len())
            .finish_non_exhaustive()
    }
}

impl LaneState {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                MutexGuard::unlocked(&mut state, || run_job(job));
            } else if state.closed {
                return;
            } else {
                self.changed.wait(&mut state);
            }
        }
    }

    /// Runs queued jobs until there has been a wake-up after the `seen` ones.
    fn work_until_woken(&self, seen: u64) {
        let mut state = self.state.lock();
        while state.wakes == seen {
            match state.jobs.pop_front() {
                Some(job) => MutexGuard::unlocked(&mut state, || run_job(job)),
                None => self.changed.wait(&mut state),
            }
        }
    }
}

/// The bridge of a lane's jobs: while one of them waits, the lane runs others.
struct LaneBridge(Arc<LaneState>);

impl Bridge for LaneBridge {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.0.state.lock().jobs.push_back(job);
        self.0.changed.notify_all();
        Ok(())
    }

    fn wait(&self, mut future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        let waker = Waker::from(Arc::new(LaneWaker(Arc::clone(&self.0))));
        let mut context = Context::from_waker(&waker);
        loop {
            // Read before the poll, so that a wake-up during it is not missed.
            let seen = self.0.state.lock().wakes;
            if let Poll::Ready(()) = future.as_mut().poll(&mut context) {
                return;
            }
            self.0.work_until_woken(seen);
        }
    }

    fn is_event_loop(&self) -> bool {
        false
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        default_bridge::spawn(task);
    }
}

struct LaneWaker(Arc<LaneState>);

impl Wake for LaneWaker {
    fn wake(self: Arc<Self>) {
        self.0.state.lock().wakes += 1;
        self.0.changed.notify_all();
    }
}

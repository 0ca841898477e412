//! The pool of worker threads: a bounded number of them works at once, any number may wait.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::bridge::Job;
use super::primitives::{Condvar, Mutex, MutexGuard, thread};

/// The time that an idle worker waits for a job before its thread ends.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The time that the job of a request that has begun waits for a slot before it runs beyond them.
const PATIENCE: Duration = Duration::from_millis(50);

/// A pool of threads on which code may block. At most `slots` of them run at a time. A worker that waits for a future
/// hands its slot on, so that the work it waits for can run and nested calls cannot deadlock.
///
/// Dropping the pool lets the idle threads end; jobs already queued still run.
pub(super) struct WorkerPool {
    pool: Arc<PoolState>,
}

/// The state that the threads share. It outlives [`WorkerPool`] while one of them is busy.
pub(super) struct PoolState {
    slots: usize,
    state: Mutex<State>,
    /// Signalled when there may be a job for an idle thread.
    job_ready: Condvar,
    /// Signalled when a slot becomes free for a worker that has stopped waiting.
    slot_free: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// The jobs of requests that have begun, which go before the others.
    begun_jobs: VecDeque<Job>,
    /// Whether a thread waits to run one of them beyond the slots.
    has_overtime: bool,
    /// The jobs that run beyond the slots.
    overtime: usize,
    /// Slots in use.
    working: usize,
    /// Workers whose future is ready and that need a slot to go on; they go before new jobs.
    resuming: usize,
    /// Threads without a job that have not been called yet.
    idle: usize,
    /// Threads that have been called and have not yet woken.
    called: usize,
    /// Jobs ever begun.
    begun: u64,
    closed: bool,
}

impl State {
    fn has_jobs(&self) -> bool {
        !self.jobs.is_empty() || !self.begun_jobs.is_empty()
    }
}

impl WorkerPool {
    /// Builds a pool that runs at most `slots` jobs at a time, at least one. Threads start when they are needed.
    pub(crate) fn new(slots: usize) -> Self {
        let pool = PoolState {
            slots: slots.max(1),
            state: Mutex::default(),
            job_ready: Condvar::new(),
            slot_free: Condvar::new(),
        };
        Self { pool: Arc::new(pool) }
    }

    pub(super) fn pool(&self) -> &Arc<PoolState> {
        &self.pool
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.pool.state.lock().closed = true;
        self.pool.job_ready.notify_all();
    }
}

impl PoolState {
    /// Queues `job`; it runs as soon as a slot is free.
    ///
    /// Returns the job if it needs a thread and the system cannot start one.
    pub(super) fn submit(self: &Arc<Self>, job: Job) -> Result<(), Job> {
        let mut state = self.state.lock();
        let has_begun = job.has_begun();
        let queue = if has_begun { &mut state.begun_jobs } else { &mut state.jobs };
        queue.push_back(job);
        if self.call_worker(&mut state).is_ok() || state.working > 0 {
            return Ok(());
        }
        let queue = if has_begun { &mut state.begun_jobs } else { &mut state.jobs };
        queue.pop_back().map_or(Ok(()), Err)
    }

    /// Hands this worker's slot on, runs `wait`, and takes a slot again.
    pub(super) fn pause(self: &Arc<Self>, wait: impl FnOnce()) {
        let mut state = self.state.lock();
        self.release(&mut state);
        if self.call_worker(&mut state).is_err() {
            tracing::error!("no thread could be started for queued sync work: it waits for a worker to finish");
        }
        drop(state);
        wait();
        self.resume(&mut self.state.lock());
    }

    /// Lets a queued job go first, if there is one; called for a future that never lets its worker sleep.
    pub(super) fn give_way(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if !state.has_jobs() {
            return;
        }
        let begun = state.begun;
        self.release(&mut state);
        if self.call_worker(&mut state).is_ok() {
            while state.begun == begun && state.has_jobs() {
                self.slot_free.wait(&mut state);
            }
        }
        self.resume(&mut state);
    }

    fn release(&self, state: &mut State) {
        state.working -= 1;
        if state.resuming > 0 {
            self.slot_free.notify_all();
        }
    }

    fn resume(&self, state: &mut MutexGuard<'_, State>) {
        state.resuming += 1;
        while state.working >= self.slots {
            self.slot_free.wait(state);
        }
        state.resuming -= 1;
        state.working += 1;
    }

    /// Whether a new job may take a slot now.
    fn has_room(&self, state: &State) -> bool {
        state.working + state.resuming < self.slots
    }

    /// Wakes or starts a thread for the next job, if there is a job and a slot for it.
    fn call_worker(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        if !state.has_jobs() {
            return Ok(());
        }
        if !self.has_room(state) {
            self.begin_overtime(state);
            return Ok(());
        }
        if state.idle > 0 {
            // Counted as called at once, so that the next job calls another thread.
            state.idle -= 1;
            state.called += 1;
            self.job_ready.notify_one();
            return Ok(());
        }
        let pool = Arc::clone(self);
        thread::Builder::new().name("costrel-worker".into()).spawn(move || pool.work()).map(drop)
    }

    /// Runs jobs for the whole life of a worker thread.
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            while self.has_room(&state)
                && let Some(job) = state.begun_jobs.pop_front().or_else(|| state.jobs.pop_front())
            {
                self.run_in_slot(&mut state, job);
            }
            if !self.stay_idle(&mut state) {
                return;
            }
        }
    }

    fn run_in_slot(&self, state: &mut MutexGuard<'_, State>, job: Job) {
        state.working += 1;
        state.begun += 1;
        self.slot_free.notify_all();
        MutexGuard::unlocked(state, || run_job(job));
        self.release(state);
    }

    /// Starts a thread that runs jobs of requests that have begun beyond the slots, if none of them becomes free in time:
    /// all of them may be blocked by requests that wait for what these hold. At most as many jobs as there are slots run
    /// so, because slots that are only slow must not lead to a thread for each request.
    fn begin_overtime(self: &Arc<Self>, state: &mut State) {
        if state.begun_jobs.is_empty() || state.has_overtime || state.overtime >= self.slots {
            return;
        }
        let pool = Arc::clone(self);
        let overtime = thread::Builder::new().name("costrel-worker".into()).spawn(move || pool.work_overtime());
        state.has_overtime = overtime.is_ok();
    }

    fn work_overtime(self: &Arc<Self>) {
        let mut state = self.state.lock();
        while !state.begun_jobs.is_empty() && !self.has_room(&state) {
            // A job that begins meanwhile shows that slots become free.
            let begun = state.begun;
            let in_vain = self.slot_free.wait_for(&mut state, PATIENCE).timed_out() && state.begun == begun;
            if in_vain && let Some(job) = state.begun_jobs.pop_front() {
                state.has_overtime = false;
                state.overtime += 1;
                self.begin_overtime(&mut state);
                self.run_in_slot(&mut state, job);
                state.overtime -= 1;
                if !self.has_room(&state) {
                    self.begin_overtime(&mut state);
                }
                // The thread goes on as a worker that has just ended a job.
                drop(state);
                return self.work();
            }
        }
        state.has_overtime = false;
        drop(state);
        self.work();
    }

    /// Waits for a call. Returns false if none came and the thread should end.
    fn stay_idle(&self, state: &mut MutexGuard<'_, State>) -> bool {
        if state.closed {
            return false;
        }
        state.idle += 1;
        let timed_out = self.job_ready.wait_for(state, KEEP_ALIVE).timed_out();
        if state.called > 0 {
            state.called -= 1;
            return true;
        }
        state.idle -= 1;
        !timed_out
    }
}

/// Runs a job to its end. Jobs catch the panics of user code, so only a panic in a destructor arrives here; it is
/// caught so that the pool does not lose a slot.
pub(super) fn run_job(job: Job) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| job.run())) {
        tracing::error!("a destructor panicked after sync work");
        // Forgotten, because dropping the payload might panic again.
        std::mem::forget(payload);
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("slots", &self.pool.slots).finish_non_exhaustive()
    }
}

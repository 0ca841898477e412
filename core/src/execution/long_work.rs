//! Threads for sync work that may last, such as an event stream's iterator, and a watch that says what is stuck there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time;

use super::bridge::{Bridge, Job};
use super::default_bridge::Threads;
use super::task_local;

/// The time for which all threads are busy, while other work waits, before the log says so.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// The most names of work that one line of the log has.
const MOST_NAMES: usize = 8;

/// A bridge with a number of threads of its own for work that may last.
pub(super) struct LongWork {
    threads: Threads,
    watch: Arc<Watch>,
}

impl LongWork {
    /// Builds a bridge of `slots` threads for `what`, a number that `setting` sets.
    pub(super) fn new(slots: usize, what: &'static str, setting: &'static str) -> Self {
        let slots = slots.max(1);
        let watch = Watch { slots, what, setting, state: Mutex::default() };
        Self { threads: Threads::new(slots), watch: Arc::new(watch) }
    }
}

impl Bridge for LongWork {
    fn run(&self, job: Job) -> Result<(), Job> {
        let (has_begun, label) = (job.has_begun(), job.label().cloned());
        let queued = Queued::enter(&self.watch);
        let described = || task_local::with_current(|context| context.describe().into());
        let name = label.clone().or_else(described).unwrap_or_else(|| self.watch.what.into());
        let watched = Job::new(has_begun, move || {
            let _running = queued.begin(name);
            job.run();
        });
        self.threads.run(watched.with_label(label))
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        self.threads.wait(future);
    }

    fn is_event_loop(&self) -> bool {
        self.threads.is_event_loop()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.threads.spawn(task);
    }
}

/// Knows what runs on the threads, and says in the log, once, if all of them are stuck while other work waits.
struct Watch {
    slots: usize,
    what: &'static str,
    setting: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The jobs that wait for a thread.
    waiting: usize,
    /// The names of the jobs that run, each under its number.
    running: BTreeMap<u64, Arc<str>>,
    /// The number of jobs that have begun.
    begun: u64,
    is_watched: bool,
}

impl Watch {
    /// Looks after the threads until nothing waits for one.
    async fn look(self: Arc<Self>) {
        let watching = Watching(self);
        let mut said_at = None;
        loop {
            let begun = watching.0.state.lock().begun;
            time::sleep(STUCK_AFTER).await;
            let state = watching.0.state.lock();
            if state.waiting == 0 {
                return;
            }
            if state.begun == begun && said_at != Some(begun) {
                said_at = Some(begun);
                tracing::warn!("{}", watching.0.describe(&state));
            }
        }
    }

    fn describe(&self, state: &State) -> String {
        let (slots, what, waiting) = (self.slots, self.what, state.waiting);
        let mut text = format!(
            "none of the {slots} threads for {what} has become free for {STUCK_AFTER:?} and {waiting} more wait for one; \
             raise `config.{}`, or let async code do the waiting. Stuck:",
            self.setting
        );
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for name in state.running.values() {
            *names.entry(name).or_default() += 1;
        }
        for (name, times) in names.iter().take(MOST_NAMES) {
            let _infallible = write!(text, " {name} ({times});");
        }
        if names.len() > MOST_NAMES {
            let _infallible = write!(text, " and {} others", names.len() - MOST_NAMES);
        }
        text
    }
}

/// Marks the threads as watched until it is dropped, which its event loop may do early.
struct Watching(Arc<Watch>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.state.lock().is_watched = false;
    }
}

/// A job that waits for a thread.
struct Queued {
    watch: Arc<Watch>,
}

impl Queued {
    fn enter(watch: &Arc<Watch>) -> Self {
        let mut state = watch.state.lock();
        state.waiting += 1;
        if !state.is_watched
            && state.running.len() >= watch.slots
            && let Ok(event_loop) = Handle::try_current()
        {
            state.is_watched = true;
            drop(event_loop.spawn(Arc::clone(watch).look()));
        }
        Self { watch: Arc::clone(watch) }
    }

    fn begin(self, name: Arc<str>) -> Running {
        let mut state = self.watch.state.lock();
        state.begun += 1;
        let number = state.begun;
        state.running.insert(number, name);
        drop(state);
        Running { watch: Arc::clone(&self.watch), number }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.watch.state.lock().waiting -= 1;
    }
}

/// A job that runs.
struct Running {
    watch: Arc<Watch>,
    number: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watch.state.lock().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stuck work is told once, with its names, and again only after something else has begun.
    #[tokio::test(start_paused = true)]
    async fn what_is_stuck_is_named() {
        let work = LongWork::new(2, "streamed bodies", "stream_workers");
        let watch = &work.watch;
        let running =
            [Queued::enter(watch).begin("the body of /events [GET]".into()), Queued::enter(watch).begin("b".into())];
        assert!(!watch.state.lock().is_watched);
        let waiting = Queued::enter(watch);
        assert!(watch.state.lock().is_watched);
        let said = watch.describe(&watch.state.lock());
        assert!(said.starts_with("none of the 2 threads for streamed bodies has become free for 5s and 1 more wait"));
        assert!(said.ends_with("Stuck: b (1); the body of /events [GET] (1);"), "{said}");
        drop((running, waiting));
        time::sleep(STUCK_AFTER * 2).await;
        let state = watch.state.lock();
        assert!(!state.is_watched && state.running.is_empty() && state.waiting == 0);
    }
}

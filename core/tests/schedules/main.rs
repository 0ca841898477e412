//! Tests of the crossing and the worker slots under a model checker, which runs them in many orders of their threads.
//! They use the crate's own files, with the checker's locks and threads in place of the system's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, missing_docs, unreachable_pub, reason = "the files are compiled without the rest of their crate")]
#![allow(clippy::unused_self, reason = "the stand-ins have the signatures of the real items")]

#[path = "../../src/error.rs"]
mod error;

#[path = "../../src/execution"]
mod execution {
    pub(crate) mod admission;
    pub(crate) mod bridge;
    mod cancel_signal;
    pub(crate) mod colour;
    pub(crate) mod crossing;
    pub(crate) mod in_place;
    pub(crate) mod pace;
    pub(crate) mod place;
    pub(crate) mod propagation;
    pub(crate) mod run_on_worker;
    pub(crate) mod stage;
    #[path = "../../tests/schedules/primitives.rs"]
    mod primitives;
    #[path = "../../tests/schedules/task_local.rs"]
    pub(crate) mod task_local;
    pub(crate) mod timeline;
    mod fault;
    pub(crate) mod default_bridge;
    mod worker;
    mod worker_pool;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use error::{Error, ErrorKind};
use execution::admission::{Backlog, Permit};
use execution::bridge::{Bridge, Job};
use execution::crossing::Crossing;
use execution::default_bridge::Threads;
use execution::in_place::SpareThreads;
use execution::place::poll_for_async;
use execution::propagation::Propagated;
use execution::run_on_worker::{block_on, run_on, run_sync};
use execution::task_local::{JobCounter, TaskContext};
use execution::timeline::Recorder;
use futures_util::future::{BoxFuture, join_all, poll_fn};
use rstest::rstest;
use shuttle::future::block_on as on_the_loop;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The number of schedules that each test tries: once random ones, once ones that preempt a thread at the worst
/// moments.
const SCHEDULES: usize = 2_000;

/// Runs `test` under all schedules: none may panic, and none may leave all threads waiting.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || test(), SCHEDULES);
    shuttle::check_pct(move || again(), SCHEDULES, 3);
}

fn pool(slots: usize) -> Arc<dyn Bridge> {
    Arc::new(Threads::new(slots))
}

/// Counts the jobs that run at a time, and the most so far.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    fn pass(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        shuttle::thread::yield_now();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[rstest]
fn every_job_runs_and_never_more_at_once_than_there_are_slots(#[values(1, 2)] slots: usize) {
    explore(move || {
        let (bridge, crowd) = (pool(slots), Arc::new(Crowd::default()));
        let jobs = (0..4).map(|number| {
            let crowd = Arc::clone(&crowd);
            run_on(Arc::clone(&bridge), None, move || {
                crowd.pass();
                number
            })
        });
        let done: Result<Vec<i32>, Error> = on_the_loop(join_all(jobs)).into_iter().collect();
        assert_eq!(done.unwrap(), [0, 1, 2, 3]);
        assert!(crowd.most.load(Ordering::SeqCst) <= slots);
    });
}

/// A worker that waits for other sync work hands its slot on: with one slot there is no deadlock, and no more jobs run
/// at once than there are slots.
#[rstest]
fn a_worker_waits_for_work_that_needs_its_slot(#[values(1, 2)] slots: usize) {
    explore(move || {
        let (bridge, crowd) = (pool(slots), Arc::new(Crowd::default()));
        let waiting = (0..2).map(|_| {
            let (inner_bridge, outer_crowd, inner_crowd) =
                (Arc::clone(&bridge), Arc::clone(&crowd), Arc::clone(&crowd));
            run_on(Arc::clone(&bridge), None, move || {
                outer_crowd.pass();
                let inner = block_on(run_on(inner_bridge, None, move || inner_crowd.pass()));
                outer_crowd.pass();
                inner.is_ok_and(|outcome| outcome.is_ok())
            })
        });
        let done: Result<Vec<bool>, Error> = on_the_loop(join_all(waiting)).into_iter().collect();
        assert_eq!(done.unwrap(), [true, true]);
        assert!(crowd.most.load(Ordering::SeqCst) <= slots);
    });
}

/// A result from another thread wakes the worker even if it arrives while the worker is about to sleep.
#[test]
fn no_wake_up_is_lost() {
    explore(|| {
        let (sender, receiver) = oneshot::channel();
        let waiting = run_on(pool(1), None, move || block_on(receiver));
        let sending = shuttle::thread::spawn(move || sender.send(7));
        assert_eq!(on_the_loop(waiting).unwrap().unwrap(), Ok(7));
        sending.join().unwrap().unwrap();
    });
}

/// Cancelling a job at any moment, queued, running or waiting, costs no slot; a job that waits gets `Cancelled`.
#[rstest]
fn cancelling_gives_the_slot_back(#[values(0, 1, 2)] polls: usize) {
    explore(move || {
        let bridge = pool(1);
        let cancelled = Arc::new(AtomicUsize::new(0));
        let in_job = Arc::clone(&cancelled);
        let mut cancelled_job = Box::pin(run_on(Arc::clone(&bridge), None, move || {
            let kind = block_on(std::future::pending::<()>()).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Cancelled);
            in_job.fetch_add(1, Ordering::SeqCst);
        }));
        for _ in 0..polls {
            on_the_loop(poll_fn(|context| {
                assert!(cancelled_job.as_mut().poll(context).is_pending());
                Poll::Ready(())
            }));
            shuttle::thread::yield_now();
        }
        drop(cancelled_job);
        assert_eq!(on_the_loop(run_on(bridge, None, || "next")).unwrap(), "next");
        assert!(cancelled.load(Ordering::SeqCst) <= 1);
    });
}

/// The context of a request whose sync steps run on `bridge`.
struct OneRequest {
    bridge: Arc<dyn Bridge>,
    backlog: Backlog,
    jobs: JobCounter,
    tracker: TaskTracker,
    /// The futures that went on though their caller had gone.
    went_on: AtomicUsize,
}

impl OneRequest {
    fn new(bridge: Arc<dyn Bridge>) -> Arc<Self> {
        let (jobs, tracker, went_on) = Default::default();
        Arc::new(Self { bridge, backlog: Backlog::new(10), jobs, tracker, went_on })
    }
}

impl TaskContext for OneRequest {
    fn bridge(&self) -> &Arc<dyn Bridge> {
        &self.bridge
    }

    fn body_bridge(&self) -> &Arc<dyn Bridge> {
        &self.bridge
    }

    fn describe(&self) -> String {
        "one request".to_owned()
    }

    fn admit(&self) -> Result<Permit, Error> {
        self.backlog.enter()
    }

    fn count_crossing(&self) {}

    fn jobs(&self) -> &JobCounter {
        &self.jobs
    }

    fn spare_threads(&self) -> Option<Arc<SpareThreads>> {
        None
    }

    fn count_in_place(&self) {}

    fn recorder(&self) -> Option<Arc<Recorder>> {
        None
    }

    fn propagated(&self) -> Propagated {
        Propagated::default()
    }

    fn track(&self) -> TaskTrackerToken {
        self.tracker.token()
    }

    fn spawn_to_end(&self, rest: BoxFuture<'static, ()>) {
        self.went_on.fetch_add(1, Ordering::SeqCst);
        shuttle::thread::spawn(move || on_the_loop(rest));
    }
}

/// Counts one drop of the steps of a request.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The steps of a request: two sync ones, an async one, a sync one; then its teardown, also sync.
async fn steps(context: Arc<OneRequest>, ended: Arc<AtomicUsize>, dropped: Dropped) -> Vec<shuttle::thread::ThreadId> {
    let here = || shuttle::thread::current().id();
    let mut threads = vec![run_sync(here).await.unwrap(), run_sync(here).await.unwrap()];
    poll_fn(|_| poll_for_async()).await;
    threads.push(here());
    threads.push(run_sync(here).await.unwrap());
    if context.jobs().stage.end() {
        run_sync(|| ()).await.unwrap();
        ended.fetch_add(1, Ordering::SeqCst);
    }
    drop(dropped);
    threads
}

fn lost<T>(error: Error) -> T {
    panic!("the steps were lost: {error}")
}

/// Consecutive sync steps run on one worker, and an async one on the event loop.
#[test]
fn a_request_moves_to_a_worker_and_back() {
    explore(|| {
        let (context, ended, dropped) = (OneRequest::new(pool(1)), Arc::default(), Arc::default());
        let steps = steps(Arc::clone(&context), Arc::clone(&ended), Dropped(Arc::clone(&dropped)));
        let threads = on_the_loop(Crossing::of_request(context, lost, steps));
        let event_loop = shuttle::thread::current().id();
        assert_eq!((threads[0], threads[2]), (threads[1], event_loop));
        assert!(threads[0] != event_loop && threads[3] != event_loop);
        assert_eq!((ended.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst)), (1, 1));
    });
}

/// A request that its client leaves at any moment drops its steps once. A teardown that has begun runs to its end, and
/// one that has not does not begin.
#[rstest]
fn a_request_that_is_left_ends_once(#[values(0, 1, 2, 3)] polls: usize) {
    explore(move || {
        let bridge = pool(1);
        let (context, ended, dropped) = (OneRequest::new(Arc::clone(&bridge)), Arc::default(), Arc::default());
        let steps = steps(Arc::clone(&context), Arc::clone(&ended), Dropped(Arc::clone(&dropped)));
        let mut crossing = Box::pin(Crossing::of_request(context, lost, steps));
        for _ in 0..polls {
            if on_the_loop(poll_fn(|context| Poll::Ready(crossing.as_mut().poll(context).is_ready()))) {
                break;
            }
            shuttle::thread::yield_now();
        }
        drop(crossing);
        // Runs after the request's job, so that what the job drops is dropped.
        on_the_loop(run_on(bridge, None, || ())).unwrap();
        while dropped.load(Ordering::SeqCst) == 0 {
            shuttle::thread::yield_now();
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert!(ended.load(Ordering::SeqCst) <= 1);
    });
}

/// A job of a request that has begun runs though the only slot is blocked by one that has not.
#[test]
fn a_request_that_has_begun_goes_on_beside_one_that_blocks_its_slot() {
    explore(|| {
        let bridge = pool(1);
        let (release, released) = shuttle::sync::mpsc::channel();
        let mut blocked = Box::pin(run_on(Arc::clone(&bridge), None, move || released.recv().unwrap()));
        on_the_loop(poll_fn(|context| Poll::Ready(blocked.as_mut().poll(context).is_ready())));
        let job = Job::new(true, move || release.send(7).unwrap());
        bridge.run(job).unwrap();
        assert_eq!(on_the_loop(blocked).unwrap(), 7);
    });
}

/// A job that panics leaves the pool as it was, also if its worker's idle time is over.
#[test]
fn a_panic_costs_no_slot() {
    explore(|| {
        let bridge = pool(1);
        let panicking = run_on(Arc::clone(&bridge), None, || std::panic::resume_unwind(Box::new("on purpose")));
        let catch_panic = on_the_loop(futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panicking)));
        assert!(catch_panic.is_err());
        assert_eq!(on_the_loop(run_on(bridge, None, || 1)).unwrap(), 1);
    });
}

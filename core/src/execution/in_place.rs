//! Sync code in place: on a thread of the event loop, as long as the loop has threads to spare.
//!
//! A function runs in place only if its calls have been short, and on at most as many threads as the loop has beyond
//! one for each core. So however long it takes this time, the loop has a free thread: the watch wakes it to take over
//! what the blocked thread did for the loop.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio::task::coop;

use super::bridge::{Bridge, Job};
use super::default_bridge;
use super::pace::{Pace, waits};

/// The interval at which the watch looks for threads that have been blocked.
const TICK: Duration = Duration::from_millis(2);

/// A thread that was in place for this many ticks is blocked: another one takes over the loop.
const BLOCKED: u64 = 2;

/// A function that took this many ticks runs on workers from now on.
const LONG: u64 = 10;

/// The most threads of one event loop that run sync code at a time.
const MOST_SEATS: usize = 64;

/// The threads that an event loop has to spare for sync code.
pub(crate) struct SpareThreads {
    event_loop: Handle,
    /// Slots: one for each thread that may run sync code at a time.
    seats: Vec<Seat>,
    taken: AtomicUsize,
}

/// The place of one thread that runs sync code.
#[derive(Default)]
struct Seat {
    is_taken: AtomicBool,
    /// The tick at which the thread began, or 0 if it runs no sync code or was noticed already.
    since: AtomicU64,
}

impl SpareThreads {
    /// The spare threads of the current event loop; `None` if it has none, as an event loop with a single thread.
    pub(crate) fn here() -> Option<Arc<Self>> {
        static LOOPS: LazyLock<Mutex<HashMap<runtime::Id, Weak<SpareThreads>>>> = LazyLock::new(Mutex::default);
        let event_loop = Handle::try_current().ok()?;
        if event_loop.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return None;
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let spare = event_loop.metrics().num_workers().saturating_sub(cores).min(MOST_SEATS);
        let mut loops = LOOPS.lock();
        loops.retain(|_, known| known.strong_count() > 0);
        if spare == 0 {
            return None;
        }
        let known = loops.get(&event_loop.id()).and_then(Weak::upgrade);
        Some(known.unwrap_or_else(|| {
            let seats = (0..spare).map(|_| Seat::default()).collect();
            let made = Arc::new(Self { event_loop: event_loop.clone(), seats, taken: AtomicUsize::new(0) });
            loops.insert(event_loop.id(), Arc::downgrade(&made));
            WATCH.add(Arc::downgrade(&made));
            made
        }))
    }

    /// Takes a seat for sync code on this thread, if the loop has a thread to spare for it and this is one of its own.
    pub(super) fn take_seat(self: &Arc<Self>) -> Option<InPlace> {
        if self.taken.load(Ordering::Relaxed) >= self.seats.len()
            || !Handle::try_current().is_ok_and(|here| here.id() == self.event_loop.id())
        {
            return None;
        }
        let free = |seat: &Seat| !seat.is_taken.load(Ordering::Relaxed) && !seat.is_taken.swap(true, Ordering::SeqCst);
        let seat = self.seats.iter().position(free)?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.seats[seat].since.store(WATCH.begin(), Ordering::Relaxed);
        flush_lifo_slot();
        Some(InPlace { spare_threads: Arc::clone(self), seat })
    }
}

/// A thread of the event loop while it runs sync code.
pub(super) struct InPlace {
    spare_threads: Arc<SpareThreads>,
    seat: usize,
}

impl InPlace {
    /// Runs `f`, and sends it back to the workers if it blocked the thread.
    pub(super) fn run<R>(pace: &Pace, f: impl FnOnce() -> R) -> R {
        let (began, waited) = (WATCH.now(), waits());
        let outcome = panic::catch_unwind(AssertUnwindSafe(f));
        let needs_worker = outcome.as_ref().is_err_and(|payload| starts_a_runtime(&**payload));
        if needs_worker {
            tracing::error!(
                "sync code that ran in place blocked by tokio's own means or started an event loop, which is not possible \
                 there; it runs on workers from now on, and with `runs_in_place(false)` on the view from the start"
            );
            pace.ban_for_ever();
        } else if WATCH.now() - began >= LONG || waits() != waited {
            pace.ban();
        }
        outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// The bridge of sync code in place: while it waits, its thread does nothing else.
    pub(super) fn bridge() -> Arc<dyn Bridge> {
        static BRIDGE: LazyLock<Arc<dyn Bridge>> = LazyLock::new(|| Arc::new(InPlaceBridge));
        Arc::clone(&BRIDGE)
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        let seat = &self.spare_threads.seats[self.seat];
        seat.since.store(0, Ordering::Relaxed);
        self.spare_threads.taken.fetch_sub(1, Ordering::Relaxed);
        seat.is_taken.store(false, Ordering::Release);
    }
}

/// Whether a panic is tokio's about an event loop inside another one.
fn starts_a_runtime(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    // "Cannot start a runtime from within a runtime", "Cannot block the current thread from within a runtime".
    text.is_some_and(|text| text.contains("within a runtime") || text.starts_with("Cannot drop a runtime"))
}

thread_local! {
    /// The waker of this thread's task that empties its LIFO slot.
    static FLUSH: RefCell<Option<Arc<Flush>>> = const { RefCell::new(None) };
}

struct InPlaceBridge;

impl Bridge for InPlaceBridge {
    fn run(&self, job: Job) -> Result<(), Job> {
        Err(job)
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        // Without a budget, because the one of the task that this thread runs may be spent, and is not renewed here.
        let mut future = std::pin::pin!(coop::unconstrained(future));
        default_bridge::park_until_ready(future.as_mut(), |sleep| {
            if let Some(sleep) = sleep {
                wake_another_thread();
                sleep();
            }
        });
    }

    fn is_event_loop(&self) -> bool {
        false
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        default_bridge::spawn(task);
    }
}

/// Wakes a thread of the event loop that is idle, so that it takes over what this one did for the loop.
fn wake_another_thread() {
    if let Ok(event_loop) = Handle::try_current() {
        // Two, because the first one stays in the slot of this thread that no other thread may take from.
        event_loop.spawn(std::future::ready(()));
        event_loop.spawn(std::future::ready(()));
    }
}

/// Empties the LIFO slot of this thread: the task in it moves to the queue, from which other threads can take it.
fn flush_lifo_slot() {
    let flush = FLUSH.with_borrow(Clone::clone).unwrap_or_else(|| {
        let flush = Arc::new(Flush::default());
        FLUSH.with_borrow_mut(|known| *known = Some(Arc::clone(&flush)));
        tokio::spawn(FlushTask(Arc::downgrade(&flush)));
        flush
    });
    let waker = flush.waker.lock().take();
    match waker {
        // The task takes the slot, which moves the one in it, and gives its waker back when it runs.
        Some(waker) => waker.wake(),
        None => drop(tokio::spawn(std::future::ready(()))),
    }
}

#[derive(Default)]
struct Flush {
    /// `None` while the task is in the slot or in the queue.
    waker: Mutex<Option<Waker>>,
}

/// A task that does nothing but to take the LIFO slot. It ends with its thread.
struct FlushTask(Weak<Flush>);

impl Future for FlushTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(flush) = self.0.upgrade() else { return Poll::Ready(()) };
        *flush.waker.lock() = Some(context.waker().clone());
        Poll::Pending
    }
}

/// The thread that looks for blocked threads. It sleeps while no sync code runs in place.
struct Watch {
    tick: AtomicU64,
    is_asleep: AtomicBool,
    thread: Mutex<Option<Thread>>,
    loops: Mutex<Vec<Weak<SpareThreads>>>,
}

static WATCH: Watch = Watch {
    tick: AtomicU64::new(1),
    is_asleep: AtomicBool::new(false),
    thread: Mutex::new(None),
    loops: Mutex::new(Vec::new()),
};

/// The number of ticks without sync code in place after which the watch sleeps.
const TICKS_TO_SLEEP: u64 = 500;

impl Watch {
    fn now(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }

    /// Returns the time, and wakes the watch if it sleeps.
    fn begin(&self) -> u64 {
        if self.is_asleep.load(Ordering::SeqCst) && self.is_asleep.swap(false, Ordering::SeqCst) {
            self.thread.lock().as_ref().inspect(|thread| thread.unpark());
        }
        self.now()
    }

    fn add(&'static self, threads: Weak<SpareThreads>) {
        self.loops.lock().push(threads);
        let mut thread = self.thread.lock();
        if thread.is_none() {
            match thread::Builder::new().name("costrel-watch".into()).spawn(|| self.run()) {
                Ok(started) => *thread = Some(started.thread().clone()),
                Err(error) => tracing::error!("no thread could be started to watch sync code in place: {error}"),
            }
        }
    }

    fn run(&self) {
        let mut quiet = 0;
        loop {
            thread::park_timeout(TICK);
            self.tick.fetch_add(1, Ordering::Relaxed);
            quiet = if self.look() { 0 } else { quiet + 1 };
            if quiet > TICKS_TO_SLEEP {
                self.is_asleep.store(true, Ordering::SeqCst);
                // Looked at again, because a thread that has just taken its seat may have seen the watch awake.
                if self.look() {
                    self.is_asleep.store(false, Ordering::SeqCst);
                }
                while self.is_asleep.load(Ordering::Acquire) {
                    thread::park();
                }
                quiet = 0;
            }
        }
    }

    /// Wakes another thread for each one that is blocked. Returns whether any sync code runs in place.
    fn look(&self) -> bool {
        let mut loops = self.loops.lock();
        loops.retain(|known| known.strong_count() > 0);
        let live: Vec<_> = loops.iter().filter_map(Weak::upgrade).collect();
        drop(loops);
        live.iter().map(|threads| threads.relieve(self.now())).filter(|any| *any).count() > 0
    }
}

impl SpareThreads {
    fn relieve(&self, now: u64) -> bool {
        let mut any = false;
        for seat in &self.seats {
            let since = seat.since.load(Ordering::Relaxed);
            any |= seat.is_taken.load(Ordering::SeqCst);
            if since != 0 && now - since >= BLOCKED && seat.since.swap(0, Ordering::Relaxed) == since {
                // A task from another thread wakes an idle one, which then waits for the loop's events.
                self.event_loop.spawn(std::future::ready(()));
            }
        }
        any
    }
}

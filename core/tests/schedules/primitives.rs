//! The model checker's locks and threads, with the interfaces of those they stand in for.

use std::ops::{Deref, DerefMut};
use std::task::Waker;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8};
pub(crate) use shuttle::{thread, thread_local};

/// A waker that lets other threads run before and after each of its steps.
#[derive(Default)]
pub(crate) struct AtomicWaker(futures_util::task::AtomicWaker);

impl AtomicWaker {
    pub(crate) fn register(&self, waker: &Waker) {
        thread::yield_now();
        self.0.register(waker);
        thread::yield_now();
    }

    pub(crate) fn wake(&self) {
        thread::yield_now();
        self.0.wake();
    }
}

#[derive(Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, guard: Some(self.0.lock().unwrap()) }
    }
}

impl<T> MutexGuard<'_, T> {
    pub(crate) fn unlocked<R>(this: &mut Self, f: impl FnOnce() -> R) -> R {
        this.guard = None;
        let output = f();
        this.guard = Some(this.mutex.0.lock().unwrap());
        output
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().unwrap()
    }
}

#[derive(Default)]
pub(crate) struct Condvar(sync::Condvar);

pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.guard = guard.guard.take().map(|held| self.0.wait(held).unwrap());
    }

    /// Times out at random, because the time may be over at any moment. A short time is always over in the end.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, time: Duration) -> WaitTimeoutResult {
        if time < Duration::from_secs(1) || thread_rng().gen_bool(0.25) {
            MutexGuard::unlocked(guard, thread::yield_now);
            return WaitTimeoutResult(true);
        }
        self.wait(guard);
        WaitTimeoutResult(false)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

//! The locks, atomics and threads of the crossing, named in one place so that the model checker can replace them.

pub(super) use futures_util::task::AtomicWaker;
pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(super) use std::sync::atomic::{AtomicBool, AtomicU8};
pub(super) use std::{thread, thread_local};

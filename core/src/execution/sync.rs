//! What threads share state and wait with, named in one place so that the model checker's own can stand in.

pub(super) use futures_util::task::AtomicWaker;
pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(super) use std::sync::atomic::AtomicBool;
pub(super) use std::{thread, thread_local};

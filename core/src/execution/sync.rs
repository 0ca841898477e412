//! What threads share state and wait with, named in one place so that the model checker's own can stand in.

pub(crate) use std::sync::atomic::AtomicBool;
pub(crate) use std::{thread, thread_local};

pub(crate) use futures_util::task::AtomicWaker;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

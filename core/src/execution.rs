//! Colours and crossings: how a function of either colour is called from code of either colour.

mod callable;
mod iterate;
mod thread_per_request;
mod lane;
mod waiting;
mod crossing;
mod run_on_worker;
mod task_local;
mod in_place;
mod default_bridge;
mod worker_pool;
mod stage;
mod admission;
mod bridge;
mod pace;
mod place;
mod primitives;
mod step;

pub(crate) use admission::{Backlog, Permit};
pub use bridge::{Bridge, Job};
pub use callable::{AsyncFn, Callable, Colour, Coloured, IntoCallable, IntoOutcome, SyncFn};
pub(crate) use crossing::Crossing;
pub use default_bridge::Threads;
pub(crate) use in_place::SpareThreads;
pub use iterate::iterate;
pub use lane::Lane;
pub(crate) use run_on_worker::{WorkerHandle, block_on, end_if_abandoned, on_worker, run_sync};
pub(crate) use step::{catch_panic, timeout};
pub(crate) use task_local::{JobCounter, TaskContext, scope, sync_scope, with_current};
pub(crate) use thread_per_request::ThreadPerRequest;
pub use waiting::{Waiting, async_to_sync, sync_to_async};

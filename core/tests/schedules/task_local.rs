//! A stand-in for the task-local slot, in which there is never a context.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::Permit;
use super::bridge::Bridge;
use super::in_place::SpareThreads;
use super::propagation::Propagated;
use super::stage::Stage;
use super::timeline::Recorder;
use crate::error::Error;

pub(crate) trait TaskContext: Any + Send + Sync {
    fn bridge(&self) -> &Arc<dyn Bridge>;
    fn body_bridge(&self) -> &Arc<dyn Bridge>;
    fn describe(&self) -> String;
    fn admit(&self) -> Result<Permit, Error>;
    fn count_crossing(&self);
    fn jobs(&self) -> &JobCounter;
    fn spare_threads(&self) -> Option<Arc<SpareThreads>>;
    fn count_in_place(&self);
    fn recorder(&self) -> Option<Arc<Recorder>>;
    fn propagated(&self) -> Propagated;
    fn track(&self) -> TaskTrackerToken;
    fn spawn_to_end(&self, rest: BoxFuture<'static, ()>);
}

#[derive(Default)]
pub(crate) struct JobCounter {
    pub(crate) stage: Stage,
}

impl JobCounter {
    pub(crate) fn begin(&self) {}

    pub(crate) fn end(&self) {}
}

pub(crate) fn current() -> Option<Arc<dyn TaskContext>> {
    None
}

pub(crate) fn with_current<R>(_look: impl FnOnce(&dyn TaskContext) -> R) -> Option<R> {
    None
}

pub(crate) fn sync_scope<R>(_carried: Arc<dyn TaskContext>, f: impl FnOnce() -> R) -> R {
    f()
}

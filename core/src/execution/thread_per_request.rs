//! The mode in which each request holds a thread from its first hook to its last, as in WSGI servers.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::admission::{Backlog, Permit};
use super::bridge::{Bridge, Job};
use super::default_bridge;
use super::run_on_worker::{block_on, run_on};
use super::worker_pool::WorkerPool;
use crate::error::Error;

/// The threads of an app that handles each request on a thread of its own.
pub(crate) struct ThreadPerRequest {
    bridge: Arc<dyn Bridge>,
    backlog: Backlog,
}

impl ThreadPerRequest {
    pub(crate) fn new(threads: usize, most_queued: usize) -> Self {
        Self {
            bridge: Arc::new(HoldingBridge { workers: WorkerPool::new(threads) }),
            backlog: Backlog::new(most_queued),
        }
    }

    /// Admits one more request.
    ///
    /// # Errors
    /// A 503 if too many requests already wait for a thread.
    pub(crate) fn admit(&self) -> Result<Permit, Error> {
        self.backlog.enter()
    }

    /// Runs a request that was admitted on one of the threads, which it holds while it waits too.
    ///
    /// # Errors
    /// If no thread takes it.
    pub(crate) async fn run<F>(&self, permit: Permit, request: F) -> Result<F::Output, Error>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let hold = move || {
            drop(permit);
            block_on(request)
        };
        run_on(Arc::clone(&self.bridge), None, hold).await?
    }
}

/// A bridge whose threads do nothing else while they wait.
struct HoldingBridge {
    workers: WorkerPool,
}

impl Bridge for HoldingBridge {
    fn run(&self, job: Job) -> Result<(), Job> {
        self.workers.pool().submit(job)
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        default_bridge::park_until_ready(future, |sleep| {
            if let Some(sleep) = sleep {
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

//! The bridges of an app: one for each kind of sync work, so that work that lasts takes no worker from a view.

use std::sync::Arc;

use super::bridge::Bridge;
use super::default_bridge::Threads;
use super::long_work::LongWork;
use crate::config::Config;

/// The bridges of an app. A bridge that the app has set is for all work.
pub(crate) struct Bridges {
    /// For views, hooks and all else that a request waits for.
    pub(crate) requests: Arc<dyn Bridge>,
    /// For streamed bodies and conversations, whose sync code may wait for as long as a client listens.
    pub(crate) bodies: Arc<dyn Bridge>,
    /// For tasks beside requests, and functions around serving.
    pub(crate) background: Arc<dyn Bridge>,
}

impl Bridges {
    pub(crate) fn new(own: Option<Arc<dyn Bridge>>, config: &Config) -> Self {
        if let Some(own) = own {
            return Self { requests: Arc::clone(&own), bodies: Arc::clone(&own), background: own };
        }
        Self {
            requests: Arc::new(Threads::new(config.workers)),
            bodies: Arc::new(LongWork::new(config.stream_workers, "streamed bodies and WebSockets", "stream_workers")),
            background: Arc::new(LongWork::new(config.background_workers, "background tasks", "background_workers")),
        }
    }
}

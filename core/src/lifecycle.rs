//! The course of requests, app contexts, background tasks and serving, from beginning to end.

mod startup;
mod background;
mod app_context;
mod copied_context;
#[cfg(feature = "websocket")]
mod conversation;
mod response_hooks;
mod record;
mod refuse;
mod dispatch;
mod inspect;
mod match_request;
mod request_log;
mod teardown;

pub use background::{IntoTask, Task, create_task};
pub use copied_context::{
    CopiedContext, copied_request_context, copy_current_request_context, copy_current_request_context_sync,
};
pub(crate) use dispatch::{EnteredRequest, Running, preprocess};
pub(crate) use inspect::{InspectRequested, Inspection};
pub(crate) use startup::RunningApp;
pub(crate) use teardown::TeardownGuard;

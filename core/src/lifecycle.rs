//! What begins and ends: requests, app contexts, background work, serving.

mod startup;
mod background;
mod app_context;
mod dispatch;
mod match_request;
mod teardown;

pub use background::{IntoTask, Task, create_task};
pub(crate) use dispatch::{InspectRequested, Inspection, Visit, preprocess};
pub(crate) use startup::RunningApp;
pub(crate) use teardown::{HookChain, TeardownGuard};

//! What begins and ends: requests, app contexts, background work, serving.

mod startup;
mod background;
mod app_context;
mod dispatch;
mod match_request;
mod teardown;

pub use background::{IntoTask, Task, create_task};
pub(crate) use dispatch::{Inside, Inspected, Visit, preprocess};
pub(crate) use startup::Started;
pub(crate) use teardown::{Life, Scopes};

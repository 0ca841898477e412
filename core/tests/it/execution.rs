//! The room `execution`, seen from outside.

mod bridge;
mod cancellation;
mod lane;
mod streaming;
mod thread_per_request;

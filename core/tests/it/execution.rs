//! Tests of the module `execution` through the public API.

mod bridge;
mod cancellation;
mod crossing;
mod in_place;
mod lane;
mod long_work;
mod streaming;
mod thread_per_request;

//! Tests of the module `http_types` through the public API.

mod forms;
mod hosts;
mod proxies;
mod requests;
mod responses;

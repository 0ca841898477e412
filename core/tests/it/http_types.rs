//! Tests of the module `http_types` through the public API.

mod cookies;
mod debug_page;
mod forms;
mod hosts;
mod looks;
mod mounted;
mod proxies;
mod requests;
mod responses;

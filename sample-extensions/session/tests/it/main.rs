//! Tests of `Sessions`, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod at_once;
mod compat;
mod flask_session;
mod late;
mod login;
mod on_redis;
mod opening_and_saving;
mod set_up;
mod store_away;
mod support;

//! What the core promises, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod autotraits;
mod blueprints;
mod bridge;
mod cancellation;
mod class_views;
mod client;
mod config;
mod context;
mod errors;
mod event_loops;
mod files;
mod forms;
mod hooks;
mod lane;
mod properties;
mod requests;
mod responses;
mod routing;
mod serving;
mod sessions;
mod signals;
mod teardown;
#[cfg(feature = "templates")]
mod templates;
mod urls;
mod wiring;

//! What the core promises, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod autotraits;
mod background;
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
mod lifecycle;
mod limits;
mod malformed;
mod malformed_bytes;
mod notes;
mod properties;
mod proxies;
mod requests;
mod responses;
mod routing;
mod serving;
mod sessions;
mod signals;
mod streaming;
mod teardown;
#[cfg(feature = "templates")]
mod templates;
mod threaded;
#[cfg(feature = "tls")]
mod tls;
mod urls;
mod websockets;
mod wiring;

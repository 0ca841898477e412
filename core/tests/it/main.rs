//! Tests of the core through its public API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod public;
mod cli;
mod server;
mod test_client;
mod app;
mod lifecycle;
mod helpers;
mod context;
mod view;
mod session;
mod websocket;
mod http_types;
mod routing;
mod execution;
mod trace;
mod lint;
mod config;

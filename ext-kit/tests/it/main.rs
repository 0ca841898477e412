//! Tests of ext-kit's public API.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callbacks;
mod cors;
mod every_layer;
mod extensions;
mod forms;
mod hosts;
mod open_telemetry;
mod order;
mod passwords;
mod places;
mod sockets;
mod tower_layers;

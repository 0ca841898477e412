//! The old app behind a Costrel app, on loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failures;
mod half_moved;
mod requests;
mod responses;
mod seam;
mod sockets;
mod switching;
mod support;

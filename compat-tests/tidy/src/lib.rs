//! What the source of the repository itself must keep. Everything here is a test.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod placement;
mod prose;
mod rooms;
mod samples;
mod sizes;
mod paths;
mod source;

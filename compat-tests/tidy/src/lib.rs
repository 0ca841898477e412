//! Tests of the rules that the repository's own source must keep.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod placement;
mod prose;
mod imports;
mod samples;
mod sizes;
mod skips;
mod paths;
mod source;

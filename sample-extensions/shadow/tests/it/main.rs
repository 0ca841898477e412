//! The comparison of an old app with a new one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod differences;
mod live;
mod recorded;
mod replay;
mod seeded;
mod support;

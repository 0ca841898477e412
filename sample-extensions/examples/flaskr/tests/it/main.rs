//! The tutorial's tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth;
mod blog;
mod db;
mod factory;
mod support;

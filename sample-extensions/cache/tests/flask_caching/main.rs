//! The behaviours of Flask-Caching, one test each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fragments;
mod keys;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod views;
mod what_is_kept;

//! Tests of `Form`, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod messages;
mod nested;
mod pages;
mod reading;
mod requests;
mod support;

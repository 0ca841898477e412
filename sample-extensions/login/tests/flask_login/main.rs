//! Flask-Login's behaviours, each by its number in the tests' names, on sync and async views and with callbacks of both
//! colours.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod refusals;
mod sign_in;
mod loading;
mod remember;
mod protection;
mod templates;
mod set_up;
mod many_users;

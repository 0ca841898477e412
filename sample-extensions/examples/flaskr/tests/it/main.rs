//! The tutorial's tests.

mod auth;
mod blog;
mod db;
mod factory;
mod support;

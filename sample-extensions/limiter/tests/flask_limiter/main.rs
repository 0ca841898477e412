//! The behaviours of Flask-Limiter, each on sync and async views and with callbacks of both colours: `r2` to `r43` are their
//! numbers in one list. The grammar, `r1`, is tested beside its parser.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;
mod which_limits_apply;
mod options;
mod breaches;
mod headers;
mod blueprints;
mod settings;
mod strategies;
mod stores;
mod outage;
mod privacy;

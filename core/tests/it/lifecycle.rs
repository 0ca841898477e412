//! Tests of the module `lifecycle` through the public API.

mod background;
mod copied_contexts;
mod errors;
mod hooks;
mod startup;
mod teardown;

//! Tests of the module `lifecycle` through the public API.

mod background;
mod errors;
mod hooks;
mod startup;
mod teardown;

//! The room `lifecycle`, seen from outside.

mod background;
mod errors;
mod hooks;
mod startup;
mod teardown;

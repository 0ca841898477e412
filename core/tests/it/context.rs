//! Tests of the module `context` through the public API.

mod globals;
mod propagation;
mod signals;

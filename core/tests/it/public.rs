//! Tests of properties of the whole crate.

mod auto_traits;
mod properties;

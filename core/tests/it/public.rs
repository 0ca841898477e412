//! What holds for the whole crate.

mod auto_traits;
mod properties;

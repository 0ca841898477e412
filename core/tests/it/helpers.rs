//! Tests of the module `helpers` through the public API.

mod files;
#[cfg(feature = "templates")]
mod templates;

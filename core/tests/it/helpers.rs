//! Tests of the module `helpers` through the public API.

mod conditions;
mod files;
#[cfg(feature = "templates")]
mod templates;

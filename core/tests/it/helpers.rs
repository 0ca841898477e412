//! Tests of the module `helpers` through the public API.

mod conditions;
mod files;
mod make_conditional;
#[cfg(feature = "templates")]
mod templates;

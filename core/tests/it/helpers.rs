//! The room `helpers`, seen from outside.

mod files;
#[cfg(feature = "templates")]
mod templates;

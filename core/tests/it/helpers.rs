//! Tests of the module `helpers` through the public API.

mod conditions;
mod files;
#[cfg(feature = "templates")]
mod jinja;
mod make_conditional;
#[cfg(feature = "templates")]
mod templates;
#[cfg(feature = "templates")]
mod template_functions;
#[cfg(feature = "templates")]
mod template_names;

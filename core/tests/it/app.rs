//! Tests of the module `app` through the public API.

mod blueprints;
mod set_up_errors;
